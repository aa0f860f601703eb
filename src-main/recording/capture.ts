import type { AnswerTap } from '../pipeline/answer.ts';
import type { AnswerHeaders } from '../pipeline/client-request.ts';
import type { AttemptContext, RequestContext } from '../pipeline/context.ts';
import { cut, type HeardBody, heard, type RequestBodies } from './request-bodies.ts';

/** Headers that say what a body is or who made it, and open nothing. */
const REQUEST_HEADERS = ['content-type', 'accept', 'user-agent', 'anthropic-version', 'anthropic-beta', 'openai-beta'];
const ANSWER_HEADERS = /^(content-type|retry-after|request-id|x-request-id|age|x-should-retry|x-cproxy-.*)$/;

export interface CaptureOptions {
  /** Of a larger body, the beginning is kept. */
  maxBodyBytes: number;
  /** Asked before more is kept of an answer. @returns whether there is room for it. */
  takeRoom: (bytes: number) => boolean;
}

/** What is said in one request, while it is under way: references to what is there anyway. */
export class Capture implements AnswerTap {
  readonly #context: RequestContext;
  readonly #options: CaptureOptions;
  /** The client's, whatever middleware makes of it. */
  readonly #request: RequestContext['request'];
  readonly #attempts: AttemptContext[] = [];
  #headers: AnswerHeaders = {};
  readonly #pieces: (Uint8Array | string)[] = [];
  #heldBytes = 0;
  #answerBytes = 0;
  #isCut = false;
  #isComplete = false;

  constructor(context: RequestContext, options: CaptureOptions) {
    this.#context = context;
    this.#options = options;
    this.#request = context.request;
  }

  /** Of the answer, so far. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  attempt(context: AttemptContext): void {
    this.#attempts.push(context);
  }

  head(headers: AnswerHeaders): void {
    this.#headers = headers;
  }

  /** Never wants more than the client does. */
  write(bytes: Uint8Array | string): boolean {
    this.#keep(bytes);
    return false;
  }

  end(bytes: Uint8Array | string | undefined): void {
    if (bytes !== undefined && bytes.length > 0) this.#keep(bytes);
    this.#isComplete = true;
  }

  /** All of it, once the request has ended. */
  bodies(): RequestBodies<HeardBody> {
    const { row } = this.#context;
    const { codec, path, query, body, header } = this.#request;
    return {
      id: row.id,
      at: row.startedAt,
      protocol: codec.protocol,
      path,
      query,
      requestHeaders: Object.fromEntries(
        REQUEST_HEADERS.flatMap((name) => {
          const value = header(name);
          return value === null ? [] : [[name, value]];
        }),
      ),
      request: heard(body.raw),
      answerHeaders: Object.fromEntries(
        Object.entries(this.#headers)
          .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
          .filter(([name]) => ANSWER_HEADERS.test(name)),
      ),
      answer: this.#answer(),
      isComplete: this.#isComplete,
      attempts: this.#attempts.flatMap(({ sent, refusal }, attempt) =>
        sent === null && refusal === null
          ? []
          : [
              {
                attempt,
                sent: sent === null ? null : heard(sent),
                refusal: refusal === null ? null : heard(refusal),
              },
            ],
      ),
    };
  }

  #keep(bytes: Uint8Array | string): void {
    this.#answerBytes += bytes.length;
    if (this.#isCut) return;
    const kept = cut(bytes, this.#options.maxBodyBytes - this.#heldBytes);
    const hasRoom = this.#options.takeRoom(kept.length);
    this.#isCut = !hasRoom || kept.length < bytes.length;
    if (!hasRoom || kept.length === 0) return;
    this.#pieces.push(kept);
    this.#heldBytes += kept.length;
  }

  #answer(): HeardBody | null {
    if (this.#answerBytes === 0) return null;
    const bytes = this.#pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    return { pieces: this.#pieces, bytes: this.#isCut ? Math.max(this.#answerBytes, bytes + 1) : bytes };
  }
}
