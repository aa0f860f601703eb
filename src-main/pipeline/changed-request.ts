import type { Changes } from '../../src-shared/rules.ts';
import { RequestBody } from '../protocols/request-body.ts';
import type { BodyChanges } from '../protocols/request-changes.ts';
import { nameOf, type Target } from '../routing/plan.ts';
import type { ClientRequest } from './client-request.ts';
import type { AttemptContext } from './context.ts';

/**
 * The client's request with what a rule changes about it for this target, in the client's own dialect; the same object where
 * that is nothing. What is changed and what is left out is told in the trace, once for each target.
 * @throws ProxyError `invalid_json`
 */
export function requestFor({ request: context, target }: Pick<AttemptContext, 'request' | 'target'>): ClientRequest {
  const { request, systemText, isCount } = context;
  if (target.changes === undefined && systemText === null) return request;
  const made = context.changed.get(target);
  if (made !== undefined) return made;
  const { maxTokens, effort, temperature, headers }: Changes = target.changes ?? {};
  const system = systemText ?? undefined;
  // Counters refuse what is no part of a prompt.
  const changes: BodyChanges = isCount ? { system } : { maxTokens, effort, temperature, system };
  const { bytes, told } = changed(request, target, changes);
  const names = Object.keys(headers ?? {});
  const details = names.length === 0 ? told : [...told, `headers set: ${names.join(', ')}`];
  if (details.length > 0)
    context.row.trace.push({ step: 'changes', detail: `${nameOf(target)}: ${details.join('; ')}` });
  const asked = bytes === request.body.raw ? request : { ...request, body: new RequestBody(bytes) };
  context.changed.set(target, asked);
  return asked;
}

function changed(
  { codec, body }: ClientRequest,
  { provider, model }: Target,
  changes: BodyChanges,
): { bytes: Buffer; told: readonly string[] } {
  if (Object.values(changes).every((change) => change === undefined)) return { bytes: body.raw, told: [] };
  const { effort } = changes;
  // The effort may decide in which dialect the model is asked, and the dialect how the effort is said.
  const { protocol } = provider.codecFor({
    protocol: codec.protocol,
    model,
    has: (field) => (field === 'reasoning_effort' && effort !== undefined) || body.isSet(field),
    text: (field) => (field === 'reasoning_effort' ? (effort ?? body.text(field)) : body.text(field)),
  });
  return codec.changed(body.raw, changes, {
    model,
    quirks: provider.quirksFor(model),
    facts: provider.factsOf(model),
    refused: provider.refused.of(model),
    passesThrough: protocol === codec.protocol,
  });
}

/** A provider's headers with those that a rule sets, which take the place of others of the same name. */
export function withChangedHeaders(headers: string[], changes: Changes | undefined): string[] {
  const set = Object.entries(changes?.headers ?? {});
  if (set.length === 0) return headers;
  const names = new Set(set.map(([name]) => name.toLowerCase()));
  const kept = headers.filter((_, index) => !names.has((headers[index - (index % 2)] ?? '').toLowerCase()));
  return [...kept, ...set.flat()];
}
