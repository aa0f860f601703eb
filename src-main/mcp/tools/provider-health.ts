import { z } from 'zod';
import type { HealthProblem, HealthSnapshot } from '../../../src-shared/health.ts';
import { amount, clock, list, paragraphs, span } from '../words.ts';
import { defineTool, ToolError } from './tool.ts';

const healthSchema = z.object({
  id: z.string(),
  enabled: z.boolean(),
  state: z.enum(['healthy', 'degraded', 'down', 'unknown']),
  reason: z.string().nullable(),
  attempts: z.number().int().describe('In the last minutes'),
  failures: z.number().int().describe('Of these, through its own fault'),
  first_content_ms: z.number().nullable().describe('Moving averages, as the next; null: not known'),
  tokens_per_second: z.number().nullable(),
});

const problemSchema = z.object({
  severity: z.enum(['down', 'degraded', 'note']),
  about: z.string().nullable().describe('Such as the id of a provider; null: CProxy'),
  problem: z.string(),
  advice: z.string().nullable(),
});

const errorSchema = z.object({
  at: z.string().describe('ISO 8601'),
  request_id: z.string(),
  provider: z.string().nullable(),
  code: z.string(),
  message: z.string(),
  recovered: z.boolean().describe('Whether the client was answered all the same'),
});

const MOST_ERRORS = 10;

export const providerHealth = defineTool({
  name: 'provider_health',
  title: 'Provider health',
  description: 'How providers and CProxy itself do: what is wrong, what to do about it, and what failed last.',
  input: z.strictObject({
    provider: z.string().min(1).max(200).optional().describe('Only this provider, by its id'),
  }),
  output: z.object({
    state: z.enum(['healthy', 'degraded', 'down']).describe('Of all together'),
    providers: z.array(healthSchema),
    problems: z.array(problemSchema),
    last_errors: z.array(errorSchema).describe('Newest first'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async call({ provider }, { engine }) {
    const snapshot = await (await engine.control()).health.snapshot();
    if (provider !== undefined && !snapshot.providers.some(({ id }) => id === provider))
      throw new ToolError(
        `There is no provider '${provider}'. There are: ${snapshot.providers.map(({ id }) => id).join(', ')}.`,
      );
    const meant = snapshot.providers.filter(({ id }) => provider === undefined || id === provider);
    const problems = snapshot.problems.filter(({ about }) => provider === undefined || about === provider);
    const errors = snapshot.lastErrors
      .filter((error) => provider === undefined || error.provider === provider)
      .slice(0, MOST_ERRORS);
    return {
      value: {
        state: snapshot.state,
        providers: meant.map(({ id, enabled, health }) => ({
          id,
          enabled,
          state: health.state,
          reason: health.reason,
          attempts: health.attempts,
          failures: health.failures,
          first_content_ms: health.firstContentMs,
          tokens_per_second: health.tokensPerSecond,
        })),
        problems,
        last_errors: errors.map(({ at, requestId, error, ...rest }) => ({
          at: new Date(at).toISOString(),
          request_id: requestId,
          provider: rest.provider,
          code: error.code,
          message: error.message,
          recovered: rest.recovered,
        })),
      },
      text: paragraphs(
        `CProxy is ${snapshot.state}.`,
        list(meant.map(healthInWords)),
        problems.length === 0 ? null : `Problems:\n${list(problems.map(problemInWords))}`,
        errors.length === 0
          ? null
          : `Failed last:\n${list(errors.map(({ at, error, recovered }) => `${clock(at)}: ${error.message}${recovered ? ' (another target answered)' : ''}`))}`,
      ),
    };
  },
});

export const problemInWords = ({ severity, about, problem, advice }: HealthProblem): string =>
  `${severity}${about === null ? '' : ` (${about})`}: ${problem}${advice === null ? '' : ` ${advice}`}`;

function healthInWords({ id, enabled, health }: HealthSnapshot['providers'][number]): string {
  const { state, reason, attempts, failures, firstContentMs } = health;
  const facts = [
    enabled ? state : 'off',
    ...(reason === null ? [] : [reason]),
    ...(attempts === 0 ? [] : [`${failures} of the last ${amount(attempts, 'attempt')} failed`]),
    ...(firstContentMs === null ? [] : [`first content after ${span(firstContentMs)}`]),
  ];
  return `${id}: ${facts.join('; ')}`;
}
