import type { ProxyError } from '../../../src-shared/errors.ts';
import type { Usage } from '../canonical.ts';
import type { PassThrough, StreamTap, UpstreamError, WholeAnswer } from '../codec.ts';
import { FrameSplitter, frameObject, frameStartsWith } from '../frame-splitter.ts';
import { isObject } from '../is-object.ts';
import { openaiErrorBody } from '../openai-error.ts';
import { errorIn } from '../upstream-error.ts';
import { foreignReasoning, nativeContent } from './foreign-reasoning.ts';
import { failureFrames, unknownHead } from './frames.ts';
import type { ResponseHead } from './response-object.ts';
import { decodeUsage } from './usage.ts';

/** Events that carry nothing to account for; they are most of a stream, so they are recognised without decoding. */
const UNREAD = ['output_text.', 'function_call_arguments.', 'custom_tool_call_input.', 'reasoning_', 'content_part.']
  .flatMap((family) => [`event: response.${family}`, `data: {"type":"response.${family}`])
  .map((beginning) => Buffer.from(beginning));

/** A reason for which an answer is incomplete. */
const REFUSED = 'content_filter';

type Json = Record<string, unknown>;

/** Watches a Responses stream that is passed through. */
class ResponsesStreamTap implements StreamTap {
  started = false;
  /** This protocol says why an answer ends in its last event. */
  finished = false;
  error: UpstreamError | null = null;
  usage: Usage | null = null;
  stopReason: string | null = null;
  refused = false;
  readonly signatures: string[] = [];
  #head: ResponseHead | null = null;
  /** The last frame that was let through. */
  #last: { bytes: Buffer; start: number; end: number } | null = null;
  readonly #frames = new FrameSplitter((bytes, start, end) => {
    this.#last = { bytes, start, end };
    return this.#inspect(bytes, start, end);
  });

  get complete(): boolean {
    return this.finished;
  }

  push(chunk: Buffer): Buffer {
    return this.#frames.push(chunk);
  }

  end(): string {
    const last = this.#last;
    const rest = this.#frames.end();
    if (rest === '') this.#last = last;
    return rest;
  }

  /** Goes on with the provider's own numbers and names. */
  encodeError(error: ProxyError, requestId: string): string {
    const last = this.#last === null ? null : frameObject(this.#last.bytes, this.#last.start, this.#last.end);
    const sequence = typeof last?.sequence_number === 'number' ? last.sequence_number + 1 : 0;
    const head = this.#head ?? unknownHead(requestId);
    return failureFrames(openaiErrorBody(error).error, head, { sequence, output: [], echo: '' });
  }

  #inspect(bytes: Buffer, start: number, end: number): boolean {
    for (const beginning of UNREAD) if (frameStartsWith(bytes, start, end, beginning)) return false;
    const event = frameObject(bytes, start, end);
    if (event === null) return false;
    this.#account(event);
    return true;
  }

  #account(event: Json): void {
    switch (event.type) {
      case 'response.created':
        this.#head = isObject(event.response) ? headOf(event.response) : null;
        break;
      case 'response.output_item.added':
        this.started = true;
        break;
      case 'response.output_item.done':
        this.started = true;
        this.#sign(event.item);
        break;
      case 'response.completed':
      // OpenRouter
      case 'response.done':
      case 'response.incomplete': {
        const response = isObject(event.response) ? event.response : {};
        if (Array.isArray(response.output)) for (const item of response.output) this.#sign(item);
        this.usage = decodeUsage(response.usage);
        this.stopReason = stopReason(response);
        this.refused = !this.started && this.stopReason === REFUSED;
        // An answer without content that gives its reason is an answer.
        this.started = true;
        this.finished = true;
        break;
      }
      case 'response.failed':
      case 'response.cancelled':
        this.error ??= failureOf(isObject(event.response) ? event.response : {});
        break;
      case 'error':
      case 'response.error':
        this.error ??= errorIn({ ...event, type: 'error' });
        break;
      default:
        // What stands in front of servers reports errors in frames of its own.
        if (event.type === undefined) this.error ??= errorIn(event);
    }
  }

  /** The last event tells all items once more. */
  #sign(item: unknown): void {
    const content = nativeContent(item);
    if (content !== null && !this.signatures.includes(content)) this.signatures.push(content);
  }
}

/** Null for a response without an id. */
function headOf({ id, created_at: createdAt, model }: Json): ResponseHead | null {
  if (typeof id !== 'string' || !/^[\w-]+$/.test(id)) return null;
  return {
    id,
    createdAt: typeof createdAt === 'number' ? createdAt : 0,
    model: typeof model === 'string' ? model : '',
  };
}

/** The provider's own word: `completed`, or why it is not. */
function stopReason({ status, incomplete_details: details }: Json): string {
  if (isObject(details) && typeof details.reason === 'string') return details.reason;
  return typeof status === 'string' ? status : 'completed';
}

const failureOf = (response: Json): UpstreamError =>
  errorIn(response) ?? { message: `the response is ${String(response.status ?? 'failed')}`, code: null };

function readAnswer(body: Json): WholeAnswer {
  const error = errorIn(body);
  if (error !== null) return { error, usage: null, stopReason: null, refused: false, signatures: [] };
  if (!Array.isArray(body.output)) throw new Error('the answer has no output');
  if (body.status === 'failed' || body.status === 'cancelled')
    return { error: failureOf(body), usage: null, stopReason: null, refused: false, signatures: [] };
  const signatures = body.output.map(nativeContent).filter((content) => content !== null);
  const reason = stopReason(body);
  return {
    error: null,
    usage: decodeUsage(body.usage),
    stopReason: reason,
    refused: reason === REFUSED && body.output.length === 0,
    signatures,
  };
}

/** How Responses answers are watched that go to a client of the Responses API. */
export const responsesPassThrough: PassThrough = {
  foreignState: foreignReasoning,
  createTap: () => new ResponsesStreamTap(),
  readAnswer,
};
