import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ProxyError } from '../../src-shared/errors.ts';
import type { ModelFacts } from '../protocols/codec.ts';
import type { ListedModel } from '../routing/model-names.ts';

export interface ModelsDoorOptions {
  /** Everything that can be routed. */
  list: () => ListedModel[];
  /** A name that can be routed, listed or not. Throws ProxyError `unknown_model`. */
  find: (model: string) => ListedModel;
  /** Unix time in ms since when the models have been offered. */
  since: number;
}

/** The two shapes of a model list: Anthropic's for clients that send `anthropic-version`, else OpenAI's. */
type Shape = 'anthropic' | 'openai';

const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
  after_id: z.string().optional(),
  before_id: z.string().optional(),
});

function describe(
  { id, displayName, provider, facts }: ListedModel,
  shape: Shape,
  since: number,
): Record<string, unknown> {
  const { contextWindow, maxOutput } = facts;
  if (shape === 'anthropic')
    return {
      type: 'model',
      id,
      display_name: displayName,
      created_at: new Date(since).toISOString(),
      ...(contextWindow === null ? {} : { max_input_tokens: contextWindow }),
      ...(maxOutput === null ? {} : { max_tokens: maxOutput }),
      capabilities: capabilitiesOf(facts),
    };
  return {
    id,
    object: 'model',
    created: Math.floor(since / 1000),
    owned_by: provider ?? 'cproxy',
    // OpenAI says neither; these are the names of most who do.
    ...(contextWindow === null ? {} : { context_length: contextWindow }),
    ...(maxOutput === null ? {} : { max_completion_tokens: maxOutput }),
  };
}

const ANTHROPIC_EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/** As Anthropic's API reference ("Get a model") has them, of what is known; null where nothing is. */
function capabilitiesOf({ images, documents, structuredOutput, reasoning, efforts }: ModelFacts) {
  const known = Object.entries({
    image_input: images,
    pdf_input: documents,
    structured_outputs: structuredOutput,
    thinking: reasoning,
  }).flatMap(([name, supported]) => (supported === null ? [] : [[name, { supported }]]));
  if (efforts !== null) {
    const levels = ANTHROPIC_EFFORTS.map((level) => [level, { supported: efforts.includes(level) }]);
    known.push(['effort', { supported: efforts.some((effort) => effort !== 'none'), ...Object.fromEntries(levels) }]);
  }
  return known.length === 0 ? null : Object.fromEntries(known);
}

/** What fills `/model` of Claude Code, where it is told to ask (CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY). Others get the plain ids. */
const isClaudeCodesList = ({ 'user-agent': userAgent }: IncomingHttpHeaders): boolean =>
  userAgent?.startsWith('claude-code/') === true;

interface DescribedModel extends ListedModel {
  /** Stands beside the name; Claude Code shows 100 characters of it. */
  description: string;
}

/** Under names that it takes. */
function forClaudeCode(models: readonly ListedModel[]): DescribedModel[] {
  return models.flatMap((model) => {
    const { id, discoveryId, provider, facts } = model;
    if (discoveryId === null) return [];
    const room = facts.contextWindow === null ? '' : `, reads ${rounded(facts.contextWindow)} tokens`;
    return [{ ...model, id: discoveryId, description: `${provider === null ? 'alias in CProxy' : id}${room}` }];
  });
}

const rounded = (tokens: number): string => {
  if (tokens < 1000) return String(tokens);
  return tokens < 1_000_000 ? `${Math.round(tokens / 1000)}k` : `${Math.round(tokens / 100_000) / 10}M`;
};

/** `GET /v1/models` and `GET /v1/models/{id}`, whose ids may hold slashes. Nothing is listed that cannot be routed. */
export function registerModelsDoor(server: FastifyInstance, options: ModelsDoorOptions): void {
  const shapeFor = (headers: Record<string, unknown>): Shape =>
    headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';

  server.get('/v1/models', async (request) => {
    const shape = shapeFor(request.headers);
    const models = isClaudeCodesList(request.headers) ? forClaudeCode(options.list()) : options.list();
    if (shape === 'openai')
      return { object: 'list', data: models.map((model) => describe(model, shape, options.since)) };
    const query = pageSchema.safeParse(request.query);
    if (!query.success) {
      const issue = query.error.issues[0];
      throw ProxyError.of('invalid_field', {
        field: issue?.path.join('.') ?? 'query',
        expected: issue?.message ?? 'is not valid',
      });
    }
    const { limit, after_id, before_id } = query.data;
    const after = after_id === undefined ? 0 : models.findIndex(({ id }) => id === after_id) + 1;
    const before = before_id === undefined ? -1 : models.findIndex(({ id }) => id === before_id);
    const from = before === -1 ? after : Math.max(after, before - limit);
    const rest = models.slice(from, before === -1 ? undefined : before);
    const page = rest.slice(0, limit);
    return {
      data: page.map((model) => ({
        ...describe(model, shape, options.since),
        ...('description' in model ? { description: model.description } : {}),
      })),
      has_more: before === -1 ? rest.length > page.length : from > 0,
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
    };
  });

  server.get('/v1/models/*', async (request) => {
    const id = (request.params as { '*': string })['*'];
    return describe(options.find(id), shapeFor(request.headers), options.since);
  });
}
