import type { ContentBlock, Message, TextBlock, ToolResultBlock } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { arrayAt, invalid, objectAt, optionalString, stringAt } from '../openai-checks.ts';
import { markedResult } from '../openai-settings.ts';
import { givenArguments } from '../tool-input.ts';
import { decodeToolId } from '../tool-names.ts';
import { contentBlocks, textBlocks, unsupported } from './client-parts.ts';
import { decodeReasoning } from './client-reasoning.ts';
import { flatName } from './client-tools.ts';

/** A Responses conversation in the canonical form. */
interface DecodedInput {
  /** What system and developer messages say before anything else. */
  system: TextBlock[];
  messages: Message[];
  /** What `configuration_update` items set; later ones win. */
  settings: { reasoning?: Record<string, unknown>; text?: Record<string, unknown> };
}

/**
 * @param input a text, or a list of items.
 * @throws ProxyError `invalid_field`, naming the field as OpenAI does; `unsupported_content` for items whose content would be
 * lost without a word.
 */
export function decodeInput(input: unknown): DecodedInput {
  const conversation = new Conversation();
  if (typeof input === 'string') {
    conversation.add('user', contentBlocks(input, 'input'));
  } else {
    const items = arrayAt(input, 'input');
    for (let index = 0; index < items.length; index += 1)
      decodeItem(objectAt(items[index], `input[${index}]`), `input[${index}]`, conversation);
  }
  return conversation.finish();
}

/** Tools that items bring along: definitions that were searched for, or added in the middle of a conversation. */
export function toolsInInput(input: unknown): unknown[] {
  if (!Array.isArray(input)) return [];
  return input.flatMap((item) =>
    isObject(item) &&
    (item.type === 'additional_tools' || item.type === 'tool_search_output') &&
    Array.isArray(item.tools)
      ? item.tools
      : [],
  );
}

type Turn = { role: Message['role']; content: ContentBlock[] };

/** Puts items, each of which is one thing said or done, together to messages of alternating roles. */
class Conversation {
  readonly #system: TextBlock[] = [];
  readonly #turns: Turn[] = [];
  /** The turn that made each call, by the call's id; of two with one id the later. */
  readonly #callers = new Map<string, Turn>();
  readonly settings: DecodedInput['settings'] = {};

  /** An answer that says nothing stands between two messages of the user all the same, which were two turns. */
  add(role: 'user' | 'assistant', blocks: readonly ContentBlock[]): void {
    if (blocks.length === 0 && role === 'user') return;
    const turn = this.#turn(role);
    turn.content.push(...blocks);
    for (const block of blocks) if (block.type === 'tool_use') this.#callers.set(block.id, turn);
  }

  /** Leading ones are the system prompt. */
  addSystem(blocks: readonly TextBlock[]): void {
    if (this.#turns.length === 0) this.#system.push(...blocks);
    else if (blocks.length > 0) this.#turn('system').content.push(...blocks);
  }

  /** Tool results come first in the user message that follows the calls, whatever was said in between. */
  addResult(result: ToolResultBlock): void {
    const caller = this.#callers.get(result.tool_use_id);
    const turn = caller === undefined ? this.#turn('user') : this.#userAfter(caller);
    const rest = turn.content.findIndex(({ type }) => type !== 'tool_result');
    turn.content.splice(rest === -1 ? turn.content.length : rest, 0, result);
  }

  /** @throws ProxyError `invalid_field` where nothing was said. */
  finish(): DecodedInput {
    const { settings } = this;
    if (this.#turns.length > 0) return { system: this.#system, messages: this.#turns, settings };
    // Other APIs want a question; here instructions alone are one.
    if (this.#system.length === 0) invalid('input', 'must say something');
    return { system: [], messages: [{ role: 'user', content: this.#system }], settings };
  }

  /** What the user says to a turn, before anything else is answered. */
  #userAfter(caller: Turn): Turn {
    const start = this.#turns.lastIndexOf(caller) + 1;
    for (let at = start; at < this.#turns.length; at += 1) {
      const turn = this.#turns[at];
      if (turn?.role === 'user') return turn;
      if (turn?.role === 'assistant') break;
    }
    const turn: Turn = { role: 'user', content: [] };
    this.#turns.splice(start, 0, turn);
    return turn;
  }

  #turn(role: Message['role']): Turn {
    const last = this.#turns.at(-1);
    if (last?.role === role) return last;
    const turn: Turn = { role, content: [] };
    this.#turns.push(turn);
    return turn;
  }
}

type Item = Record<string, unknown>;

function decodeItem(item: Item, field: string, conversation: Conversation): void {
  const type = optionalString(item.type, `${field}.type`) ?? (item.role === undefined ? 'item_reference' : 'message');
  switch (type) {
    case 'message':
      decodeMessage(item, field, conversation);
      break;
    case 'reasoning': {
      const thinking = decodeReasoning(item);
      conversation.add('assistant', thinking === null ? [] : [thinking]);
      break;
    }
    case 'function_call': {
      const text = stringAt(item.arguments, `${field}.arguments`);
      conversation.add('assistant', [
        {
          type: 'tool_use',
          id: callId(item, field),
          name: calledName(item, field),
          ...givenArguments(text),
        },
      ]);
      break;
    }
    case 'custom_tool_call': {
      const input = { input: stringAt(item.input, `${field}.input`) };
      conversation.add('assistant', [
        { type: 'tool_use', id: callId(item, field), name: calledName(item, field), input, openai: { custom: true } },
      ]);
      break;
    }
    case 'function_call_output':
    case 'custom_tool_call_output':
      conversation.addResult(result(callId(item, field), output(item.output, field)));
      break;
    case 'configuration_update': {
      const { settings } = conversation;
      if (isObject(item.reasoning)) settings.reasoning = { ...settings.reasoning, ...item.reasoning };
      if (isObject(item.text)) settings.text = { ...settings.text, ...item.text };
      break;
    }
    default:
      decodeOwnItem(type, item, field, conversation);
  }
}

/** Items of OpenAI's own tools, and what only OpenAI can read. */
function decodeOwnItem(type: string, item: Item, field: string, conversation: Conversation): void {
  switch (type) {
    // Tools that the client runs: there is no room for their fields but in the call's input.
    case 'local_shell_call':
    case 'shell_call':
    case 'apply_patch_call':
    case 'computer_call':
    case 'tool_search_call':
      // What was searched for at OpenAI needs no answer; the tools it found come along.
      if (type === 'tool_search_call' && typeof item.call_id !== 'string') break;
      conversation.add('assistant', [
        { type: 'tool_use', id: callId(item, field), name: type.slice(0, -'_call'.length), input: ownFields(item) },
      ]);
      break;
    case 'local_shell_call_output':
    case 'shell_call_output':
    case 'apply_patch_call_output':
    case 'computer_call_output':
    case 'tool_search_output':
      if (type === 'tool_search_output' && typeof item.call_id !== 'string') break;
      conversation.addResult(result(callId(item, field), ownOutput(item, field)));
      break;

    // Tools that ran at OpenAI: what they were asked and what they found is text to others.
    case 'web_search_call':
    case 'file_search_call':
    case 'code_interpreter_call':
    case 'image_generation_call':
    case 'mcp_call':
    case 'mcp_approval_request':
    case 'program':
    case 'program_output':
      conversation.add('assistant', [{ type: 'text', text: hostedText(type, item) }]);
      break;
    // Definitions, not content: `toolsInInput`, or tools that only OpenAI can run.
    case 'additional_tools':
    case 'mcp_list_tools':
      break;

    case 'item_reference':
      unsupported(field, 'CProxy keeps no items to refer to; send store: false and the whole items');
      break;
    case 'compaction':
    case 'compaction_summary':
      unsupported(field, 'only OpenAI can read its compacted conversations; send the whole items');
      break;
    case 'mcp_approval_response':
      unsupported(field, 'MCP servers that OpenAI calls cannot be called by another provider');
      break;
    default:
      unsupported(`${field}.type`, `an item of type '${type}' cannot be translated`);
  }
}

function decodeMessage(item: Item, field: string, conversation: Conversation): void {
  const content = `${field}.content`;
  switch (item.role) {
    case 'user':
      conversation.add('user', contentBlocks(item.content, content));
      break;
    case 'assistant': {
      const blocks = textBlocks(item.content, content);
      const phase = optionalString(item.phase, `${field}.phase`);
      if (phase !== undefined) for (const block of blocks) block.openai = { phase, ...block.openai };
      conversation.add('assistant', blocks);
      break;
    }
    case 'system':
    case 'developer':
      conversation.addSystem(textBlocks(item.content, content));
      break;
    default:
      invalid(`${field}.role`, "must be 'user', 'assistant', 'system' or 'developer'");
  }
}

/** Codex answers a `local_shell_call` by its call id, OpenAI's reference by the id of the item. */
function callId(item: Item, field: string): string {
  const id = item.call_id ?? (item.type === 'local_shell_call_output' ? item.id : undefined);
  const text = stringAt(id, `${field}.call_id`);
  if (text === '') invalid(`${field}.call_id`, 'must not be empty');
  return decodeToolId(text);
}

const calledName = (item: Item, field: string): string =>
  flatName(optionalString(item.namespace, `${field}.namespace`), stringAt(item.name, `${field}.name`));

const result = (id: string, content: string | ContentBlock[]): ToolResultBlock =>
  markedResult({ type: 'tool_result', tool_use_id: id, content });

/** A list of parts stays one; a text stays a text. */
const output = (given: unknown, field: string): string | ContentBlock[] =>
  typeof given === 'string' ? given : contentBlocks(given, `${field}.output`);

/** What an item says beside what it is. */
function ownFields({ type: _, id: __, call_id: ___, status: ____, caller: _____, ...fields }: Item): Item {
  return fields;
}

function ownOutput(item: Item, field: string): string | ContentBlock[] {
  if (typeof item.output === 'string') return item.output;
  if (isObject(item.output) && item.output.type === 'computer_screenshot')
    return contentBlocks([item.output], `${field}.output`);
  return JSON.stringify(ownFields(item));
}

/** What has no text, and what is too large for one. */
const UNSAID = new Set([
  'result',
  'results',
  'output',
  'outputs',
  'error',
  'server_label',
  'name',
  'fingerprint',
  'container_id',
]);

function hostedText(type: string, item: Item): string {
  const fields = Object.entries(ownFields(item)).filter(([key, value]) => !UNSAID.has(key) && value !== null);
  const name = [item.server_label, item.name].filter((part) => typeof part === 'string').join('.');
  const asked = `[called ${name === '' ? type.replace(/_call$/, '') : name}: ${JSON.stringify(Object.fromEntries(fields))}]`;
  const found =
    item.error ?? item.results ?? item.outputs ?? item.output ?? (type === 'program_output' ? item.result : undefined);
  if (found === undefined || found === null) return asked;
  return `${asked}\n[result]\n${typeof found === 'string' ? found : JSON.stringify(found)}`;
}
