import { isObject } from '../is-object.ts';

/** Why an answer is made without thinking that was asked for. */
export const CALLED_WITHOUT_THINKING =
  'The last tool calls came without thinking, so it was switched off for this answer.';

export const isThinkingBlock = (block: unknown): boolean =>
  isObject(block) && (block.type === 'thinking' || block.type === 'redacted_thinking');

/** Thinking of which nothing is known, as servers take it that refuse answers without any (QwenLM/qwen-code pull request 3788). */
export const NO_THINKING = { type: 'thinking', thinking: '', signature: '' } as const;

type Messages = readonly unknown[];

/** The user has said something: what the model had begun is over. A message with results of tools goes on with it. */
function isQuestion(message: unknown): boolean {
  if (!isObject(message) || message.role !== 'user') return false;
  const { content } = message;
  return !(Array.isArray(content) && content.some((block) => isObject(block) && block.type === 'tool_result'));
}

const startOfLoop = (messages: Messages): number => messages.findLastIndex(isQuestion) + 1;

/** The first block of each of the assistant's turns; several messages in a row are one. */
function firstBlocks(messages: Messages): unknown[] {
  const first: unknown[] = [];
  let spoke = false;
  for (const message of messages) {
    const speaks = isObject(message) && message.role === 'assistant';
    if (speaks && !spoke) first.push(Array.isArray(message.content) ? message.content[0] : message.content);
    spoke = speaks;
  }
  return first;
}

/**
 * Whether the tool loop that an answer is to go on with has lost the thinking with which it must begin where thinking is
 * manual: "a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and
 * `tool_result` blocks)" (anomalyco/opencode issue 3077).
 *
 * @param given the messages as they were.
 * @param losers places of those that lost thinking.
 */
export function loopLacksThinking(
  given: Messages,
  { messages, losers }: { messages: Messages; losers: ReadonlySet<number> },
): boolean {
  const start = startOfLoop(given);
  if (![...losers].some((place) => place >= start)) return false;
  const first = firstBlocks(messages.slice(startOfLoop(messages)));
  return first.length > 0 && !(isThinkingBlock(first[0]) && isThinkingBlock(first.at(-1)));
}

/**
 * The request with thinking switched off, and without what goes with thinking only: the thinking of the loop it is in ("an
 * `assistant` message in the final position cannot contain `thinking`", tailcallhq/forgecode issue 1853), the strategy that
 * clears it ("requires `thinking` to be enabled or adaptive", router-for-me/CLIProxyAPI issue 4957), and the highest efforts.
 */
export function withThinkingOff(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const messages: Messages = Array.isArray(body.messages) ? body.messages : [];
  const start = startOfLoop(messages);
  const { output_config: output } = body;
  const effort = isObject(output) && (output.effort === 'xhigh' || output.effort === 'max') ? 'high' : null;
  return {
    ...withoutClearing(body),
    messages: messages.flatMap((message, index) => (index < start ? [message] : withoutThinkingIn(message))),
    thinking: { type: 'disabled' },
    ...(effort === null ? {} : { output_config: { ...(output as object), effort } }),
  };
}

function withoutClearing(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { context_management: management, ...rest } = body;
  if (!isObject(management) || !Array.isArray(management.edits)) return body;
  const edits = management.edits.filter((edit) => !(isObject(edit) && String(edit.type).startsWith('clear_thinking')));
  return edits.length === 0 ? rest : { ...body, context_management: { ...management, edits } };
}

/** None where it was nothing else. */
function withoutThinkingIn(message: unknown): unknown[] {
  if (!isObject(message) || message.role !== 'assistant' || !Array.isArray(message.content)) return [message];
  const content = message.content.filter((block) => !isThinkingBlock(block));
  if (content.length === message.content.length) return [message];
  return content.length === 0 ? [] : [{ ...message, content }];
}
