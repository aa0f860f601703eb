import { JsonExtent } from '../json-extent.ts';
import type { CallableTools, MarkedCall, ToolMarkup } from './format.ts';

/** More than any format needs to show itself. Characters. */
const HEAD_LIMIT = 1000;

/** What became of the mark-up: its calls and the text after it, or nothing, or null while that is open. */
type Outcome = { calls: readonly MarkedCall[]; rest: string } | 'broken' | null;

/** Text that began as one of some formats do: keeps it until it is a whole call, or cannot become one. */
export class CallRegion {
  readonly #open: string;
  readonly #tools: CallableTools;
  #formats: readonly ToolMarkup[];
  /** What has come after `open`. */
  #inner = '';
  #checked = false;
  #searched = 0;
  #extent: JsonExtent | null = null;

  /** @param formats those that begin with `open`. */
  constructor(open: string, formats: readonly ToolMarkup[], tools: CallableTools) {
    this.#open = open;
    this.#formats = formats;
    this.#tools = tools;
  }

  /** All that has come, as it came. */
  get text(): string {
    return this.#open + this.#inner;
  }

  push(text: string): Outcome {
    this.#inner += text;
    if (!this.#checked) this.#checkHead();
    for (const format of this.#formats) {
      const outcome = format.close === null ? this.#readJson(format) : this.#readClosed(format, format.close);
      if (outcome === 'broken') this.#formats = this.#formats.filter((other) => other !== format);
      else if (outcome !== null) return outcome;
    }
    this.#searched = this.#inner.length;
    return this.#formats.length === 0 ? 'broken' : null;
  }

  /** The text has ended. Models leave the closing tag out, or it was the token that ended the answer. */
  end(): Exclude<Outcome, null> {
    for (const format of this.#formats) {
      const calls = format.close === null ? null : this.#callsIn(this.#inner, false, format);
      if (Array.isArray(calls)) return { calls, rest: '' };
    }
    return 'broken';
  }

  /** Drops the formats that do not go on like this. */
  #checkHead(): void {
    const head = this.#inner.slice(0, HEAD_LIMIT).replace(/\s+/g, '');
    let decided = true;
    const fits = (beginning: string): boolean => {
      if (beginning.length > head.length) decided = false;
      return beginning.startsWith(head) || head.startsWith(beginning);
    };
    const names = [...this.#tools.keys()];
    this.#formats = this.#formats.filter((format) => names.some((name) => format.begins(name).some(fits)));
    this.#checked = decided;
  }

  #readClosed(format: ToolMarkup, close: string): Outcome {
    const from = Math.max(0, this.#searched - close.length + 1);
    for (let at = this.#inner.indexOf(close, from); at !== -1; at = this.#inner.indexOf(close, at + 1)) {
      const calls = this.#callsIn(this.#inner.slice(0, at), true, format);
      if (calls === 'broken') return 'broken';
      if (calls !== null) return { calls, rest: this.#inner.slice(at + close.length) };
    }
    return null;
  }

  #readJson(format: ToolMarkup): Outcome {
    if (this.#extent === null) {
      // A list, or an object that a name may stand before.
      const start = /^\s*\[/.test(this.#inner) ? this.#inner.indexOf('[') : this.#inner.indexOf('{');
      if (start === -1) return null;
      this.#extent = new JsonExtent();
      this.#searched = start;
    }
    const end = this.#searched + this.#extent.push(this.#inner.slice(this.#searched));
    if (!this.#extent.complete) return null;
    const calls = this.#callsIn(this.#inner.slice(0, end), true, format);
    return calls === null || calls === 'broken' ? 'broken' : { calls, rest: this.#inner.slice(end) };
  }

  #callsIn(inner: string, closed: boolean, format: ToolMarkup): readonly MarkedCall[] | 'broken' | null {
    const calls = format.read(inner, closed, this.#tools);
    if (calls === 'incomplete') return null;
    const callable = calls !== null && calls.length > 0 && calls.every(({ name }) => this.#tools.has(name));
    return callable ? calls : 'broken';
  }
}
