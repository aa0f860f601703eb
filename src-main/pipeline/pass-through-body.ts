import { ProxyError } from '../../src-shared/errors.ts';
import type { ForeignStateTarget, ProviderCodec } from '../protocols/codec.ts';
import { isObject } from '../protocols/is-object.ts';
import { requestFor } from './changed-request.ts';
import type { AttemptContext } from './context.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import { foreignTo, traceRestored } from './restored-reasoning.ts';

/**
 * The client's own bytes, but for what this provider cannot take, and what it must be given:
 *
 * - A message thread (beta message-threads-2026-08-12) carries only what is new, so it works only where it was begun: with
 *   Anthropic itself. Elsewhere its beginning is dropped, and to go on with it is refused in the words that make Claude Code
 *   send the whole history.
 * - Reasoning of another provider, which has answered in this conversation before, is refused; it is left out.
 * - Its own that the client has lost is put back.
 *
 * @throws ProxyError `thread_unsupported`
 */
export async function passThroughBody(
  context: AttemptContext,
  { passThrough }: ProviderCodec,
  memory: ReasoningMemory,
): Promise<{ bytes: Buffer | string; conversation: string | null; warnings: readonly string[] }> {
  const { body } = requestFor(context);
  const { provider, model } = context.target;
  const isForeign = await foreignTo(provider.id, memory);
  const target: ForeignStateTarget = { provider: provider.id, model, quirks: provider.quirksFor(model), isForeign };
  const dropsThread = !provider.holdsThreads && body.has('thread');
  const foreignState = passThrough?.foreignState.mayBeIn(body.raw, target) === true ? passThrough.foreignState : null;
  const restoration = passThrough?.restoration?.wantedBy(target.quirks) === true ? passThrough.restoration : null;
  const restores = restoration?.mayBeNeeded(body.raw) === true;
  const remembers = restores || (restoration !== null && body.has('tools'));
  if (!dropsThread && foreignState === null && !remembers)
    return { bytes: body.withModel(model), conversation: null, warnings: [] };
  const decoded = body.decode();
  if (dropsThread) refuseContinuedThread(decoded.thread);
  const conversation = remembers ? context.request.conversation(decoded) : null;
  const warnings = new Set<string>();
  let kept = decoded;
  // First, while calls have the ids that they are remembered by.
  if (restores && conversation !== null) {
    const given = restoration.restore(decoded, target, await memory.recall(conversation));
    kept = given.body;
    traceRestored(context, given.turns);
  }
  kept = foreignState?.remove(kept, target, warnings) ?? kept;
  if (!dropsThread && kept === decoded) return { bytes: body.withModel(model), conversation, warnings: [...warnings] };
  const { thread, ...rest } = kept;
  const bytes = JSON.stringify({ ...(dropsThread ? rest : kept), model });
  return { bytes, conversation, warnings: [...warnings] };
}

/** @throws ProxyError `thread_unsupported` where it goes on with what only Anthropic has. */
export function refuseContinuedThread(thread: unknown): void {
  if (isObject(thread) && thread.type === 'continue') throw ProxyError.of('thread_unsupported', undefined);
}
