import { isUtf8 } from 'node:buffer';
import type { BodyView } from '../../src-shared/recording.ts';
import { createRedactor } from '../secrets/redact.ts';
import type { Secrets, StoredBodies } from './bodies-calls.ts';
import type { RawBody, RequestBodies } from './request-bodies.ts';

/** A body with keys cut out, as bytes. */
export interface CleanBody {
  content: Buffer;
  encoding: BodyView['encoding'];
  bytes: number;
  truncated: boolean;
}

/** Where a body was cut, half of a key may stand: so much of the end is left out, in characters, or as much as the longest key. */
const CUT_END = 200;
const LONGEST_CUT_END = 8_192;

/** Cuts keys out of what was said. It reads through all of it: for a thread beside the one that answers. */
export class Cleaner {
  readonly #secrets: Secrets;
  readonly #redact: (text: string) => string;
  readonly #cutEnd: number;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
    this.#redact = createRedactor(secrets);
    // As a URL it is up to three times as long.
    const longest = Math.max(0, ...secrets.map(({ length }) => 3 * length));
    this.#cutEnd = Math.min(Math.max(CUT_END, longest), LONGEST_CUT_END);
  }

  /** Whether it cuts out these. */
  isFor(secrets: Secrets): boolean {
    return secrets.length === this.#secrets.length && secrets.every((secret, index) => secret === this.#secrets[index]);
  }

  body({ content, bytes }: RawBody): CleanBody {
    const truncated = content.length < bytes;
    // Between threads, a Buffer becomes an array of bytes.
    const whole = Buffer.from(content.buffer, content.byteOffset, content.length);
    const kept = truncated ? wholeCharacters(whole) : whole;
    const encoding = isUtf8(kept) ? 'utf8' : 'base64';
    // What is no text may have a key in it all the same.
    const form = encoding === 'utf8' ? 'utf8' : 'latin1';
    const clean = this.#redact(kept.toString(form));
    const told = truncated ? clean.slice(0, -this.#cutEnd).toWellFormed() : clean;
    return {
      content: Buffer.from(told, form),
      encoding,
      bytes,
      truncated,
    };
  }

  text(text: string): string {
    return this.#redact(text);
  }

  /** All of a request, for whoever looks at it. */
  request(raw: RequestBodies): StoredBodies {
    const view = (body: RawBody | null): BodyView | null => (body === null ? null : bodyView(this.body(body)));
    return {
      ...this.head(raw),
      request: bodyView(this.body(raw.request)),
      answer: view(raw.answer),
      attempts: raw.attempts.map(({ attempt, sent, refusal }) => ({
        attempt,
        sent: view(sent),
        refusal: view(refusal),
      })),
    };
  }

  /** What stands beside the bodies. */
  head({ id, path, query, requestHeaders, answerHeaders, isComplete }: RequestBodies): BodiesHead {
    return {
      id,
      path: this.#redact(path + query),
      requestHeaders: this.#headers(requestHeaders),
      answerHeaders: this.#headers(answerHeaders),
      isComplete,
    };
  }

  #headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.#redact(value)]));
  }
}

export type BodiesHead = Omit<StoredBodies, 'request' | 'answer' | 'attempts'>;

export const bodyView = ({ content, encoding, bytes, truncated }: CleanBody): BodyView => ({
  text: content.toString(encoding),
  encoding,
  bytes,
  truncated,
});

/** Without the last character, which may be cut in its middle. */
function wholeCharacters(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes.length - end < 3 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, Math.max(0, end - 1));
}
