import type { Message } from '../protocols/canonical.ts';
import type { ProviderCodec } from '../protocols/codec.ts';
import { nothingRemembered } from '../protocols/remembered-turn.ts';
import { holdsCalls, restoreTurns } from '../protocols/restore-turns.ts';
import type { AttemptContext } from './context.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';

/** The conversation with what the client has lost of this target's own reasoning; the same array where that is nothing. */
export async function restoredMessages(
  messages: Message[],
  context: AttemptContext,
  { protocol }: ProviderCodec,
  { memory, conversation }: { memory: ReasoningMemory; conversation: string },
): Promise<Message[]> {
  if (!holdsCalls(messages)) return messages;
  const recall = await memory.recall(conversation);
  if (recall === nothingRemembered) return messages;
  const { provider, model } = context.target;
  const quirks = provider.quirksFor(model);
  const target = {
    provider: provider.id,
    model,
    takesUnsigned: protocol === 'anthropic' ? quirks.takesEmptySignature : quirks.returnsReasoningContent,
    takesPhases: protocol === 'openai-responses',
    // OpenAI's SDK keeps the last piece of each field that it does not know, of a stream.
    losesParts: context.request.request.codec.protocol === 'openai-chat',
  };
  const given = restoreTurns(messages, target, recall);
  traceRestored(context, given.turns);
  return given.messages;
}

/** Once, however often the target is asked. @param turns how many got reasoning back. */
export function traceRestored({ request, target: { provider, model } }: AttemptContext, turns: number): void {
  if (turns === 0) return;
  const { trace } = request.row;
  const which = turns === 1 ? 'one turn' : `${turns} turns`;
  const detail = `given back to ${provider.id}/${model}: reasoning of ${which} that the client had left out`;
  if (!trace.some((step) => step.detail === detail)) trace.push({ step: 'reasoning', detail });
}

/**
 * Tells of a vendor's own signature whether it is known to be another's than this provider's; null where no other's is known.
 * What is on disk of them is waited for a moment: a provider would refuse another's signatures, and then none of the
 * conversation's would be believed any more.
 */
export async function foreignTo(
  provider: string,
  { signatures }: ReasoningMemory,
): Promise<((signature: string) => boolean) | null> {
  await signatures.ready();
  return signatures.knowsOthers(provider) ? (signature) => signatures.isForeign(signature, provider) : null;
}
