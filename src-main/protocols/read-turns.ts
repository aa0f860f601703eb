import { endOfString, endOfValue, type FieldRange, readKey, skipSpace } from './json-envelope.ts';

/** What shows of a conversation's messages (or items) in their bytes, without building anything of them. */
export interface Turns {
  /** How many there are, inside of tool results too. */
  readonly images: number;
  readonly documents: number;
  /** Bytes of those that stand in it as base64. */
  readonly base64Bytes: number;
  /** How many of the messages are a model's. */
  readonly answers: number;
  /** Results of tools have come since the model spoke last. */
  readonly midTurn: boolean;
  /** The last `output_config` of a message, by which Claude Code says how hard to think from there on. */
  readonly outputConfig: FieldRange | null;
  /** The last text, in its quotes, of the last message of a user. */
  readonly lastText: FieldRange | null;
  /** Messages that instruct the model (`system`, `developer`), in their order. */
  readonly instructions: readonly FieldRange[];
  /** The user's first messages. */
  readonly opening: readonly FieldRange[];
  /** Type of the last item; null where it has none. */
  readonly lastType: string | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Words, found by their bytes. No two of a list have both their length and their second letter in common. */
class Words<Word extends string> {
  readonly #words: readonly Word[];
  /** Place of the word by length and second letter; one past the last where there is none. */
  readonly #places = new Uint8Array((LONGEST_WORD + 1) << 7);
  /** All words, each at its place, with room for the longest. */
  readonly #letters: Uint8Array;

  constructor(words: readonly Word[]) {
    this.#words = words;
    this.#places.fill(words.length);
    this.#letters = new Uint8Array(words.length << 4);
    for (const [place, word] of words.entries()) {
      const letters = Buffer.from(word);
      this.#letters.set(letters, place << 4);
      this.#places[hashOf(letters.length, letters[1])] = place;
    }
  }

  /** The word that a string from quote to quote spells, also with escapes; null where it is none. */
  find(bytes: Buffer, start: number, end: number): Word | null {
    const length = end - start - 2;
    if (length <= LONGEST_WORD) {
      const place = this.#places[hashOf(length, bytes[start + 2])] ?? 0;
      const letters = this.#letters;
      const first = place << 4;
      let index = 0;
      while (index < length && letters[first + index] === bytes[start + 1 + index]) index += 1;
      if (index === length) return this.#words[place] ?? null;
    }
    if (length < SHORTEST_ESCAPED || length > LONGEST_ESCAPED || !isEscaped(bytes, start, end)) return null;
    const text = readKey(bytes, start, end);
    return this.#words.find((word) => word === text) ?? null;
  }
}

const hashOf = (length: number, second: number | undefined): number => (length << 7) | ((second ?? 0) & 0x7f);

const LONGEST_WORD = 'output_config'.length;
/** Each of its letters written as six characters. */
const LONGEST_ESCAPED = LONGEST_WORD * 6;
const SHORTEST_ESCAPED = 'url'.length + 5;
/** No protocol has a longer name for a kind of item. */
const LONGEST_TYPE = 64;

function isEscaped(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (bytes[index] === BACKSLASH) return true;
  return false;
}

const keys = new Words([
  'type',
  'role',
  'text',
  'content',
  'input',
  'source',
  'output_config',
  'data',
  'url',
  'file_data',
  'image_url',
]);
const types = new Words(['image', 'image_url', 'input_image', 'document', 'file', 'input_file', 'tool_result']);
const sources = new Words(['text', 'content']);
const roles = new Words(['user', 'assistant', 'tool', 'function', 'system', 'developer']);

/** Depths in the list: a message itself, and a block of its content. */
const MESSAGE = 2;
const BLOCK = 4;

/** Shorter ones weigh nothing beside the rest. */
const LEAST_BASE64 = 1000;
/** Enough to find what a client says of its surroundings. */
const MOST_KEPT = 16;
const OPENING_MESSAGES = 3;

/** None of what stands between tokens has a higher code. */
const isSpace = (byte: number | undefined): boolean => byte !== undefined && byte <= 0x20;

/** Where an image or a document is. */
interface Source {
  readonly depth: number;
  dataBytes: number;
  isText: boolean;
}

type Role = 'user' | 'assistant' | 'tool' | 'function' | 'system' | 'developer';
type Key = ReturnType<typeof keys.find>;

/** @param range of the list of messages; of a text, which is a user's only message; null where there is neither. */
export function readTurns(bytes: Buffer, range: FieldRange | null): Turns {
  const reader = new TurnReader(bytes);
  if (range !== null && bytes[range.start] === QUOTE) reader.lastText = range;
  else if (range !== null && bytes[range.start] === OPEN_BRACKET) reader.read(range);
  // Facts are kept long after the bytes.
  const { images, documents, base64Bytes, answers, midTurn, outputConfig, lastText, instructions, opening } = reader;
  const { lastType } = reader;
  return {
    images,
    documents,
    base64Bytes,
    answers,
    midTurn,
    outputConfig,
    lastText,
    instructions,
    opening,
    lastType,
  };
}

class TurnReader implements Turns {
  images = 0;
  documents = 0;
  base64Bytes = 0;
  answers = 0;
  midTurn = false;
  outputConfig: FieldRange | null = null;
  lastText: FieldRange | null = null;
  lastType: string | null = null;
  readonly instructions: FieldRange[] = [];
  readonly opening: FieldRange[] = [];
  readonly #bytes: Buffer;
  // Of the message that is being read.
  #start = 0;
  #role: Role | null = null;
  #type: string | null = null;
  #text: FieldRange | null = null;
  #hasResult = false;
  /** The objects around that say where an image or a document is: the kinds in them are not of content. */
  readonly #sources: Source[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read({ start, end }: FieldRange): void {
    const bytes = this.#bytes;
    let depth = 0;
    let at = start;
    let key: Key = null;
    while (at < end) {
      switch (bytes[at]) {
        case QUOTE: {
          const close = endOfString(bytes, at);
          const next = isSpace(bytes[close]) ? skipSpace(bytes, close) : close;
          if (bytes[next] === COLON) {
            key = keys.find(bytes, at, close);
            at = isSpace(bytes[next + 1]) ? skipSpace(bytes, next + 1) : next + 1;
            if (key === 'input' && bytes[at] !== QUOTE) {
              // Whatever a model gives its tools is no content of the conversation.
              at = endOfValue(bytes, at);
              key = null;
            } else if (key === 'output_config' && depth === MESSAGE) {
              const from = at;
              at = endOfValue(bytes, at);
              this.outputConfig = { start: from, end: at };
              key = null;
            } else if (key === 'source' && bytes[at] === OPEN_BRACE)
              this.#sources.push({ depth: depth + 1, dataBytes: 0, isText: false });
          } else {
            if (key !== null) this.#value(key, depth, at, close);
            key = null;
            at = next;
          }
          continue;
        }
        case OPEN_BRACE:
        case OPEN_BRACKET:
          depth += 1;
          if (depth === MESSAGE) this.#begin(at);
          key = null;
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          if (depth === MESSAGE) this.#finish(at + 1);
          if (depth === this.#sources.at(-1)?.depth) this.#finishSource();
          depth -= 1;
          break;
        case COMMA:
          key = null;
          break;
      }
      at += 1;
    }
  }

  #value(key: Key, depth: number, start: number, end: number): void {
    switch (key) {
      case 'type':
        if (depth === this.#sources.at(-1)?.depth) this.#source(sources.find(this.#bytes, start, end));
        else this.#block(types.find(this.#bytes, start, end));
        if (depth === MESSAGE && end - start <= LONGEST_TYPE) this.#type = readKey(this.#bytes, start, end);
        break;
      case 'role':
        if (depth === MESSAGE) this.#role = roles.find(this.#bytes, start, end);
        break;
      case 'text':
        if (depth === BLOCK) this.#text = { start, end };
        break;
      case 'content':
        if (depth === MESSAGE) this.#text = { start, end };
        break;
      case 'data': {
        // That of a block itself is thinking which nobody can read; the model reads it all the same.
        if (depth === BLOCK || end - start < LEAST_BASE64) break;
        const source = this.#sources.at(-1);
        if (depth === source?.depth) source.dataBytes += end - start - 2;
        else this.base64Bytes += end - start - 2;
        break;
      }
      case 'url':
      case 'file_data':
      case 'image_url':
        if (end - start >= LEAST_BASE64) this.base64Bytes += end - start - 2;
        break;
    }
  }

  #block(type: ReturnType<typeof types.find>): void {
    switch (type) {
      case 'image':
      case 'image_url':
      case 'input_image':
        this.images += 1;
        break;
      case 'document':
      case 'file':
      case 'input_file':
        this.documents += 1;
        break;
      case 'tool_result':
        this.#hasResult = true;
        break;
    }
  }

  /** A document that is nothing but text needs no model that reads files. */
  #source(type: 'text' | 'content' | null): void {
    if (type === null) return;
    this.documents -= 1;
    const source = this.#sources.at(-1);
    if (type === 'text' && source !== undefined) source.isText = true;
  }

  /** The data of a text is the text, wherever it says that it is one. */
  #finishSource(): void {
    const source = this.#sources.pop();
    if (source?.isText === false) this.base64Bytes += source.dataBytes;
  }

  #begin(at: number): void {
    this.#start = at;
    this.#role = null;
    this.#type = null;
    this.#text = null;
    this.#hasResult = false;
  }

  #finish(end: number): void {
    const range = { start: this.#start, end };
    const [role, type] = [this.#role, this.#type];
    this.lastType = type;
    if (role === 'assistant' || type === 'reasoning' || type?.endsWith('_call') === true) {
      this.answers += 1;
      this.midTurn = false;
    } else if (this.#hasResult || role === 'tool' || role === 'function' || type?.endsWith('_output') === true) {
      this.midTurn = true;
    }
    if (role === 'user') {
      if (this.#text !== null) this.lastText = this.#text;
      if (this.opening.length < OPENING_MESSAGES) this.opening.push(range);
    } else if (role === 'system' || role === 'developer') {
      if (this.instructions.length === MOST_KEPT) this.instructions.pop();
      this.instructions.push(range);
    }
  }
}
