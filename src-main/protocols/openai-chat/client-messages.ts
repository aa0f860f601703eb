import type { ContentBlock, Message, TextBlock, ToolResultBlock, ToolUseBlock } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { invalid, objectAt, optionalArray, optionalObject, optionalString, stringAt } from '../openai-checks.ts';
import { cacheMark, markedResult } from '../openai-settings.ts';
import { givenArguments } from '../tool-input.ts';
import { decodeToolId } from '../tool-names.ts';
import { assistantBlocks, markLast, refusalBlock, textBlocks, userBlocks } from './client-content.ts';
import { reasoningBlocks } from './client-reasoning.ts';

/** What a user says where Anthropic wants a user to speak first, and the client has nobody say anything. */
const OPENING = '.';

export interface Conversation {
  system: TextBlock[];
  messages: Message[];
}

/**
 * A Chat Completions conversation in canonical messages. System messages at its beginning are the system prompt; later ones
 * stay where they are. Consecutive user messages are one, and so is each run of tool results, which stand right after their
 * calls and before what the user says.
 *
 * @throws ProxyError `invalid_field`, `unsupported_content`
 */
export function decodeConversation(messages: readonly unknown[]): Conversation {
  const decoder = new ConversationDecoder();
  for (const [index, value] of messages.entries()) decoder.add(value, `messages[${index}]`, index);
  return decoder.conversation();
}

class ConversationDecoder {
  readonly #system: TextBlock[] = [];
  readonly #messages: Message[] = [];
  /** Only system messages so far. */
  #opening = true;
  /** Where in `#messages` the turn after the last assistant message begins. */
  #turnStart = 0;
  /** Id of the last legacy `function_call`, which has none of its own. */
  #functionId: string | null = null;

  add(value: unknown, field: string, index: number): void {
    const message = objectAt(value, field);
    const { role } = message;
    switch (role) {
      case 'system':
      case 'developer': {
        const blocks = markLast(textBlocks(message.content, `${field}.content`), message);
        if (this.#opening) this.#system.push(...blocks);
        else if (blocks.length > 0) this.#messages.push({ role: 'system', content: blocks });
        return;
      }
      case 'user':
        this.#addUser(markLast(userBlocks(message.content, `${field}.content`), message));
        break;
      case 'assistant':
        this.#addAssistant(message, field, index);
        break;
      case 'tool':
        this.#addResult(toolResult(message, field, stringAt(message.tool_call_id, `${field}.tool_call_id`)));
        break;
      case 'function':
        this.#addResult(toolResult(message, field, this.#functionId ?? `function_${index}`));
        break;
      default:
        invalid(
          `${field}.role`,
          role === undefined
            ? 'is required'
            : "must be 'system', 'developer', 'user', 'assistant', 'tool' or 'function'",
        );
    }
    this.#opening = false;
  }

  conversation(): Conversation {
    if (this.#messages[0]?.role !== 'user')
      this.#messages.unshift({ role: 'user', content: [{ type: 'text', text: OPENING }] });
    return { system: this.#system, messages: this.#messages };
  }

  #addUser(blocks: ContentBlock[]): void {
    if (blocks.length === 0) return;
    const last = this.#messages.at(-1);
    if (last?.role === 'user' && Array.isArray(last.content)) last.content.push(...blocks);
    else this.#messages.push({ role: 'user', content: blocks });
  }

  #addAssistant(message: Record<string, unknown>, field: string, index: number): void {
    const { content, refusal } = message;
    const blocks: ContentBlock[] = reasoningBlocks(message);
    const said = content === undefined || content === null ? [] : assistantBlocks(content, `${field}.content`);
    if (typeof refusal === 'string' && refusal !== '') said.push(refusalBlock(refusal));
    blocks.push(...said);
    const calls = optionalArray(message.tool_calls, `${field}.tool_calls`) ?? [];
    for (const [place, call] of calls.entries()) blocks.push(toolUse(call, `${field}.tool_calls[${place}]`));
    const legacy = optionalObject(message.function_call, `${field}.function_call`);
    if (legacy !== undefined) {
      this.#functionId = `function_${index}`;
      blocks.push(functionUse(legacy, `${field}.function_call`, this.#functionId));
    }
    const last = blocks.at(-1);
    if (last?.type === 'text' || last?.type === 'tool_use') markLast([last], message);
    // Even an empty one, of which nothing is sent, stands between two messages of the user, which were two turns.
    this.#messages.push({ role: 'assistant', content: blocks });
    this.#turnStart = this.#messages.length;
  }

  /** Results come first in the user's message, and that right after the assistant's. */
  #addResult(block: ToolResultBlock): void {
    const turn = this.#messages[this.#turnStart];
    if (turn?.role !== 'user' || !Array.isArray(turn.content)) {
      this.#messages.splice(this.#turnStart, 0, { role: 'user', content: [block] });
      return;
    }
    const end = turn.content.findIndex(({ type }) => type !== 'tool_result');
    turn.content.splice(end === -1 ? turn.content.length : end, 0, block);
  }
}

function toolResult(message: Record<string, unknown>, field: string, id: string): ToolResultBlock {
  const { content } = message;
  const mark = cacheMark(message);
  return markedResult({
    type: 'tool_result',
    tool_use_id: decodeToolId(id),
    // A tool's blank output is its output.
    content: typeof content === 'string' ? content : userBlocks(content, `${field}.content`),
    ...(mark === undefined ? {} : { cache_control: mark }),
  });
}

function toolUse(value: unknown, field: string): ToolUseBlock {
  const call = objectAt(value, field);
  const id = decodeToolId(stringAt(call.id, `${field}.id`));
  if (call.type !== 'custom') return functionUse(objectAt(call.function, `${field}.function`), `${field}.function`, id);
  const custom = objectAt(call.custom, `${field}.custom`);
  const name = stringAt(custom.name, `${field}.custom.name`);
  const input = { input: stringAt(custom.input, `${field}.custom.input`) };
  return { type: 'tool_use', id, name, input, openai: { custom: true } };
}

function functionUse(call: Record<string, unknown>, field: string, id: string): ToolUseBlock {
  const name = stringAt(call.name, `${field}.name`);
  // Some clients send the arguments as an object instead of its JSON.
  if (isObject(call.arguments)) return { type: 'tool_use', id, name, input: call.arguments };
  const json = optionalString(call.arguments, `${field}.arguments`) ?? '';
  return { type: 'tool_use', id, name, ...givenArguments(json) };
}
