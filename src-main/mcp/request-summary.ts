import { z } from 'zod';
import { costOfRequest, tokensOfRequest } from '../../src-shared/costs.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { clock, cost, count, span, targetName } from './words.ts';

/** A request as tools tell of it. */
export const requestSchema = z.object({
  id: z.string(),
  at: z.string().describe('ISO 8601'),
  asked_model: z.string(),
  state: z.enum(['running', 'answered', 'failed', 'aborted']),
  target: z.string().nullable().describe('provider-id/model-id that was asked last; null: none, or the cache'),
  route: z.string().nullable(),
  class: z.string().nullable(),
  client: z.string().nullable().describe('Name of the client token'),
  project: z.string().nullable(),
  attempts: z.number().int(),
  ms: z.number().nullable(),
  read_tokens: z.number().nullable(),
  written_tokens: z.number().nullable(),
  cost_usd: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type RequestSummary = z.output<typeof requestSchema>;

export function summaryOfRequest(row: RequestRow): RequestSummary {
  const last = row.attempts.at(-1);
  const tokens = tokensOfRequest(row);
  return {
    id: row.id,
    at: new Date(row.startedAt).toISOString(),
    asked_model: row.askedModel,
    state: row.state,
    target: last === undefined ? null : targetName(last),
    route: row.route,
    class: row.class,
    client: row.client,
    project: row.project,
    attempts: row.attempts.length,
    ms: row.endedMs === null ? null : Math.round(row.endedMs),
    read_tokens: tokens?.read ?? null,
    written_tokens: tokens?.written ?? null,
    cost_usd: costOfRequest(row),
    error: row.error === null ? null : { code: row.error.code, message: row.error.message },
  };
}

export function requestInWords(row: RequestSummary): string {
  const { id, at, asked_model, state, target, ms, read_tokens, written_tokens, cost_usd, error } = row;
  const facts = [
    ...(ms === null ? [] : [span(ms)]),
    ...(read_tokens === null || written_tokens === null
      ? []
      : [`${count(read_tokens)} / ${count(written_tokens)} tokens`, cost(cost_usd)]),
    ...(error === null ? [] : [error.message]),
  ];
  return `${clock(Date.parse(at))} ${id}: ${asked_model} → ${target ?? 'nobody'}, ${[state, ...facts].join(', ')}`;
}
