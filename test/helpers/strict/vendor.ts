import type { ConfigInput } from '../../../src-shared/config.ts';
import type { Step, UpstreamRequest } from '../scriptable-upstream.ts';
import { raw } from '../upstream/step.ts';
import type { Given, GivenOut } from './given-out.ts';

export type Fields = Record<string, unknown>;
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

/** A request as a vendor judges it. */
export interface Arrived {
  request: UpstreamRequest;
  json: Fields;
  conversation: string;
  givenOut: GivenOut;
  /** The client speaks this dialect itself and leaves reasoning out by itself: where the vendor lets it, that is its affair. */
  leavesOut: boolean;
  passedThrough: boolean;
  /** Refuses it, in the vendor's own words; the first refusal is the answer. */
  refuse(status: number, body: Fields, message: string): void;
  /**
   * Refuses a field that the client has put there by itself. That a server does not know it cannot be known before it says so:
   * the first time is no problem.
   */
  refuseField(status: number, body: Fields, field: string): void;
  /** Something that the vendor would put up with, but is worse than a refusal. */
  wrong(problem: string): void;
  /** The vendor leaves something out and goes on. */
  leftOut(what: string): void;
}

/** An answer that is to be given. */
export type Draft = Pick<Given, 'conversation' | 'name' | 'text'> & {
  calls: { id?: string; input: { path: string } }[];
};

/** A server that remembers what it gave out, and takes nothing else back. */
export interface StrictVendor {
  readonly id: string;
  readonly model: string;
  /** How its reasoning is told to it by clients that speak its dialect. */
  provider(baseUrl: string): ProviderInput;
  check(arrived: Arrived): void;
  answer(draft: Draft, arrived: Arrived): { given: Given; step: Step };
}

export const anthropicError = (message: string): Fields => ({
  type: 'error',
  error: { type: 'invalid_request_error', message },
  request_id: 'req_strict',
});

export const openaiError = (message: string, code: string | null = null): Fields => ({
  error: { message, type: 'invalid_request_error', param: null, code },
});

export const refusal = (status: number, body: Fields): Step =>
  raw(status, JSON.stringify(body), { 'content-type': 'application/json' });
