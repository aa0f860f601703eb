import type { AnswerBlock, StreamEvent } from '../../src-main/protocols/canonical.ts';
import { isObjectJson } from '../../src-main/protocols/tool-input.ts';
import { typedEvents } from './sse-frames.ts';

/** Deltas that each kind of block may get. Blocks of other kinds arrive whole. */
const DELTAS: Partial<Record<string, readonly string[]>> = {
  text: ['text_delta', 'citations_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
  server_tool_use: ['input_json_delta'],
};

interface OpenBlock {
  index: number;
  block: AnswerBlock;
  deltas: number;
  signed: boolean;
  inputJson: string;
  thinking: string;
}

/**
 * Checks a finished stream of canonical events against the grammar that clients rely on (docs of the Messages API,
 * "Streaming", and the SDK's accumulator), and returns what is wrong with it, in words; nothing where all is well. A stream
 * that ends with an `error` event is a valid one.
 */
export function checkEventGrammar(events: readonly StreamEvent[]): string[] {
  const problems: string[] = [];
  let started = false;
  let ended: 'message_stop' | 'error' | null = null;
  let stopReason: string | null = null;
  let sawMessageDelta = false;
  let open: OpenBlock | null = null;
  let next = 0;
  const unparsed: string[] = [];
  const toolIds = new Set<string>();

  events.forEach((event, place) => {
    const wrong = (problem: string) => problems.push(`event ${place} (${event.type}): ${problem}`);
    if (ended !== null) wrong(`follows ${ended}`);
    if (event.type === 'ping') return;
    if (event.type === 'error') {
      ended = 'error';
      if (event.error.type === '' || event.error.message === '') wrong('has no type or no message');
      return;
    }
    if (event.type === 'message_start') {
      if (started) wrong('is the second one');
      started = true;
      if (event.message.content.length > 0) wrong('already has content');
      if (event.message.stop_reason !== null) wrong('already has a stop reason');
      if (!isCounted(event.message.usage)) wrong('its usage is not four numbers');
      return;
    }
    if (!started) wrong('stands before message_start');
    if (sawMessageDelta && event.type.startsWith('content_block')) wrong('stands after message_delta');
    switch (event.type) {
      case 'content_block_start': {
        if (open !== null) wrong(`block ${open.index} is still open`);
        if (event.index !== next) wrong(`index is ${event.index}, not ${next}`);
        next = event.index + 1;
        const block = event.content_block;
        open = { index: event.index, block, deltas: 0, signed: false, inputJson: '', thinking: '' };
        if (block.type === 'text' && block.text !== '') wrong('a text block starts with text in it');
        if (block.type === 'thinking' && (block.thinking !== '' || block.signature !== ''))
          wrong('a thinking block starts with thinking in it');
        if (block.type !== 'tool_use') break;
        if (!/^[a-zA-Z0-9_-]+$/.test(block.id)) wrong(`tool id '${block.id}' has foreign characters`);
        if (toolIds.has(block.id)) wrong(`tool id '${block.id}' stands twice`);
        toolIds.add(block.id);
        if (block.name === '') wrong('the tool has no name');
        if (JSON.stringify(block.input) !== '{}') wrong('a tool block starts with input in it');
        break;
      }
      case 'content_block_delta': {
        if (open === null || open.index !== event.index) {
          wrong(`block ${event.index} is not open`);
          break;
        }
        const { delta } = event;
        if (!(DELTAS[open.block.type] ?? []).includes(delta.type)) wrong(`${delta.type} in a ${open.block.type} block`);
        if (open.signed) wrong('follows the signature');
        open.deltas += 1;
        if (delta.type === 'signature_delta') open.signed = true;
        if (delta.type === 'input_json_delta') open.inputJson += delta.partial_json;
        if (delta.type === 'thinking_delta') open.thinking += delta.thinking;
        break;
      }
      case 'content_block_stop':
        if (open === null || open.index !== event.index) {
          wrong(`block ${event.index} is not open`);
          break;
        }
        if (open.block.type === 'thinking' && open.thinking === '' && !open.signed)
          wrong('the thinking block is empty');
        if (open.block.type === 'tool_use' && open.inputJson !== '' && !isObjectJson(open.inputJson))
          unparsed.push(
            `event ${place}: the input of tool '${open.block.name}' is not a JSON object: ${open.inputJson}`,
          );
        open = null;
        break;
      case 'message_delta':
        if (open !== null) wrong(`block ${open.index} is still open`);
        sawMessageDelta = true;
        stopReason = event.delta.stop_reason ?? stopReason;
        if (!isCounted(event.usage)) wrong('its usage is not four numbers');
        break;
      case 'message_stop':
        if (!sawMessageDelta) wrong('there was no message_delta');
        if (stopReason === null) wrong('there was no stop reason');
        ended = 'message_stop';
        break;
      default:
        wrong('is no event of this grammar');
    }
  });

  if (events.length === 0) problems.push('there are no events');
  else if (ended === null) problems.push('the stream has no end');
  // The token limit may cut a tool's input; nothing else may.
  if (stopReason !== 'max_tokens' && ended !== 'error') problems.push(...unparsed);
  return problems;
}

function isCounted(usage: unknown): boolean {
  const names = ['input_tokens', 'output_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'];
  return names.every((name) => Number.isInteger((usage as Record<string, unknown> | null | undefined)?.[name]));
}

/** The events of an Anthropic stream. @throws Error where the text is not what the SDK understands. */
export const parseAnthropicSse = (text: string): StreamEvent[] => typedEvents(text);
