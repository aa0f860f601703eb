import { randomUUID } from 'node:crypto';
import { type BlockDelta, cutEvent, type StreamEvent, type Usage } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { decodeMessageId, decodeToolId } from '../tool-names.ts';
import { readDelta } from './delta.ts';
import { errorEvent, errorIn } from './error-envelope.ts';
import { decodeStopReason, isCut, isFailure } from './stop-reason.ts';
import { callOf, ToolCall, type ToolFragment } from './tool-calls.ts';
import { decodeUsage } from './usage.ts';

/** A content block of the answer. `pending` has arrived and was not emitted yet. */
interface TextualBlock {
  kind: 'text' | 'thinking';
  pending: string;
  started: boolean;
}
interface ToolBlock {
  kind: 'tool';
  call: ToolCall;
  pending: string;
  started: boolean;
}
type Block = TextualBlock | ToolBlock;

/** For an answer whose provider counts nothing. */
const CHARACTERS_PER_TOKEN = 4;

const shortId = (): string => randomUUID().replaceAll('-', '');

/**
 * Turns Chat Completions chunks into canonical events; one per answer. A whole answer goes through it as a single chunk.
 *
 * Blocks stay in the order in which they began, and only the first unfinished one is emitted live: a tool call whose
 * arguments may still go on holds back what began after it, because canonical blocks never interleave.
 *
 * Thinking gets no signature: this dialect has none, and its absence tells, when the block comes back in a later request,
 * that it is not Anthropic's.
 */
export class AnswerDecoder {
  readonly #context: DecodeContext;
  readonly #newId: () => string;
  #events: StreamEvent[] = [];
  #closed = false;
  #messageId = '';
  #messageStarted = false;
  readonly #blocks: Block[] = [];
  /** Place in `#blocks` of the one that is emitted live. */
  #live = 0;
  /** Index of the next block to start, as the client counts. */
  #nextIndex = 0;
  readonly #calls: ToolCall[] = [];
  readonly #toolIds = new Set<string>();
  #finishReason: string | null = null;
  #refused = false;
  #toolUsed = false;
  #usage: Usage | null = null;
  #characters = 0;

  /** `newId` makes ids (`^[a-zA-Z0-9_-]+$`, unique for ever) for what the provider gave none. */
  constructor(context: DecodeContext, newId: () => string = shortId) {
    this.#context = context;
    this.#newId = newId;
  }

  /** The provider has said how the answer ends; at most usage is to come. */
  get finished(): boolean {
    return this.#closed || this.#finishReason !== null;
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Reads one decoded `chat.completion.chunk`. Anything that is none becomes an `error` event. */
  chunk(value: unknown): void {
    if (this.#closed) return;
    if (!isObject(value)) {
      this.fail('api_error', 'a frame of the stream is not a JSON object');
      return;
    }
    const choices = value.choices;
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    const error = errorIn(value) ?? (isObject(choice) ? errorIn(choice) : null);
    if (error !== null) {
      const { type, message } = errorEvent(error);
      this.fail(type, message);
      return;
    }
    if (this.#messageId === '' && typeof value.id === 'string') this.#messageId = value.id;
    if (!isObject(choice)) {
      this.#readUsage(value, {});
      return;
    }
    this.#readUsage(value, choice);
    if (isObject(choice.delta)) this.#readDelta(choice.delta);
    const reason = choice.finish_reason;
    if (typeof reason !== 'string' || reason === '') return;
    if (isFailure(reason)) this.fail('api_error', `the answer ended with finish_reason '${reason}'`);
    else this.#finishReason = reason;
  }

  /** The provider's answer has ended, with its `[DONE]` or its connection: closes the message, or says that it was cut. */
  end(): void {
    if (this.#closed) return;
    const reason = this.#finishReason;
    if (reason === null) {
      this.#closed = true;
      this.#events.push(cutEvent);
      return;
    }
    if (this.#blocks.some((block) => block.kind === 'tool' && isNameless(block.call)) && !isCut(reason)) {
      this.fail('api_error', 'the answer holds a tool call without a name');
      return;
    }
    this.#emitBlocks(reason);
    this.#startMessage();
    const facts = { toolUsed: this.#toolUsed, refused: this.#refused };
    const delta = { stop_reason: decodeStopReason(reason, facts), stop_sequence: null };
    this.#events.push(
      this.#usage === null
        ? { type: 'message_delta', delta, usage: this.#estimatedUsage(), estimated: true }
        : { type: 'message_delta', delta, usage: this.#usage },
      { type: 'message_stop' },
    );
    this.#closed = true;
  }

  /** Ends the answer where the provider's stream broke off. */
  cut(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.push(cutEvent);
  }

  /** Ends the answer with an `error` event. */
  fail(type: string, message: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.push({ type: 'error', error: { type, message } });
  }

  /** Usage stands beside the choices, in the choice (Moonshot) or in a corner of its own (Groq); the last one counts. */
  #readUsage(chunk: Record<string, unknown>, choice: Record<string, unknown>): void {
    const corner = chunk.x_groq;
    const record = chunk.usage ?? choice.usage ?? (isObject(corner) ? corner.usage : null);
    if (record) this.#usage = decodeUsage(record, chunk.timings) ?? this.#usage;
  }

  #readDelta(delta: Record<string, unknown>): void {
    const { thinking, text, refusal, tools } = readDelta(delta);
    if (thinking !== '') this.#addText('thinking', thinking);
    if (text !== '') this.#addText('text', text);
    if (refusal !== '') {
      this.#refused = true;
      this.#addText('text', refusal);
    }
    for (const fragment of tools) this.#addFragment(fragment);
    this.#emitBlocks(null);
  }

  #addText(kind: TextualBlock['kind'], text: string): void {
    this.#characters += text.length;
    const last = this.#blocks.at(-1);
    if (last?.kind === kind) last.pending += text;
    else this.#blocks.push({ kind, pending: text, started: false });
  }

  #addFragment(fragment: ToolFragment): void {
    let call = callOf(fragment, this.#calls);
    if (call === undefined) {
      call = new ToolCall(fragment);
      this.#calls.push(call);
      this.#blocks.push({ kind: 'tool', call, pending: '', started: false });
    }
    const added = call.add(fragment);
    if (added === '') return;
    this.#characters += added.length;
    const block = this.#blocks.find((candidate) => candidate.kind === 'tool' && candidate.call === call);
    if (block !== undefined) block.pending += added;
  }

  /** Emits what can go out now; everything, once there is a finish reason. */
  #emitBlocks(finishReason: string | null): void {
    for (let block = this.#blocks[this.#live]; block !== undefined; block = this.#blocks[this.#live]) {
      const hasNext = this.#live < this.#blocks.length - 1;
      const closing = finishReason !== null || (hasNext && (block.kind !== 'tool' || isWhole(block.call)));
      if (!block.started && mayStart(block, closing, finishReason)) this.#start(block);
      if (block.started && block.pending !== '') {
        this.#events.push({ type: 'content_block_delta', index: this.#nextIndex - 1, delta: deltaOf(block) });
        block.pending = '';
      }
      if (!closing) return;
      if (block.started) this.#events.push({ type: 'content_block_stop', index: this.#nextIndex - 1 });
      this.#live += 1;
    }
  }

  #start(block: Block): void {
    this.#startMessage();
    block.started = true;
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    if (block.kind === 'tool') {
      this.#toolUsed = true;
      const name = this.#context.toolNames.get(block.call.name) ?? block.call.name;
      const content_block = { type: 'tool_use' as const, id: this.#toolId(block.call), name, input: {} };
      this.#events.push({ type: 'content_block_start', index, content_block });
    } else if (block.kind === 'text') {
      this.#events.push({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } });
    } else {
      const content_block = { type: 'thinking' as const, thinking: '', signature: '' };
      this.#events.push({ type: 'content_block_start', index, content_block });
    }
  }

  /** Unique in the answer, whatever the provider sends, and in the conversation: some (SGLang) only count from 0. */
  #toolId(call: ToolCall): string {
    const id = /^\d*$/.test(call.id) ? `call_${this.#newId()}` : call.id;
    let unique = id;
    for (let count = 2; this.#toolIds.has(unique); count += 1) unique = `${id}_${count}`;
    this.#toolIds.add(unique);
    return decodeToolId(unique);
  }

  #startMessage(): void {
    if (this.#messageStarted) return;
    this.#messageStarted = true;
    const { model, estimatedInputTokens } = this.#context;
    this.#events.push({
      type: 'message_start',
      message: {
        id: messageId(this.#messageId, this.#newId),
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          input_tokens: estimatedInputTokens,
          output_tokens: 0,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
        },
      },
    });
  }

  #estimatedUsage(): Usage {
    return {
      input_tokens: this.#context.estimatedInputTokens,
      output_tokens: Math.ceil(this.#characters / CHARACTERS_PER_TOKEN),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    };
  }
}

/** Never `msg_…`: Claude Code takes that for a message Anthropic has stored, and sends only what is new the next time. */
function messageId(given: string, newId: () => string): string {
  if (given === '') return `chat_${newId()}`;
  const id = decodeMessageId(given);
  return id.startsWith('msg_') ? `chat_${id}` : id;
}

const isWhole = (call: ToolCall): boolean => call.name !== '' && call.complete;
const isNameless = (call: ToolCall): boolean => call.name === '' && call.arguments !== '';

/**
 * A block is started when there is something good in it. Blank texts, which models put around thinking and tool calls, are
 * dropped: Anthropic refuses them when they come back. A tool's name may come in pieces, so the first arguments, or the end,
 * show that it is whole; a call that the token limit cut before its arguments must not look like one without arguments.
 */
function mayStart(block: Block, closing: boolean, finishReason: string | null): boolean {
  if (block.kind !== 'tool') return /\S/.test(block.pending);
  if (block.call.name === '') return false;
  if (block.call.arguments !== '') return true;
  return closing && !(finishReason !== null && isCut(finishReason));
}

function deltaOf(block: Block): BlockDelta {
  switch (block.kind) {
    case 'text':
      return { type: 'text_delta', text: block.pending };
    case 'thinking':
      return { type: 'thinking_delta', thinking: block.pending };
    case 'tool':
      return { type: 'input_json_delta', partial_json: block.pending };
  }
}
