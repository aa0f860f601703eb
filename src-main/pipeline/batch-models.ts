const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);

/** Names are shorter. */
const LONGEST_TEXT = 400;
const MODEL = 'model';

/** A model's name, and where its text begins. */
export interface NamedModel {
  readonly at: number;
  readonly model: string;
}

/**
 * Where each request of a batch names its model, found while its bytes arrive: at 256 MB, nobody decodes them in one go.
 * In Anthropic's batches that is `requests[].params.model`, in OpenAI's the `body.model` of each line.
 */
export class BatchModels {
  readonly found: NamedModel[] = [];
  readonly #depthOfModel: number;
  readonly #isLines: boolean;
  #at = 0;
  #depth = 0;
  #inText = false;
  #isEscaped = false;
  /** The text that is being read, where it may matter. */
  #text: number[] | null = null;
  #textAt = 0;
  #lastText: string | null = null;
  #isValueOfModel = false;

  constructor(dialect: 'anthropic' | 'openai') {
    this.#isLines = dialect === 'openai';
    this.#depthOfModel = this.#isLines ? 2 : 4;
  }

  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (byte === NEWLINE && this.#isLines) this.#reset();
      else if (this.#inText) this.#takeInText(byte);
      else this.#take(byte);
      this.#at += 1;
    }
  }

  #takeInText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) {
      this.#isEscaped = true;
      // No name that is looked for has one.
      this.#text = null;
    } else if (byte === QUOTE) this.#endText();
    else if (this.#text !== null && this.#text.push(byte) > LONGEST_TEXT) this.#text = null;
  }

  #endText(): void {
    this.#inText = false;
    this.#lastText = this.#text === null ? null : Buffer.from(this.#text).toString();
    this.#text = null;
    if (this.#isValueOfModel && this.#lastText !== null) this.found.push({ at: this.#textAt, model: this.#lastText });
    this.#isValueOfModel = false;
  }

  #take(byte: number): void {
    if (byte === QUOTE) {
      this.#inText = true;
      this.#text = this.#depth === this.#depthOfModel ? [] : null;
      this.#textAt = this.#at + 1;
    } else if (byte === COLON) {
      this.#isValueOfModel = this.#depth === this.#depthOfModel && this.#lastText === MODEL;
      this.#lastText = null;
    } else if (byte === COMMA) this.#lastText = null;
    else if (OPENING.has(byte)) {
      this.#depth += 1;
      this.#isValueOfModel = false;
      this.#lastText = null;
    } else if (CLOSING.has(byte)) {
      this.#depth -= 1;
      this.#lastText = null;
    }
  }

  #reset(): void {
    this.#depth = 0;
    this.#inText = false;
    this.#isEscaped = false;
    this.#text = null;
    this.#lastText = null;
    this.#isValueOfModel = false;
  }
}

/** The same bytes with `prefix` cut off the models that begin with it. Changes `bytes`, since there is no room for two of them. */
export function withoutPrefix(bytes: Buffer, models: readonly NamedModel[], prefix: string): Buffer {
  const cut = Buffer.byteLength(prefix);
  let to = 0;
  let from = 0;
  for (const { at, model } of models) {
    if (!model.startsWith(prefix)) continue;
    bytes.copyWithin(to, from, at);
    to += at - from;
    from = at + cut;
  }
  if (from === 0) return bytes;
  bytes.copyWithin(to, from);
  return bytes.subarray(0, to + bytes.length - from);
}
