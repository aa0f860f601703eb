import type {
  AnswerBlock,
  AnswerMessage,
  BlockDelta,
  Citation,
  RedactedThinkingBlock,
  StreamEvent,
  ThinkingBlock,
  Usage,
} from '../canonical.ts';
import type { StreamEncoder } from '../codec.ts';
import { SEPARATOR } from '../content-text.ts';
import { openaiEventError } from '../openai-error.ts';
import { customInput } from '../openai-settings.ts';
import { toolInput } from '../tool-input.ts';
import {
  type Annotation,
  annotationsOf,
  completionId,
  encodeUsage,
  finishReason,
  unixSeconds,
} from './answer-fields.ts';
import type { AnswerOptions } from './answer-options.ts';
import { reasoningDetail } from './client-reasoning.ts';

/** A comment, which clients skip. */
export const PING = ': ping\n\n';
const DONE = 'data: [DONE]\n\n';

/** The block that is being written. `hidden`: nothing of it is shown. */
type OpenBlock =
  | { kind: 'text'; field: 'content' | 'refusal'; start: number; citations: Citation[]; begun: boolean }
  | { kind: 'thinking'; start: number; signature: string; begun: boolean }
  | { kind: 'function'; place: string; begun: boolean }
  | { kind: 'custom'; call: number; json: string }
  | { kind: 'hidden' };

const HIDDEN: OpenBlock = { kind: 'hidden' };

/** Writes canonical events as `chat.completion.chunk`s; one per answer. */
export class ChatStreamEncoder implements StreamEncoder {
  readonly #options: AnswerOptions;
  readonly #now: () => number;
  /** What stands before and after the delta of a chunk. */
  #head = '';
  #tail = '';
  /** What stands before `choices` in every chunk. */
  #chunk = '';
  #block: OpenBlock = HIDDEN;
  /** Characters of content and of thinking so far. */
  #content = 0;
  #thinking = 0;
  /** Another kind of block has come since the last text, or thinking. */
  #contentBroken = false;
  #calls = 0;
  #details = 0;
  #annotations: Annotation[] = [];
  #saidRefusal = false;
  #usage: Usage | null = null;

  /** @param now gives the time for `created`, in Unix seconds. */
  constructor(options: AnswerOptions, now: () => number = unixSeconds) {
    this.#options = options;
    this.#now = now;
  }

  encode(event: StreamEvent): string {
    switch (event.type) {
      case 'message_start':
        return this.#start(event.message);
      case 'content_block_start':
        return this.#startBlock(event.content_block);
      case 'content_block_delta':
        return this.#addDelta(event.delta);
      case 'content_block_stop':
        return this.#stopBlock();
      case 'message_delta':
        return this.#finish(event);
      case 'message_stop':
        return this.#usageChunk() + DONE;
      case 'ping':
        return PING;
      case 'error':
        return `data: ${JSON.stringify(openaiEventError(event.error))}\n\n`;
    }
  }

  #start({ id, model }: AnswerMessage): string {
    const about = { id: completionId(id), object: 'chat.completion.chunk', created: this.#now(), model };
    this.#chunk = `data: ${JSON.stringify(about).slice(0, -1)},"choices":[`;
    this.#head = `${this.#chunk}{"index":0,"delta":`;
    // Where usage was asked for, OpenAI gives every chunk the field.
    this.#tail = `]${this.#options.includeUsage ? ',"usage":null' : ''}}\n\n`;
    return this.#delta('{"role":"assistant","content":"","refusal":null}');
  }

  /** A chunk. @param delta JSON. @param logprobs JSON. @param reason JSON. */
  #delta(delta: string, logprobs = 'null', reason = 'null'): string {
    return `${this.#head}${delta},"logprobs":${logprobs},"finish_reason":${reason}}${this.#tail}`;
  }

  #startBlock(block: AnswerBlock): string {
    if (block.type !== 'text') this.#contentBroken = true;
    switch (block.type) {
      case 'text': {
        const field = block.openai?.refusal === true ? 'refusal' : 'content';
        this.#saidRefusal ||= field === 'refusal';
        const citations = [...(block.citations ?? [])];
        this.#block = { kind: 'text', field, start: this.#content, citations, begun: false };
        return '';
      }
      case 'thinking':
        this.#block = { kind: 'thinking', start: this.#thinking, signature: '', begun: false };
        return '';
      case 'redacted_thinking':
        this.#block = HIDDEN;
        return this.#detail(block, this.#thinking);
      case 'tool_use':
        return this.#startCall(block.id, block.name, block.openai?.custom === true);
      default:
        this.#block = HIDDEN;
        return '';
    }
  }

  #startCall(id: string, name: string, custom: boolean): string {
    const call = this.#calls;
    this.#calls += 1;
    if (this.#options.legacyFunctions) {
      // It holds one call.
      this.#block = call === 0 ? { kind: 'function', place: '{"function_call":', begun: false } : HIDDEN;
      return call === 0 ? this.#delta(`{"function_call":{"name":${JSON.stringify(name)},"arguments":""}}`) : '';
    }
    const begin = `{"tool_calls":[{"index":${call},"id":${JSON.stringify(id)},"type":`;
    if (custom || this.#options.customTools.has(name)) {
      this.#block = { kind: 'custom', call, json: '' };
      return this.#delta(`${begin}"custom","custom":{"name":${JSON.stringify(name)},"input":""}}]}`);
    }
    this.#block = { kind: 'function', place: `{"tool_calls":[{"index":${call},"function":`, begun: false };
    return this.#delta(`${begin}"function","function":{"name":${JSON.stringify(name)},"arguments":""}}]}`);
  }

  #addDelta(delta: BlockDelta): string {
    const block = this.#block;
    switch (delta.type) {
      case 'text_delta':
        return block.kind === 'text' ? this.#text(block, delta.text, delta.openai?.logprobs) : '';
      case 'thinking_delta': {
        if (block.kind !== 'thinking' || delta.thinking === '') return '';
        let thinking = delta.thinking;
        if (!block.begun && this.#thinking > 0) {
          block.start += SEPARATOR.length;
          thinking = SEPARATOR + thinking;
        }
        block.begun = true;
        this.#thinking += thinking.length;
        return this.#delta(`{"reasoning_content":${JSON.stringify(thinking)}}`);
      }
      case 'signature_delta':
        if (block.kind === 'thinking') block.signature = delta.signature;
        return '';
      case 'input_json_delta':
        if (block.kind === 'custom') block.json += delta.partial_json;
        return block.kind === 'function' ? this.#callInput(block, delta.partial_json) : '';
      case 'citations_delta':
        if (block.kind === 'text') block.citations.push(delta.citation);
        return '';
      default:
        return '';
    }
  }

  #text(block: Extract<OpenBlock, { kind: 'text' }>, given: string, logprobs: readonly unknown[] | undefined): string {
    if (given === '' && logprobs === undefined) return '';
    let text = given;
    if (block.field === 'content') {
      if (!block.begun && this.#contentBroken && this.#content > 0) {
        block.start += SEPARATOR.length;
        text = SEPARATOR + given;
      }
      this.#contentBroken = false;
      this.#content += text.length;
    }
    block.begun = true;
    const delta = `{"${block.field}":${JSON.stringify(text)}}`;
    return logprobs === undefined
      ? this.#delta(delta)
      : this.#delta(delta, JSON.stringify({ content: logprobs, refusal: null }));
  }

  #callInput(block: Extract<OpenBlock, { kind: 'function' }>, json: string): string {
    if (json === '') return '';
    block.begun = true;
    const end = this.#options.legacyFunctions ? '}}' : '}}]}';
    return this.#delta(`${block.place}{"arguments":${JSON.stringify(json)}${end}`);
  }

  #stopBlock(): string {
    const block = this.#block;
    this.#block = HIDDEN;
    switch (block.kind) {
      case 'text': {
        const place = { start: block.start, end: this.#content };
        this.#annotations.push(...annotationsOf(block.citations, place, this.#annotations.length));
        return '';
      }
      case 'thinking': {
        const { signature, start } = block;
        return signature === '' ? '' : this.#detail({ type: 'thinking', thinking: '', signature }, start);
      }
      case 'function':
        // Clients parse the arguments, and an empty text is no JSON.
        return block.begun ? '' : this.#callInput(block, '{}');
      case 'custom': {
        const input = JSON.stringify(customInput(block.json === '' ? {} : toolInput(block.json)));
        return this.#delta(`{"tool_calls":[{"index":${block.call},"custom":{"input":${input}}}]}`);
      }
      default:
        return '';
    }
  }

  #detail(block: ThinkingBlock | RedactedThinkingBlock, start: number): string {
    const detail = reasoningDetail(block, { index: this.#details, start, end: this.#thinking });
    this.#details += 1;
    return this.#delta(`{"reasoning_details":[${JSON.stringify(detail)}]}`);
  }

  #finish({ delta, usage }: Extract<StreamEvent, { type: 'message_delta' }>): string {
    this.#usage = usage;
    let chunks = '';
    if (this.#annotations.length > 0) chunks += this.#delta(JSON.stringify({ annotations: this.#annotations }));
    const refusal = delta.stop_details?.explanation;
    if (refusal && !this.#saidRefusal) chunks += this.#delta(JSON.stringify({ refusal }));
    const facts = { saidRefusal: this.#saidRefusal, legacyFunctions: this.#options.legacyFunctions };
    return chunks + this.#delta('{}', 'null', JSON.stringify(finishReason(delta.stop_reason, facts)));
  }

  #usageChunk(): string {
    if (!this.#options.includeUsage || this.#usage === null) return '';
    return `${this.#chunk}],"usage":${JSON.stringify(encodeUsage(this.#usage))}}\n\n`;
  }
}
