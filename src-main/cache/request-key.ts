import { createHash } from 'node:crypto';
import type { UseCache } from '../../src-shared/cache-config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { RequestContext } from '../pipeline/context.ts';
import type { RoutedRun } from '../pipeline/middleware.ts';
import { isObject } from '../protocols/is-object.ts';

/** Say who asks or where a cache may be, and nothing of the answer. Of `stream` only the value counts that is in force. */
const VOLATILE = new Set([
  'stream',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'client_metadata',
]);
const VOLATILE_IN_METADATA = new Set(['user_id', 'session_id']);

/** Claude Code's first system block, which names its version and changes from session to session. */
const ATTRIBUTION = /^x-anthropic-billing-header:/;

/** Change what a model answers, or how. */
const HEADERS = ['anthropic-version', 'anthropic-beta', 'openai-beta'];

/** Its answer depends on what a server has kept, or is not in the answer. */
const STATEFUL = ['thread', 'previous_response_id', 'conversation', 'background'] as const;

/**
 * What is the same in requests that mean the same: SHA-256 of the request without what is volatile, and of where it may go. A rule
 * that changes or another model makes another key. All client tokens share answers; logins of clients that go on to a
 * provider do not.
 * @returns null where the answer is not to be given again, whatever it is.
 */
export function keyOf({ context, plan }: Omit<RoutedRun, 'answer'>, use: UseCache): string | null {
  const { body, codec, path, query, header, clientCredentials } = context.request;
  if (STATEFUL.some((field) => body.isSet(field))) return null;
  const decoded = decodedBody(context);
  if (decoded === null || (!use.agentTurns && isAgentTurn(decoded))) return null;
  const targets = [...plan.targets, ...plan.reserves, ...plan.contentPolicy];
  const places = targets.map(({ provider, model, changes }) => [
    provider.id,
    provider.baseUrl?.href ?? null,
    model,
    ordered(changes ?? null),
  ]);
  return createHash('sha256')
    .update(
      JSON.stringify([
        codec.protocol,
        path,
        query,
        body.stream,
        HEADERS.map(header),
        plan.route,
        // Balancing and circuits change their order with every request.
        places.map((place) => JSON.stringify(place)).sort(),
        context.systemText,
        targets.some(({ provider }) => provider.usesClientKey) ? clientCredentials : [],
        ordered(stable(decoded)),
      ]),
    )
    .digest('hex');
}

/** null: it cannot be, which is for a provider to say. */
function decodedBody({ request }: RequestContext): Readonly<Record<string, unknown>> | null {
  try {
    return request.body.decode();
  } catch (error) {
    if (error instanceof ProxyError) return null;
    throw error;
  }
}

/** It offers tools. */
const isAgentTurn = ({ tools, functions }: Readonly<Record<string, unknown>>): boolean =>
  [tools, functions].some((offered) => Array.isArray(offered) && offered.length > 0);

function stable(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.fromEntries(Object.entries(body).filter(([name]) => !VOLATILE.has(name)));
  if (isObject(kept.metadata)) {
    const rest = Object.entries(kept.metadata).filter(([name]) => !VOLATILE_IN_METADATA.has(name));
    kept.metadata = Object.fromEntries(rest);
    if (rest.length === 0) delete kept.metadata;
  }
  if (Array.isArray(kept.system)) kept.system = kept.system.filter((block) => !isAttribution(block));
  return kept;
}

const isAttribution = (block: unknown): boolean =>
  isObject(block) && typeof block.text === 'string' && ATTRIBUTION.test(block.text);

/** A value in which the order of keys is always the same; objects are lists here, so that no key is special. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return { of: names.flatMap((name) => [name, ordered(value[name])]) };
}
