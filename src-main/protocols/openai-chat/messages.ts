import type { CacheControl, ContentBlock, MessagesRequest } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { GO_ON, NO_RESULT, SEPARATOR, systemBlocks, systemReminder } from '../content-text.ts';
import { customInput } from '../openai-settings.ts';
import { otherBlockText } from '../server-tools.ts';
import { sentArguments } from '../tool-input.ts';
import { type Turn, turnsOf } from '../turns.ts';
import { CacheMarks, MOST_MARKS } from './cache-marks.ts';
import {
  type ContentContext,
  contentParts,
  joinParts,
  type MediaPart,
  numberedMedia,
  type Part,
  type TextPart,
  toolResultPart,
} from './content-parts.ts';
import { ownState, UNSIGNED_CALL, unsignedDetail } from './own-state.ts';
import { takenToolId } from './tool-ids.ts';
import { sentName } from './tools.ts';

/** What the assistant says between tool results and a user's message, for servers that want it there. */
const BETWEEN = 'OK.';

type ToolCall = (
  | { id: string; type: 'function'; function: { name: string; arguments: string } }
  | { id: string; type: 'custom'; custom: { name: string; input: string } }
) & { extra_content?: unknown };

type ChatMessage =
  | { role: 'system'; content: string | TextPart[] }
  | { role: 'user'; content: string | Part[] }
  | {
      role: 'assistant';
      content: string | TextPart[] | null;
      refusal?: string;
      reasoning_content?: string;
      reasoning_details?: unknown[];
      tool_calls?: ToolCall[];
    }
  | { role: 'tool'; tool_call_id: string; content: string | TextPart[] };

/** What the conversation's translation needs besides the conversation. */
interface ConversationContext {
  target: EncodeTarget;
  /** Cache marks that are used up elsewhere. */
  marksUsed: number;
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
  return new ConversationEncoder(context).encode(request);
}

class ConversationEncoder {
  readonly #context: ConversationContext;
  readonly #content: ContentContext;
  readonly #marks: CacheMarks;
  readonly #encoded: ChatMessage[] = [];

  constructor(context: ConversationContext) {
    this.#context = context;
    this.#marks = new CacheMarks(context.target);
    this.#content = { target: context.target, marks: this.#marks, warnings: context.warnings };
  }

  encode(request: MessagesRequest): ChatMessage[] {
    const { target, marksUsed, warnings } = this.#context;
    this.#addSystem(contentParts(systemBlocks(request.system), this.#content));
    const turns = turnsOf(request.messages, warnings);
    for (const turn of turns) {
      if (turn.role === 'assistant') this.#addAssistant(turn);
      else this.#addUser(turn);
    }
    this.#markEnd(request);
    this.#marks.keepLast(MOST_MARKS - marksUsed);
    const endsOpen = turns.at(-1)?.role === 'assistant' && this.#encoded.at(-1)?.role === 'assistant';
    if (endsOpen && !target.quirks.takesPrefill) {
      warnings.add('The conversation ends with the beginning of the answer; the model was asked to go on from there.');
      this.#encoded.push({ role: 'user', content: GO_ON });
    }
    return this.#encoded;
  }

  #addSystem(parts: readonly Part[]): void {
    const texts = parts.filter((part): part is TextPart => part.type === 'text');
    if (texts.length > 0) this.#push({ role: 'system', content: joinParts(texts, this.#context.target) });
  }

  /** Adds a message that is no tool's, with a word of the assistant before it where none may follow a tool's. */
  #push(message: ChatMessage): void {
    const { target, warnings } = this.#context;
    if (!target.quirks.takesUserAfterTool && this.#encoded.at(-1)?.role === 'tool') {
      warnings.add(`The provider takes no message of the user after tool results; '${BETWEEN}' was put between.`);
      this.#encoded.push({ role: 'assistant', content: BETWEEN });
    }
    this.#encoded.push(message);
  }

  #addAssistant({ blocks, calls }: Extract<Turn, { role: 'assistant' }>): void {
    const { target, warnings } = this.#context;
    const { quirks } = target;
    const texts: TextPart[] = [];
    const refusals: string[] = [];
    const thinking: string[] = [];
    const toolCalls: ToolCall[] = [];
    const state = ownState(blocks, target);
    for (const block of blocks) {
      switch (block.type) {
        case 'text': {
          if (block.text === '') break;
          if (block.openai?.refusal === true && quirks.isOpenai) {
            refusals.push(block.text);
            break;
          }
          const part: TextPart = { type: 'text', text: block.text };
          this.#marks.mark(part, block.cache_control);
          texts.push(part);
          break;
        }
        case 'thinking':
          if (block.thinking !== '') thinking.push(block.thinking);
          break;
        case 'redacted_thinking':
          break;
        case 'tool_use':
          toolCalls.push(this.#toolCall(block, state.extra[block.id]));
          break;
        default: {
          const past = otherBlockText(block, warnings);
          if (past !== null) texts.push({ type: 'text', text: past });
        }
      }
    }
    const first = toolCalls[0];
    if (quirks.toolSchema === 'gemini' && first !== undefined && !calls.some((id) => id in state.extra)) {
      if (!quirks.returnsReasoningDetails) first.extra_content = UNSIGNED_CALL;
      else if (state.details.length === 0) state.details.push(unsignedDetail(first.id));
    }
    const returnsDetails = quirks.returnsReasoningDetails && state.details.length > 0;
    // Thinking alone, cut by the token limit: "content or tool_calls must be set" (DeepSeek).
    if (texts.length + refusals.length + toolCalls.length === 0 && !returnsDetails) return;
    const nothing = quirks.takesNullContent ? null : '';
    this.#encoded.push({
      role: 'assistant',
      content: texts.length > 0 ? joinParts(texts, target) : nothing,
      ...(refusals.length > 0 ? { refusal: refusals.join(SEPARATOR) } : {}),
      // On every message, empty where the thinking is lost: servers that want it back refuse a message without the field.
      ...(quirks.returnsReasoningContent ? { reasoning_content: thinking.join(SEPARATOR) } : {}),
      ...(returnsDetails ? { reasoning_details: state.details } : {}),
      ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
    });
  }

  #toolCall(block: Extract<ContentBlock, { type: 'tool_use' }>, extra: unknown): ToolCall {
    const { target, toolNames } = this.#context;
    const id = this.#toolId(block.id);
    const name = sentName(block.name, target.quirks);
    if (name !== block.name) toolNames.set(name, block.name);
    const call: ToolCall =
      block.openai?.custom === true && target.quirks.isOpenai
        ? { id, type: 'custom', custom: { name, input: customInput(block.input) } }
        : { id, type: 'function', function: { name, arguments: sentArguments(block) } };
    return extra === undefined ? call : { ...call, extra_content: extra };
  }

  #toolId(id: string): string {
    return takenToolId(id, this.#context.target.quirks);
  }

  /** First one tool message for each call, then the rest. */
  #addUser({ results, messages }: Extract<Turn, { role: 'user' }>): void {
    const { target } = this.#context;
    const media: MediaPart[] = [];
    for (const { id, block } of results) {
      const part: TextPart =
        block === null ? { type: 'text', text: NO_RESULT } : toolResultPart(block, media, this.#content);
      this.#marks.mark(part, block?.cache_control);
      this.#encoded.push({ role: 'tool', tool_call_id: this.#toolId(id), content: joinParts([part], target) });
    }
    let parts = numberedMedia(media);
    const flush = () => {
      if (parts.length > 0) this.#push({ role: 'user', content: joinParts(parts, target) });
      parts = [];
    };
    for (const { role, blocks } of messages) {
      if (role === 'user') parts.push(...contentParts(blocks, this.#content));
      else if (target.quirks.takesSystemAnywhere) {
        flush();
        this.#addSystem(contentParts(blocks, this.#content));
      } else {
        const reminder = this.#reminder(blocks);
        if (reminder !== null) parts.push(reminder);
      }
    }
    flush();
  }

  #reminder(blocks: readonly ContentBlock[]): TextPart | null {
    const said = contentParts(blocks, { ...this.#content, marks: null });
    const texts = said.flatMap((part) => (part.type === 'text' ? part.text : []));
    if (texts.length === 0) return null;
    let control: CacheControl | undefined;
    const part: TextPart = { type: 'text', text: systemReminder(texts.join(SEPARATOR)) };
    for (const block of blocks) if (block.type === 'text' && block.cache_control) control = block.cache_control;
    this.#marks.mark(part, control);
    return part;
  }

  /** `cache_control` of the request itself stands for a mark at its end. OpenAI needs none: it caches by itself. */
  #markEnd({ cache_control: control }: MessagesRequest): void {
    const last = this.#encoded.at(-1);
    if (!control || last === undefined || this.#context.target.quirks.cacheMarks !== 'cache_control') return;
    const part = Array.isArray(last.content) ? last.content.at(-1) : undefined;
    if (part !== undefined) this.#marks.mark(part, control);
  }
}
