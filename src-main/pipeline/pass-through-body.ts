import { ProxyError } from '../../src-shared/errors.ts';
import type { ForeignStateTarget, ProviderCodec } from '../protocols/codec.ts';
import { isObject } from '../protocols/is-object.ts';
import type { RequestFields } from '../protocols/request-body.ts';
import { requestFor } from './changed-request.ts';
import type { AttemptContext } from './context.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import { foreignTo, traceRestored } from './restored-reasoning.ts';

export interface PassThroughBody {
  bytes: Buffer | string;
  /** Names the conversation that its answer is remembered by; null where nothing of it is. */
  conversation: string | null;
  /** The answer's stream tells its usage in a frame of which the client is to know nothing. */
  hidesUsage: boolean;
  /** For the trace. */
  warnings: readonly string[];
}

/**
 * The client's own bytes, but for what this provider cannot take, and what it must be given:
 *
 * - A message thread (beta message-threads-2026-08-12) carries only what is new, so it works only where it was begun: with
 *   Anthropic itself. Elsewhere its beginning is dropped, and to go on with it is refused in the words that make Claude Code
 *   send the whole history.
 * - Reasoning of another provider, which has answered in this conversation before, is refused; it is left out.
 * - Its own that the client has lost is put back.
 * - A stream that would not tell its usage is asked for it; the client does not see that (`hidesUsage`).
 *
 * @throws ProxyError `thread_unsupported`
 */
export async function passThroughBody(
  context: AttemptContext,
  { passThrough }: ProviderCodec,
  memory: ReasoningMemory,
): Promise<PassThroughBody> {
  const { body } = requestFor(context);
  const { provider, model } = context.target;
  const isForeign = await foreignTo(provider.id, memory);
  const quirks = provider.quirksFor(model);
  const target: ForeignStateTarget = { provider: provider.id, model, quirks, isForeign };
  const usage = passThrough?.streamUsage?.(body, { quirks, refused: provider.refused.of(model) }) ?? null;
  const asked: RequestFields = { model, ...usage };
  const hidesUsage = usage !== null;
  const dropsThread = !provider.holdsThreads && body.has('thread');
  const foreignState = passThrough?.foreignState.mayBeIn(body.raw, target) === true ? passThrough.foreignState : null;
  const restoration = passThrough?.restoration?.wantedBy(target.quirks) === true ? passThrough.restoration : null;
  const restores = restoration?.mayBeNeeded(body.raw) === true;
  const remembers = restores || (restoration !== null && body.has('tools'));
  if (!dropsThread && foreignState === null && !remembers)
    return { bytes: body.with(asked), conversation: null, hidesUsage, warnings: [] };
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
  const { thread, ...rest } = kept;
  const bytes =
    !dropsThread && kept === decoded ? body.with(asked) : JSON.stringify({ ...(dropsThread ? rest : kept), ...asked });
  return { bytes, conversation, hidesUsage, warnings: [...warnings] };
}

/** @throws ProxyError `thread_unsupported` where it goes on with what only Anthropic has. */
export function refuseContinuedThread(thread: unknown): void {
  if (isObject(thread) && thread.type === 'continue') throw ProxyError.of('thread_unsupported', undefined);
}
