import { estimatedUsage } from './answer-events.ts';
import type { BlockDelta, StreamEvent } from './canonical.ts';
import { isObject } from './is-object.ts';
import { partialMatchAt } from './partial-match.ts';

type TextDelta = { text: string; openai?: { logprobs?: readonly unknown[] } };
type BlockStart = Extract<StreamEvent, { type: 'content_block_start' }>;

/**
 * Finds stop sequences in an answer, for providers that cannot be told them; one per answer. The text ends before the
 * sequence that is complete first, and so does the message: what follows is dropped. Only text is searched, not thinking
 * and not tool input, and each text block by itself. Only what may be the beginning of a sequence is held back.
 *
 * The message's end is the provider's own, with its usage, where that still comes; so a decoder says that it is `finished`
 * once `found` is true, and its caller waits no longer than a moment. Where the stream ends otherwise, usage is estimated.
 */
export class StopCutter {
  readonly #sequences: readonly string[];
  /** The sequence that was found; null while there is none. */
  #found: string | null = null;
  /** The open text block's start, while nothing of it was let out. */
  #unstarted: BlockStart | null = null;
  /** Blank text at the beginning of the block, or text that may be the beginning of a sequence. */
  #held = '';
  #inText = false;
  #index = 0;
  /** Of tokens that were not let out. */
  #logprobs: unknown[] = [];
  /** Text let out whose tokens' logprobs were not. Bytes. */
  #withoutLogprobs = 0;
  #closing = false;
  #inputTokens = 0;
  #characters = 0;

  constructor(sequences: readonly string[]) {
    this.#sequences = sequences.filter((sequence) => sequence !== '');
  }

  /** A stop sequence has been found: of the provider's answer, only the usage counts from here on. */
  get found(): boolean {
    return this.#found !== null;
  }

  push(events: readonly StreamEvent[]): StreamEvent[] {
    const passed: StreamEvent[] = [];
    for (const event of events) {
      if (this.#found === null) this.#search(event, passed);
      else this.#finish(event, this.#found, passed);
    }
    return passed;
  }

  #search(event: StreamEvent, passed: StreamEvent[]): void {
    switch (event.type) {
      case 'message_start':
        this.#inputTokens = event.message.usage.input_tokens;
        break;
      case 'content_block_start':
        this.#inText = event.content_block.type === 'text';
        if (!this.#inText) break;
        this.#unstarted = event;
        this.#index = event.index;
        this.#logprobs = [];
        this.#withoutLogprobs = 0;
        return;
      case 'content_block_delta':
        if (!this.#inText) {
          this.#characters += generatedLength(event.delta);
        } else if (event.delta.type === 'text_delta') {
          this.#searchText(event.delta, passed);
          return;
        } else {
          this.#start(passed);
        }
        break;
      case 'content_block_stop':
        if (this.#inText) {
          this.#start(passed);
          this.#letOut(this.#held.length, passed);
        }
        this.#inText = false;
        break;
      case 'error':
        if (this.#inText) this.#letOut(this.#held.length, passed);
        break;
    }
    passed.push(event);
  }

  #searchText(delta: TextDelta, passed: StreamEvent[]): void {
    this.#held += delta.text;
    this.#characters += delta.text.length;
    if (delta.openai?.logprobs !== undefined) this.#logprobs.push(...delta.openai.logprobs);
    const stop = firstComplete(this.#held, this.#sequences);
    if (stop === null) {
      this.#letOut(partialMatchAt(this.#held, this.#sequences), passed);
      return;
    }
    this.#found = stop.sequence;
    this.#letOut(stop.at, passed);
    // A block without words is left out: Anthropic refuses it when it comes back.
    if (this.#unstarted === null) passed.push({ type: 'content_block_stop', index: this.#index });
  }

  /** Lets so many characters of the held ones go; blank ones at the beginning of a block stay. */
  #letOut(length: number, passed: StreamEvent[]): void {
    const text = this.#held.slice(0, length);
    if (text === '' || (this.#unstarted !== null && !/\S/.test(text))) return;
    this.#start(passed);
    this.#held = this.#held.slice(length);
    const logprobs = this.#logprobsOf(text);
    const delta = { type: 'text_delta' as const, text };
    passed.push({
      type: 'content_block_delta',
      index: this.#index,
      delta: logprobs.length === 0 ? delta : { ...delta, openai: { logprobs } },
    });
  }

  #start(passed: StreamEvent[]): void {
    if (this.#unstarted !== null) passed.push(this.#unstarted);
    this.#unstarted = null;
  }

  #logprobsOf(text: string): unknown[] {
    if (this.#logprobs.length === 0) return [];
    this.#withoutLogprobs += Buffer.byteLength(text);
    let count = 0;
    for (const entry of this.#logprobs) {
      const bytes = byteLength(entry);
      if (bytes > this.#withoutLogprobs) break;
      this.#withoutLogprobs -= bytes;
      count += 1;
    }
    return this.#logprobs.splice(0, count);
  }

  #finish(event: StreamEvent, sequence: string, passed: StreamEvent[]): void {
    const delta = { stop_reason: 'stop_sequence' as const, stop_sequence: sequence };
    if (event.type === 'ping' || event.type === 'message_stop') {
      passed.push(event);
    } else if (event.type === 'message_delta') {
      this.#closing = true;
      passed.push({ ...event, delta });
    } else if (event.type === 'error') {
      // The answer was whole before it.
      const usage = estimatedUsage(this.#inputTokens, this.#characters);
      if (!this.#closing) passed.push({ type: 'message_delta', delta, usage, estimated: true });
      passed.push({ type: 'message_stop' });
    }
  }
}

/** Of a token. Its `token` is no text where it is a part of a character; its `bytes` are. */
function byteLength(entry: unknown): number {
  if (!isObject(entry)) return 0;
  if (Array.isArray(entry.bytes)) return entry.bytes.length;
  return typeof entry.token === 'string' ? Buffer.byteLength(entry.token) : 0;
}

function generatedLength(delta: BlockDelta): number {
  if (delta.type === 'thinking_delta') return delta.thinking.length;
  return delta.type === 'input_json_delta' ? delta.partial_json.length : 0;
}

/**
 * The sequence whose last character comes first, the longest of several: the same one, however the text is cut into deltas.
 */
function firstComplete(text: string, sequences: readonly string[]): { sequence: string; at: number } | null {
  let first: { sequence: string; at: number } | null = null;
  for (const sequence of sequences) {
    const at = text.indexOf(sequence);
    if (at === -1) continue;
    const end = at + sequence.length;
    const other = first === null ? Number.POSITIVE_INFINITY : first.at + first.sequence.length;
    if (end < other || (end === other && first !== null && at < first.at)) first = { sequence, at };
  }
  return first;
}
