import type { AnswerReader } from './answer-readers.ts';
import type { AttemptContext } from './context.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';

/**
 * Keeps of an answer what its client may lose and its provider will want back. Of one that was cut, what had come whole: a
 * client runs the calls that it has got and goes on from there.
 *
 * @param conversation null where no turn is remembered.
 */
export function rememberAnswer(
  context: AttemptContext,
  { signatures, turn: recorded }: Pick<AnswerReader, 'signatures' | 'turn'>,
  conversation: string | null,
  memory: ReasoningMemory,
): void {
  const { provider } = context.target;
  for (const signature of signatures) memory.signatures.note(signature, provider.id);
  if (conversation === null || recorded === null) return;
  if (recorded.turn === null) void forgetEarlier(context, recorded.key, conversation, memory);
  else memory.remember(conversation, recorded.key, recorded.turn);
}

/**
 * Where ids are counted anew, an answer without reasoning may have the very calls of an earlier one that had some, and would
 * be given it.
 */
async function forgetEarlier(
  { target: { provider, model } }: AttemptContext,
  key: string,
  conversation: string,
  memory: ReasoningMemory,
): Promise<void> {
  const recall = await memory.recall(conversation);
  if (recall(key) !== undefined) memory.remember(conversation, key, { provider: provider.id, model, reasoning: {} });
}
