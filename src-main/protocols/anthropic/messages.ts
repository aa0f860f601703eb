import type { ContentBlock, MessagesRequest, RedactedThinkingBlock, ThinkingBlock } from '../canonical.ts';
import { GO_ON, NO_OUTPUT, SEPARATOR, systemReminder } from '../content-text.ts';
import { otherBlockText } from '../server-tools.ts';
import { inputObject } from '../tool-input.ts';
import { encodeToolName, uniqueToolId } from '../tool-names.ts';
import { blocksOf, type Turn, turnsOf } from '../turns.ts';
import { type ContentContext, type SentBlock, saidBlocks, textBlocks, toolResult, userBlocks } from './content.ts';
import { takenThinking } from './foreign-thinking.ts';
import { isThinkingBlock, NO_THINKING } from './tool-loop.ts';

export interface SentMessage {
  role: 'user' | 'assistant' | 'system';
  content: SentBlock[];
}

interface ConversationContext extends ContentContext {
  /** Messages with role `system` are taken in the middle. */
  takesSystem: boolean;
  /** Filled: names that had to change (sent name → the client's own). */
  toolNames: Map<string, string>;
}

export interface Conversation {
  system: SentBlock[];
  /** The first is a user's; roles alternate, but for a system message behind a user's. */
  messages: SentMessage[];
}

/** Stands where the API wants a user to have said something, and nobody did. */
const NO_MESSAGE = '[no message]';

type AssistantTurn = { role: 'assistant'; content: SentBlock[]; ids: ReadonlyMap<string, string> };
type UserTurn = Extract<Turn, { role: 'user' }>;

/**
 * The conversation as Anthropic's API takes it. Each turn is translated by itself: when a conversation grows, what was sent
 * before stays the same, so prompt caches hold and thinking stays bound to what it was made in.
 */
export function encodeConversation(request: MessagesRequest, context: ConversationContext): Conversation {
  const turns = spokenTurns(request, context);
  const system = blocksOf(request.system ?? []).flatMap((block) =>
    block.type === 'text' ? textBlocks(block.text, block.cache_control) : [],
  );
  const messages: SentMessage[] = [];
  if (turns[0]?.role !== 'user') messages.push(nobodySpoke());
  let ids: ReadonlyMap<string, string> = new Map();
  for (const [index, turn] of turns.entries()) {
    if (turn.role === 'assistant') {
      messages.push({ role: 'assistant', content: turn.content });
      ids = turn.ids;
    } else if (index === 0) {
      const opening = openingSystem(turn);
      for (const { blocks } of turn.messages.slice(0, opening)) system.push(...systemTexts(blocks));
      messages.push(...userMessages({ ...turn, messages: turn.messages.slice(opening) }, ids, context));
    } else messages.push(...userMessages(turn, ids, context));
  }
  return { system, messages };
}

const nobodySpoke = (): SentMessage => ({ role: 'user', content: [{ type: 'text', text: NO_MESSAGE }] });

/** The turns, without assistant turns of which nothing is left: the user turns around them become one. */
function spokenTurns(request: MessagesRequest, context: ConversationContext): (AssistantTurn | UserTurn)[] {
  const turns: (AssistantTurn | UserTurn)[] = [];
  const usedIds = new Set<string>();
  for (const turn of turnsOf(request.messages, context.warnings)) {
    const last = turns.at(-1);
    if (turn.role === 'assistant') {
      const encoded = assistantTurn(turn.blocks, usedIds, context);
      if (encoded.content.length > 0) turns.push(encoded);
      // "must be last or followed by an assistant message"
      else if (last?.role === 'user' && context.takesSystem && last.messages.at(-1)?.role === 'system')
        turns.push({ ...encoded, content: [{ type: 'text', text: NO_OUTPUT }] });
    } else if (last?.role === 'user') {
      turns[turns.length - 1] = { ...last, messages: [...last.messages, ...turn.messages] };
    } else turns.push(turn);
  }
  return turns;
}

function assistantTurn(
  blocks: readonly ContentBlock[],
  usedIds: Set<string>,
  context: ConversationContext,
): AssistantTurn {
  const { target, toolNames, warnings } = context;
  const ids = new Map<string, string>();
  const content = blocks.flatMap((block): SentBlock[] => {
    switch (block.type) {
      case 'text':
        return saidBlocks(block);
      case 'thinking': {
        const own = takenThinking(block, target) as ThinkingBlock | null;
        return own === null ? [] : [{ type: 'thinking', thinking: own.thinking, signature: own.signature ?? '' }];
      }
      case 'redacted_thinking': {
        const own = takenThinking(block, target) as RedactedThinkingBlock | ThinkingBlock | null;
        return own === null ? [] : [{ ...own }];
      }
      case 'tool_use': {
        // "`tool_use` ids must be unique", in the whole conversation; some models count anew in every answer.
        const id = uniqueToolId(block.id, usedIds);
        ids.set(block.id, id);
        const name = encodeToolName(block.name);
        if (name !== block.name) toolNames.set(name, block.name);
        const mark = block.cache_control ? { cache_control: block.cache_control } : {};
        return [{ type: 'tool_use', id, name, input: inputObject(block.input), ...mark }];
      }
      default: {
        const past = otherBlockText(block, warnings);
        return past === null ? [] : textBlocks(past);
      }
    }
  });
  // "The final block in an assistant message cannot be `thinking`": what it led to never came, or cannot be sent.
  while (isThinkingBlock(content.at(-1))) content.pop();
  // Some servers refuse an answer that has not thought.
  if (target.quirks.returnsReasoningContent && content.length > 0 && !isThinkingBlock(content[0]))
    content.unshift({ ...NO_THINKING });
  return { role: 'assistant', content, ids };
}

/** How many of a turn's messages are the system's, before anybody else has said something. */
function openingSystem({ messages }: UserTurn): number {
  const place = messages.findIndex(({ role }) => role !== 'system');
  return place === -1 ? messages.length : place;
}

function systemTexts(blocks: readonly ContentBlock[]): SentBlock[] {
  return blocks.flatMap((block) => (block.type === 'text' ? textBlocks(block.text, block.cache_control) : []));
}

/**
 * One user message: all tool results first, then what the user says. A system message may follow it; one that is in another
 * place, or that the model does not take, is a part of the user's.
 */
function userMessages(turn: UserTurn, ids: ReadonlyMap<string, string>, context: ConversationContext): SentMessage[] {
  const content = turn.results.map(({ id, block }) => toolResult(ids.get(id) ?? id, block, context));
  const said = turn.messages
    .map(({ role, blocks }) => ({
      role,
      content: role === 'system' ? systemTexts(blocks) : userBlocks(blocks, context),
    }))
    .filter((message) => message.content.length > 0);
  const lastOfUser = said.findLastIndex(({ role }) => role === 'user');
  const follows = context.takesSystem && (lastOfUser !== -1 || content.length > 0);
  const system: SentBlock[] = [];
  for (const [index, message] of said.entries()) {
    if (message.role === 'user') content.push(...message.content);
    else if (follows && index > lastOfUser) system.push(...message.content);
    else content.push(reminder(message.content));
  }
  if (content.length === 0) return [nobodySpoke()];
  const messages: SentMessage[] = [{ role: 'user', content }];
  if (system.length > 0) messages.push({ role: 'system', content: system });
  return messages;
}

function reminder(texts: readonly SentBlock[]): SentBlock {
  const text = systemReminder(texts.map((block) => block.text).join(SEPARATOR));
  const mark = texts.at(-1)?.cache_control;
  return mark === undefined ? { type: 'text', text } : { type: 'text', text, cache_control: mark };
}

/** What a conversation that ends with the beginning of the answer becomes, as the model takes it. */
export function closeConversation({ messages }: Conversation, takesPrefill: boolean): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return;
  if (!takesPrefill) {
    messages.push({ role: 'user', content: [{ type: 'text', text: GO_ON }] });
    return;
  }
  // "final assistant content cannot end with trailing whitespace"
  const block = last.content.at(-1);
  if (block?.type === 'text') block.text = (block.text as string).trimEnd();
}

/**
 * Says something to the model for this answer only. It stands at the very end where the model takes it there, so that what is
 * cached of the conversation stays.
 * @returns the block before it, where it stands there: what is to be cached ends with that.
 */
export function instructOnce({ system, messages }: Conversation, text: string, takesSystem: boolean): SentBlock | null {
  const block = { type: 'text', text };
  const last = messages.at(-1);
  if (!takesSystem || last === undefined || last.role === 'assistant') {
    system.push(block);
    return null;
  }
  const before = last.content.at(-1) ?? null;
  if (last.role === 'system') last.content.push(block);
  else messages.push({ role: 'system', content: [block] });
  return before;
}

/** Whether the last answer called tools without having thought: with manual thinking it "must start with a thinking block". */
export function calledWithoutThinking({ messages }: Pick<Conversation, 'messages'>): boolean {
  const last = messages.findLast(({ role }) => role === 'assistant');
  return last?.content.some(({ type }) => type === 'tool_use') === true && !isThinkingBlock(last.content[0]);
}

/**
 * Takes out the thinking: while it is off, "an `assistant` message in the final position cannot contain `thinking`"
 * (tailcallhq/forgecode issue 1853), and elsewhere it is of no use. All of it, so that nothing changes when the loop is over.
 */
export function dropThinking({ messages }: Conversation): void {
  for (const message of messages)
    if (message.role === 'assistant') message.content = message.content.filter((block) => !isThinkingBlock(block));
}

/** Whether thinking is given back. */
export const holdsThinking = ({ messages }: Conversation): boolean =>
  messages.some(({ role, content }) => role === 'assistant' && content.some(isThinkingBlock));
