import { z } from 'zod';
import { factsInputSchema } from '../../../src-shared/facts-input.ts';
import type { RouteView } from '../../../src-shared/routing.ts';
import { requestSchema, summaryOfRequest } from '../request-summary.ts';
import { explanationInWords, routeInWords, whyThere } from '../route-in-words.ts';
import { targetName } from '../words.ts';
import { defineTool, ToolError } from './tool.ts';

const hypotheticalSchema = factsInputSchema.pick({
  ...{ model: true, protocol: true, class: true, tools: true, images: true, documents: true, thinking: true },
  ...{ inputTokens: true, maxTokens: true, client: true, project: true, agentType: true, headers: true },
});

const attemptSchema = z.object({
  target: z.string(),
  outcome: z.enum(['running', 'answered', 'failed', 'aborted']),
  ms: z.number().nullable(),
  status: z.number().nullable().describe('HTTP'),
  error: z.string().nullable(),
});

const routeSchema = z.object({
  route: z.string(),
  why: z.array(z.string()).describe('How the name was understood, what the order of targets comes from, and the like'),
  understood_as: z.string().describe('How the asked name was understood'),
  rule: z.string().nullable().describe('Id of the rule that has decided; null: none'),
  rules: z
    .array(z.object({ id: z.string(), outcome: z.enum(['matched', 'not-matched', 'off']), why: z.string().nullable() }))
    .describe('Those that were looked at, in their order'),
  strategy: z.string(),
  targets: z.array(
    z.object({
      target: z.string(),
      place: z.enum(['target', 'fallback', 'reserve', 'content-policy', 'skipped']),
      order: z.number().nullable().describe('In which they are tried; null: not at all'),
      why: z.string().nullable(),
    }),
  ),
  problem: z.string().nullable().describe('Why there is nowhere to go'),
});

export const explainRoute = defineTool({
  name: 'explain_route',
  title: 'Explain a route',
  description:
    'Says why a request went where it went: rules, targets, attempts, failures. Or where one would go that is made up (hypothetical); that calls nobody.',
  input: z.strictObject({
    request: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Id of a request, or its beginning; latest (where absent); failed for the latest that failed'),
    hypothetical: hypotheticalSchema.optional().describe('Facts of a request; only its model must be said'),
  }),
  output: z.object({
    request: requestSchema.nullable().describe('null for one that is made up'),
    attempts: z.array(attemptSchema),
    steps: z.array(z.string()).describe('What else happened on the way'),
    route: routeSchema.nullable().describe('null: it was refused before it was routed'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async call({ request, hypothetical }, { engine }) {
    if (request !== undefined && hypothetical !== undefined)
      throw new ToolError('Give either request or hypothetical.');
    const control = await engine.control();
    if (hypothetical !== undefined) {
      const { results } = await control.routing.simulate({ facts: hypothetical });
      const view = results[0]?.explanation ?? null;
      if (view === null) throw new ToolError('The simulator has found nothing to say of such a request.');
      return { value: { request: null, attempts: [], steps: [], route: routeOf(view) }, text: routeInWords(view) };
    }
    const found = await control.requests.explain({ id: request ?? 'latest' });
    if (found === null) throw new ToolError(notFound(request ?? 'latest'));
    return {
      value: {
        request: summaryOfRequest(found.request),
        attempts: found.request.attempts.map((attempt) => ({
          target: targetName(attempt),
          outcome: attempt.outcome,
          ms: attempt.endedMs === null ? null : Math.round(attempt.endedMs - attempt.startedMs),
          status: attempt.status,
          error: attempt.error?.message ?? null,
        })),
        steps: found.steps.map(({ step, detail }) => `${step}: ${detail}`),
        route: found.route === null ? null : routeOf(found.route),
      },
      text: explanationInWords(found),
    };
  },
});

function routeOf(view: RouteView): z.output<typeof routeSchema> {
  const { route, naming, rules, strategy, candidates, problem } = view;
  return {
    route,
    why: whyThere(view),
    understood_as: naming.as,
    rule: rules.find(({ outcome }) => outcome === 'matched')?.id ?? null,
    rules: rules.flatMap(({ id, outcome, why }) => (outcome === 'not-reached' ? [] : [{ id, outcome, why }])),
    strategy: strategy.name,
    targets: candidates.map(({ place, order, why, ...target }) => ({ target: targetName(target), place, order, why })),
    problem,
  };
}

function notFound(which: string): string {
  if (which === 'latest') return 'There was no request yet.';
  if (which === 'failed') return 'No request has failed lately.';
  return `There is no request '${which}'. The tool recent_requests shows which there are.`;
}
