import type { EncodeTarget } from './codec.ts';
import { nearestEffort, type ReasoningEffort } from './effort.ts';

/** What is changed about a request before a target gets it, in words that all dialects share. */
export interface BodyChanges {
  /** The most tokens of the answer. */
  readonly maxTokens?: number | undefined;
  readonly effort?: ReasoningEffort | undefined;
  readonly temperature?: number | undefined;
  /** Text after the system prompt. */
  readonly system?: string | undefined;
}

/** Whom a request is changed for. */
export interface ChangeTarget extends Pick<EncodeTarget, 'model' | 'quirks' | 'facts' | 'refused'> {
  /** It gets the client's own bytes. Else they are translated, and a codec says what the model takes in its own words. */
  readonly passesThrough: boolean;
}

export interface ChangedBody {
  readonly bytes: Buffer;
  /** What was changed and what was left out, and why, in words. */
  readonly told: readonly string[];
}

const inWords = (tokens: number): string => tokens.toLocaleString('en-US');

/** A limit as far as the model can write. @param before what the client asks for. */
export function limitFor(
  wanted: number,
  { facts: { maxOutput } }: ChangeTarget,
  before: unknown,
  told: string[],
): number {
  const limit = Math.min(wanted, maxOutput ?? wanted);
  const why = limit < wanted ? ' (the model writes no more)' : '';
  if (limit !== before)
    told.push(
      `max tokens ${inWords(limit)}${why}${typeof before === 'number' ? ` instead of ${inWords(before)}` : ''}`,
    );
  return limit;
}

/** An effort that the model takes; undefined where it takes none, or needs not be told of it. */
export function effortFor(
  wanted: ReasoningEffort,
  { facts }: ChangeTarget,
  told: string[],
): ReasoningEffort | undefined {
  if (facts.reasoning === false) {
    if (wanted !== 'none') told.push(leftOut('effort', 'the model cannot think'));
    return undefined;
  }
  const effort = nearestEffort(wanted, facts.efforts);
  if (effort === undefined) told.push(leftOut('effort', 'the model takes none'));
  return effort;
}

/** @param sent the effort that is sent. */
export const effortSet = (sent: string, wanted: ReasoningEffort): string =>
  sent === wanted ? `effort ${sent}` : `effort ${sent} (the model does not take ${wanted})`;

export const temperatureSet = (sent: number, before: unknown): string =>
  typeof before === 'number' ? `temperature ${sent} instead of ${before}` : `temperature ${sent}`;

export const leftOut = (what: string, why: string): string => `${what} left out: ${why}`;

export const REFUSED_BEFORE = 'the model has refused it before';
export const TEXT_ADDED = 'text added to the system prompt';
