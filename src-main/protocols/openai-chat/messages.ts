import type { ContentBlock, Message, MessagesRequest, ToolResultBlock } from '../canonical.ts';
import type { Quirks } from '../codec.ts';
import { encodeToolId, encodeToolName } from '../tool-names.ts';
import {
  contentParts,
  joinParts,
  type MediaPart,
  markedMedia,
  type Part,
  SEPARATOR,
  toolResultText,
} from './content-parts.ts';

/** OpenAI refuses longer tool call ids. Characters. */
const ID_LIMIT = 40;

export interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export type ChatMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | Part[] }
  | { role: 'assistant'; content: string | null; reasoning_content?: string; tool_calls?: ToolCall[] }
  | { role: 'tool'; tool_call_id: string; content: string };

/** What the conversation's translation needs besides the conversation. */
export interface ConversationContext {
  quirks: Quirks;
  /** Filled: names that had to change (sent name → the client's own). */
  toolNames: Map<string, string>;
  /** Filled: what was lost. */
  warnings: Set<string>;
}

/**
 * The conversation as Chat Completions messages. Each turn is translated by itself: when a conversation grows, what was
 * sent before stays the same, so prompt caches hold.
 */
export function encodeMessages(request: MessagesRequest, context: ConversationContext): ChatMessage[] {
  const encoded: ChatMessage[] = [];
  const system = systemText(request.system);
  if (system !== '') encoded.push({ role: 'system', content: system });
  const { messages } = request;
  let index = 0;
  while (index < messages.length) {
    const assistant: Message[] = [];
    for (; messages[index]?.role === 'assistant'; index += 1) assistant.push(messages[index] as Message);
    const others: Message[] = [];
    for (; index < messages.length && messages[index]?.role !== 'assistant'; index += 1)
      others.push(messages[index] as Message);
    const calls = encodeAssistantTurn(assistant, context, encoded);
    encodeUserTurn(others, calls, context, encoded);
  }
  return encoded;
}

/** Claude Code's first block is for Anthropic's billing: it changes with every version and breaks prompt caches elsewhere. */
const BILLING_BLOCK = 'x-anthropic-billing-header';

function systemText(system: MessagesRequest['system']): string {
  if (typeof system === 'string') return system;
  const texts = (system ?? []).map((block) => block.text);
  if (texts[0]?.startsWith(BILLING_BLOCK)) texts.shift();
  return texts.filter((text) => text !== '').join(SEPARATOR);
}

const blocksOf = ({ content }: Message): readonly ContentBlock[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

/** Returns the ids of the turn's tool calls, in order. */
function encodeAssistantTurn(turn: readonly Message[], context: ConversationContext, encoded: ChatMessage[]): string[] {
  const { quirks, toolNames, warnings } = context;
  const texts: string[] = [];
  const thinking: string[] = [];
  const calls = new Map<string, ToolCall>();
  for (const message of turn) {
    for (const block of blocksOf(message)) {
      switch (block.type) {
        case 'text':
          if (block.text !== '') texts.push(block.text);
          break;
        case 'thinking':
          if (block.thinking !== '') thinking.push(block.thinking);
          break;
        case 'redacted_thinking':
          break;
        case 'tool_use': {
          if (calls.has(block.id)) {
            warnings.add(`Tool use '${block.id}' stands twice in one turn; the second was left out.`);
            break;
          }
          const name = encodeToolName(block.name);
          if (name !== block.name) toolNames.set(name, block.name);
          const call = { name, arguments: JSON.stringify(block.input ?? {}) };
          calls.set(block.id, { id: encodeToolId(block.id, ID_LIMIT), type: 'function', function: call });
          break;
        }
        default:
          warnings.add(`A content block of type '${block.type}' has no counterpart and was left out.`);
      }
    }
  }
  if (texts.length > 0 || calls.size > 0 || (quirks.returnsReasoningContent && thinking.length > 0)) {
    encoded.push({
      role: 'assistant',
      content: texts.length > 0 ? texts.join(SEPARATOR) : null,
      // On every message, empty where the thinking is lost: servers that want it back refuse a message without the field.
      ...(quirks.returnsReasoningContent ? { reasoning_content: thinking.join(SEPARATOR) } : {}),
      ...(calls.size > 0 ? { tool_calls: [...calls.values()] } : {}),
    });
  }
  return [...calls.keys()];
}

/**
 * What stands between two assistant turns: first one tool message for each call, in the order of the calls (results arrive
 * in the order of completion), then the rest.
 */
function encodeUserTurn(
  turn: readonly Message[],
  calls: readonly string[],
  context: ConversationContext,
  encoded: ChatMessage[],
): void {
  const { warnings } = context;
  const results = toolResults(turn, calls, warnings);
  const media: MediaPart[] = [];
  for (const id of calls) {
    const result = results.get(id);
    if (result === undefined) warnings.add(`Tool use '${id}' has no result; "[no result]" was sent.`);
    const content = result === undefined ? '[no result]' : toolResultText(result, media, warnings);
    encoded.push({ role: 'tool', tool_call_id: encodeToolId(id, ID_LIMIT), content });
  }

  let parts = markedMedia(media);
  const flush = () => {
    if (parts.length > 0) encoded.push({ role: 'user', content: joinParts(parts) });
    parts = [];
  };
  for (const message of turn) {
    if (message.role !== 'system') {
      const content =
        typeof message.content === 'string'
          ? message.content
          : message.content.filter(({ type }) => type !== 'tool_result');
      parts.push(...contentParts(content, warnings));
      continue;
    }
    const text = contentParts(message.content, warnings).flatMap((part) => (part.type === 'text' ? part.text : []));
    if (text.length === 0) continue;
    if (context.quirks.takesSystemAnywhere) {
      flush();
      encoded.push({ role: 'system', content: text.join(SEPARATOR) });
    } else {
      parts.push({ type: 'text', text: `<system-reminder>\n${text.join(SEPARATOR)}\n</system-reminder>` });
    }
  }
  flush();
}

function toolResults(
  turn: readonly Message[],
  calls: readonly string[],
  warnings: Set<string>,
): Map<string, ToolResultBlock> {
  const results = new Map<string, ToolResultBlock>();
  for (const message of turn) {
    if (typeof message.content === 'string') continue;
    for (const block of message.content) {
      if (block.type !== 'tool_result') continue;
      if (!calls.includes(block.tool_use_id))
        warnings.add(`A tool result answers no tool use ('${block.tool_use_id}') and was left out.`);
      else if (results.has(block.tool_use_id))
        warnings.add(`Tool use '${block.tool_use_id}' has several results; the first was sent.`);
      else results.set(block.tool_use_id, block);
    }
  }
  return results;
}
