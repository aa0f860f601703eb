import type { Usage } from '../canonical.ts';
import type { PassThrough, StreamTap, UpstreamError, WholeAnswer } from '../codec.ts';
import { FrameSplitter, frameData, frameObject } from '../frame-splitter.ts';
import { isObject } from '../is-object.ts';
import { errorIn } from '../upstream-error.ts';
import { foreignDetails } from './foreign-details.ts';
import { signatureOfDetail, signatureOfExtra } from './own-state.ts';
import { restoration } from './restoration.ts';
import { isFailure, isRefusal } from './stop-reason.ts';
import { streamUsage } from './stream-usage.ts';
import { usageIn } from './usage.ts';

type Json = Record<string, unknown>;

const DONE = 'data: [DONE]\n\n';
/** `data: [DONE]`, with room for an event line. */
const DONE_LENGTH = 48;

/**
 * What a frame to be decoded holds: a value of `finish_reason`, `usage` or `error` that is not null, the word `error` as a
 * value (vLLM), a role, which begins a choice, or a signature (`data`: OpenRouter's encrypted reasoning). Most frames have none
 * of it, so this is what most frames cost.
 */
const TO_BE_READ =
  /"(?:(?:finish_reason|usage|error)"\s*:\s*(?![\sn])|error"\s*[,}]|role"|(?:signature|thought_signature|data)"\s*:\s*"[^"])/;

/** Watches a Chat Completions stream that is passed through. */
class ChatStreamTap implements StreamTap {
  started = false;
  complete = false;
  error: UpstreamError | null = null;
  usage: Usage | null = null;
  stopReason: string | null = null;
  refused = false;
  readonly signatures: string[] = [];
  /** Choices that have begun and were not finished: the answer is finished when all of them are. */
  readonly #open = new Set<unknown>();
  readonly #frames = new FrameSplitter((bytes, start, end) => this.#inspect(bytes, start, end));
  readonly #hidesUsage: boolean;

  constructor(hidesUsage = false) {
    this.#hidesUsage = hidesUsage;
  }

  get finished(): boolean {
    return this.complete || (this.stopReason !== null && this.#open.size === 0);
  }

  push(chunk: Buffer): Buffer {
    return this.#frames.push(chunk);
  }

  end(): string {
    const rest = this.#frames.end();
    // Clients wait for it, and some servers leave it out.
    return this.finished && !this.complete && this.error === null ? rest + DONE : rest;
  }

  #inspect(bytes: Buffer, start: number, end: number): boolean | 'hidden' {
    if (end - start <= DONE_LENGTH && frameData(bytes, start, end)?.trim() === '[DONE]') {
      this.complete = true;
      return true;
    }
    // The keys are ASCII: the frame need not be read as UTF-8 for them.
    if (this.started && !TO_BE_READ.test(bytes.toString('latin1', start, end))) return false;
    const chunk = frameObject(bytes, start, end);
    if (chunk === null) return false;
    this.#account(chunk);
    return this.#hidesUsage && isUsageAlone(chunk) ? 'hidden' : true;
  }

  #account(chunk: Record<string, unknown>): void {
    const choices = Array.isArray(chunk.choices) ? chunk.choices.filter(isObject) : [];
    this.usage = usageIn(chunk, choices[0]) ?? this.usage;
    this.error ??= failureIn(chunk, choices);
    for (const { index, delta, finish_reason: reason } of choices) {
      this.#open.add(index);
      if (isObject(delta)) {
        if (Object.entries(delta).some(isContent)) this.started = true;
        this.signatures.push(...signaturesIn(delta));
      }
      if (typeof reason !== 'string' || reason === '') continue;
      this.#open.delete(index);
      this.stopReason ??= reason;
      this.refused ||= !this.started && isRefusal(reason);
      // An answer without content that gives its reason is an answer.
      this.started = true;
    }
  }
}

/** The last chunk of a stream with `include_usage`. */
const isUsageAlone = ({ choices, usage }: Json): boolean =>
  Array.isArray(choices) && choices.length === 0 && isObject(usage);

/** Content of any kind, ours to know or not. */
function isContent([name, value]: [string, unknown]): boolean {
  if (name === 'role' || value === null || value === '') return false;
  return !Array.isArray(value) || value.length > 0;
}

const hasContent = ({ message }: Record<string, unknown>): boolean =>
  isObject(message) && Object.entries(message).some(isContent);

/** OpenRouter's and Gemini's (own-state.ts) in a message, or a part of one. */
function signaturesIn({ reasoning_details: details, tool_calls: calls }: Record<string, unknown>): string[] {
  const found = [
    ...(Array.isArray(details) ? details.map(signatureOfDetail) : []),
    ...(Array.isArray(calls)
      ? calls.map((call) => (isObject(call) ? signatureOfExtra(call.extra_content) : null))
      : []),
  ];
  return found.filter((signature) => signature !== null);
}

/** An error beside the choices or in one of them, or a finish that says so. */
function failureIn(body: Json, choices: readonly Json[]): UpstreamError | null {
  const told = errorIn(body) ?? choices.map(errorIn).find((error) => error !== null);
  if (told) return told;
  const reason = choices.map((choice) => choice.finish_reason).find((one) => typeof one === 'string' && isFailure(one));
  return reason === undefined
    ? null
    : { message: `the answer ended with finish_reason '${String(reason)}'`, code: null };
}

function readAnswer(body: Json): WholeAnswer {
  const choices = Array.isArray(body.choices) ? body.choices.filter(isObject) : [];
  const error = failureIn(body, choices);
  if (error !== null) return { error, usage: null, stopReason: null, refused: false, signatures: [] };
  const [choice] = choices;
  if (choice === undefined) throw new Error('the answer has no choices');
  const { finish_reason: reason } = choice;
  return {
    error: null,
    usage: usageIn(body, choice),
    stopReason: typeof reason === 'string' ? reason : null,
    refused: typeof reason === 'string' && isRefusal(reason) && !choices.some(hasContent),
    signatures: choices.flatMap(({ message }) => (isObject(message) ? signaturesIn(message) : [])),
  };
}

/** How Chat Completions answers are watched that go to a client of Chat Completions. */
export const chatPassThrough: PassThrough = {
  foreignState: foreignDetails,
  restoration,
  streamUsage,
  createTap: (hidesUsage) => new ChatStreamTap(hidesUsage),
  readAnswer,
};
