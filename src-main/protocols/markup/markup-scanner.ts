import { partialMatchAt } from '../partial-match.ts';
import { CallRegion } from './call-region.ts';
import { Fences } from './fences.ts';
import type { CallableTools, MarkedCall } from './format.ts';
import { toolMarkup, toolOpenings } from './formats.ts';

const THINKING_TAGS: readonly (readonly [open: string, close: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<reasoning>', '</reasoning>'],
  // Mistral
  ['[THINK]', '[/THINK]'],
];

/** No opening begins with another character. */
const MAY_OPEN = /[<[]/;

export type Piece = { kind: 'text' | 'thinking'; text: string } | { kind: 'calls'; calls: readonly MarkedCall[] };

/** Takes a text apart that arrives in pieces, whatever the pieces. */
export class MarkupScanner {
  readonly #tools: CallableTools;
  readonly #fences = new Fences();
  #pieces: Piece[] = [];
  #mode: 'start' | 'thinking' | 'text' = 'start';
  /** Has come and was not read. */
  #held = '';
  #thinkingClose = '';
  #region: CallRegion | null = null;

  constructor(tools: CallableTools) {
    this.#tools = tools;
  }

  push(text: string): Piece[] {
    this.#held += text;
    return this.#scan(false);
  }

  /** The text has ended, or something stands between it and more text. */
  end(): Piece[] {
    const pieces = this.#scan(true);
    if (this.#mode === 'thinking') this.#mode = 'text';
    return pieces;
  }

  /** What comes now is not the beginning of the answer. */
  skipThinking(): void {
    if (this.#mode === 'start') this.#mode = 'text';
  }

  #scan(ended: boolean): Piece[] {
    this.#pieces = [];
    while (this.#step(ended));
    return this.#pieces;
  }

  /** Reads something of what is held. Returns whether there may be more to read. */
  #step(ended: boolean): boolean {
    if (this.#region !== null) return this.#readCall(this.#region, ended);
    if (this.#mode === 'start') return this.#readStart(ended);
    return this.#mode === 'thinking' ? this.#readThinking(ended) : this.#readText(ended);
  }

  #readStart(ended: boolean): boolean {
    const text = this.#held.trimStart();
    const tags = THINKING_TAGS.find(([open]) => text.startsWith(open));
    if (tags !== undefined) {
      const [open, close] = tags;
      this.#thinkingClose = close;
      this.#mode = 'thinking';
      this.#held = text.slice(open.length);
      this.#pieces.push({ kind: 'thinking', text: '' });
      return true;
    }
    if (text === '' && ended) this.#emit('text', this.#held.length);
    if (text === '' || (!ended && THINKING_TAGS.some(([open]) => open.startsWith(text)))) return false;
    this.#mode = 'text';
    return true;
  }

  #readThinking(ended: boolean): boolean {
    const at = this.#held.indexOf(this.#thinkingClose);
    if (at !== -1) {
      this.#emit('thinking', this.#held.slice(0, at).trimEnd().length);
      this.#held = this.#held.slice(this.#held.indexOf(this.#thinkingClose) + this.#thinkingClose.length);
      this.#mode = 'text';
      return true;
    }
    const certain = ended ? this.#held.length : partialMatchAt(this.#held, [this.#thinkingClose]);
    // Blanks in front of the tag go with it.
    this.#emit('thinking', this.#held.slice(0, certain).trimEnd().length);
    if (ended) this.#held = '';
    return false;
  }

  #readText(ended: boolean): boolean {
    const opening = this.#tools.size > 0 && MAY_OPEN.test(this.#held) ? firstOf(this.#held, toolOpenings) : null;
    if (opening === null) {
      const watched = this.#tools.size > 0 && !ended;
      this.#emit('text', watched ? partialMatchAt(this.#held, toolOpenings) : this.#held.length);
      return false;
    }
    const { at, sequence } = opening;
    this.#emit('text', at);
    if (this.#fences.inside) {
      this.#emit('text', 1);
    } else {
      this.#region = new CallRegion(sequence, toolMarkup.get(sequence) ?? [], this.#tools);
      this.#held = this.#held.slice(sequence.length);
    }
    return true;
  }

  #readCall(region: CallRegion, ended: boolean): boolean {
    const outcome = region.push(this.#held) ?? (ended ? region.end() : null);
    this.#held = '';
    if (outcome === null) return false;
    this.#region = null;
    if (outcome === 'broken') {
      this.#held = region.text;
      this.#emit('text', 1);
    } else {
      this.#pieces.push({ kind: 'calls', calls: outcome.calls });
      this.#held = outcome.rest;
    }
    return true;
  }

  #emit(kind: 'text' | 'thinking', length: number): void {
    if (length === 0) return;
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (kind === 'text') this.#fences.push(text);
    const last = this.#pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else this.#pieces.push({ kind, text });
  }
}

function firstOf(text: string, sequences: readonly string[]): { at: number; sequence: string } | null {
  let first: { at: number; sequence: string } | null = null;
  for (const sequence of sequences) {
    const at = text.indexOf(sequence);
    if (at !== -1 && (first === null || at < first.at)) first = { at, sequence };
  }
  return first;
}
