import type { Readable } from 'node:stream';
import { ProxyError } from '../../src-shared/errors.ts';
import type { StreamEvent } from '../protocols/canonical.ts';
import type { ProviderAnswer } from '../providers/base-provider.ts';
import type { Answer } from './answer.ts';
import type { AnswerReader } from './answer-readers.ts';
import {
  jsonSource,
  messageSink,
  PassThroughJsonReader,
  PassThroughStreamReader,
  streamSink,
  TranslatingReader,
} from './answer-readers.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import type { AttemptContext } from './context.ts';
import { answerHeaders, limitHeaders } from './forwarded-headers.ts';
import { SilenceTimer } from './silence-timer.ts';
import { canTryNext, httpFailure, retryAfterSeconds, streamFailure } from './upstream-failure.ts';
import { type UpstreamRequest, upstreamRequest } from './upstream-request.ts';

export interface AttemptOptions {
  /** Marks of the CProxy instances the request has passed, ours included. */
  hops: string;
  /** What middleware makes of each event; null where none wants to see them. */
  onEvent: ((event: StreamEvent, context: AttemptContext) => readonly StreamEvent[]) | null;
  /** Whether an address is this engine's own listener. */
  isSelf: (url: URL) => boolean;
  /** Removes secrets from what a provider says. */
  redact: (text: string) => string;
}

/** Before content a provider may send pings, comments and its first event, not this much. */
const LARGEST_PRELUDE_BYTES = 1024 * 1024;
/** Some servers keep the connection open after the answer's end; usage is waited for so long after the finish. */
const FINISH_GRACE_MS = 1_500;
/** How long the rest of a complete answer may take before its connection is given up instead of used again. */
const DRAIN_MS = 1_000;
/** Of an error answer, more is not read, and it is not waited for longer: its status has said enough. */
const LARGEST_ERROR_BYTES = 1024 * 1024;
const ERROR_BODY_MS = 2_000;

class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

const failed = (error: ProxyError, answering = false): AttemptOutcome => ({
  kind: 'failed',
  failure: { error, original: null, tryNext: canTryNext(error) },
  answering,
});

/** Calls one target and, once its content is good, gives it to the client. Never throws for what a provider does. */
export async function attemptTarget(
  context: AttemptContext,
  answer: Answer,
  options: AttemptOptions,
): Promise<AttemptOutcome> {
  const { request } = context.request;
  const { provider } = context.target;
  const controller = new AbortController();
  const onClientLeft = (): void => controller.abort(new ClientLeft());
  if (request.signal.aborted) return { kind: 'aborted' };
  request.signal.addEventListener('abort', onClientLeft, { once: true });
  // A whole answer is silent until it is complete, and the last target has no one to wait for it.
  const silenceMs = request.body.stream && !context.last ? provider.timeouts.silenceMs : provider.timeouts.idleMs;
  const silence = new SilenceTimer(silenceMs, (ms) =>
    controller.abort(ProxyError.of('provider_silent', { provider: provider.id, ms })),
  );
  try {
    if (provider.baseUrl !== null && options.isSelf(provider.baseUrl))
      throw ProxyError.of('provider_is_self', { provider: provider.id, baseUrl: provider.baseUrl.href });
    const upstream = upstreamRequest(context, { hops: options.hops, decodesEvents: options.onEvent !== null });
    context.row.mode = upstream.mode;
    const received = await provider.send({ ...upstream.call, signal: controller.signal });
    context.row.status = received.status;
    silence.refresh();
    if (received.status >= 400) return await refused(context, upstream, received, options, controller.signal);
    return await new Exchange(context, answer, upstream, received, options, silence, controller.signal).run();
  } catch (error) {
    if (error instanceof ClientLeft) return { kind: 'aborted' };
    if (!(error instanceof ProxyError)) throw error;
    return failed(error);
  } finally {
    silence.end();
    request.signal.removeEventListener('abort', onClientLeft);
  }
}

/** A provider's HTTP error. */
async function refused(
  context: AttemptContext,
  upstream: UpstreamRequest,
  received: ProviderAnswer,
  options: AttemptOptions,
  signal: AbortSignal,
): Promise<AttemptOutcome> {
  const { provider } = context.target;
  const body = await readError(received, signal);
  const told = provider.codec.decodeError(body.toString());
  const error = httpFailure(
    provider.id,
    received.status,
    { ...told, message: options.redact(told.message) },
    retryAfterSeconds(received.headers['retry-after']),
  );
  // A refused key of ours must not look to the client as if its own token were wrong; all else keeps its wording, which
  // the client's recovery reads. With the client's own login, its refusal is the client's to see.
  const keepsWording =
    upstream.mode === 'pass-through' && (error.code !== 'provider_key_refused' || upstream.clientKey);
  const original = keepsWording
    ? {
        status: received.status,
        headers: answerHeaders(received.headers),
        body: Buffer.from(options.redact(body.toString())),
      }
    : null;
  return { kind: 'failed', failure: { error, original, tryNext: canTryNext(error) }, answering: false };
}

async function readError(received: ProviderAnswer, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const limit = setTimeout(() => received.body.destroy(), ERROR_BODY_MS);
  try {
    for await (const chunk of received.body) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > LARGEST_ERROR_BYTES) break;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // The status says enough; what could be read of the body is kept.
    if (chunks.length === 0) return Buffer.from(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(limit);
  }
  return Buffer.concat(chunks);
}

function chooseReader(
  context: AttemptContext,
  upstream: UpstreamRequest,
  received: ProviderAnswer,
  options: AttemptOptions,
): AnswerReader {
  const { request } = context.request;
  const { provider } = context.target;
  // Some servers stream what was not to be streamed, and some do not stream what was.
  const type = String(received.headers['content-type'] ?? '');
  if (request.body.stream && type.includes('html')) {
    received.body.on('error', () => undefined).destroy();
    throw ProxyError.of('provider_garbage', { provider: provider.id, reason: 'it is an HTML page' });
  }
  const streamed = type.includes('event-stream') || (request.body.stream && !type.includes('json'));
  if (upstream.mode === 'pass-through' && streamed === request.body.stream)
    return streamed ? new PassThroughStreamReader(provider.id) : new PassThroughJsonReader(provider.id);
  const decodeContext = {
    model: request.body.model,
    estimatedInputTokens: upstream.estimatedInputTokens,
    toolNames: upstream.toolNames,
  };
  const source = streamed
    ? provider.codec.createStreamDecoder(decodeContext)
    : jsonSource(provider.id, (body) => provider.codec.decodeAnswer(body, decodeContext));
  const sink = request.body.stream ? streamSink(request.codec) : messageSink(request.codec);
  const { onEvent } = options;
  return new TranslatingReader(source, sink, onEvent === null ? null : (event) => onEvent(event, context));
}

/** Lets what still comes of a complete answer pass by, so that its connection can serve the next request. */
function drain(body: Readable): void {
  if (body.readableEnded || body.destroyed) return;
  const limit = setTimeout(() => body.destroy(), DRAIN_MS);
  body.once('close', () => clearTimeout(limit));
  body.resume();
}

/** Reads a provider's answer to its end and gives it to the client. */
class Exchange {
  readonly #context: AttemptContext;
  readonly #answer: Answer;
  readonly #upstream: UpstreamRequest;
  readonly #received: ProviderAnswer;
  readonly #options: AttemptOptions;
  readonly #silence: SilenceTimer;
  readonly #signal: AbortSignal;
  readonly #reader: AnswerReader;
  readonly #held: (Uint8Array | string)[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #answering = false;

  constructor(
    context: AttemptContext,
    answer: Answer,
    upstream: UpstreamRequest,
    received: ProviderAnswer,
    options: AttemptOptions,
    silence: SilenceTimer,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#answer = answer;
    this.#upstream = upstream;
    this.#received = received;
    this.#options = options;
    this.#silence = silence;
    this.#signal = signal;
    this.#reader = chooseReader(context, upstream, received, options);
  }

  async run(): Promise<AttemptOutcome> {
    const { provider } = this.#context.target;
    let rest: Uint8Array | string = '';
    try {
      await this.#readAll();
      rest = this.#reader.error === null ? this.#reader.end() : rest;
      if (this.#reader.error === null && this.#reader.finished && (this.#reader.started || this.#context.last)) {
        this.#giveOut(rest, true);
        this.#account();
        this.#answer.end();
        return { kind: 'answered' };
      }
    } catch (error) {
      this.#account();
      if (error instanceof ClientLeft) {
        this.#answer.abandon();
        return { kind: 'aborted' };
      }
      if (!(error instanceof ProxyError)) throw error;
      return this.#failed(error);
    }
    this.#account();
    const { error, started, finished } = this.#reader;
    if (error !== null) {
      const failure = streamFailure(provider.id, { ...error, message: this.#options.redact(error.message) });
      if (this.#answering && this.#reader.errorPassedOn) this.#answer.end(this.#options.redact(rest.toString()));
      return this.#failed(failure);
    }
    const empty = this.#receivedBytes === 0 || (finished && !started);
    return this.#failed(ProxyError.of(empty ? 'provider_empty' : 'provider_cut_stream', { provider: provider.id }));
  }

  #failed(error: ProxyError): AttemptOutcome {
    return failed(error, this.#answering);
  }

  #readAll(): Promise<void> {
    const { body } = this.#received;
    const { stream } = this.#context.request.request.body;
    return new Promise((resolve, reject) => {
      let settled = false;
      let finishTimer: NodeJS.Timeout | null = null;
      const stopWaiting = (): void => {
        if (finishTimer !== null) clearTimeout(finishTimer);
        finishTimer = null;
      };
      // A client that stays but does not read holds a provider's answer, and its price, for nothing.
      let stuckTimer: NodeJS.Timeout | null = null;
      const unstick = (): void => {
        if (stuckTimer !== null) clearTimeout(stuckTimer);
        stuckTimer = null;
      };
      const settle = (): void => {
        settled = true;
        unstick();
        stopWaiting();
        this.#signal.removeEventListener('abort', onAbort);
      };
      const done = (): void => {
        settle();
        resolve();
      };
      const stop = (error: unknown): void => {
        settle();
        reject(error);
        body.destroy();
      };
      const waitForTheRest = (): void => {
        if (settled) return;
        finishTimer ??= setTimeout(() => {
          done();
          body.destroy();
        }, FINISH_GRACE_MS);
      };
      const onAbort = (): void => stop(this.#signal.reason);
      if (this.#signal.aborted) {
        onAbort();
        return;
      }
      this.#signal.addEventListener('abort', onAbort, { once: true });
      const onData = (chunk: Buffer): void => {
        try {
          this.#receivedBytes += chunk.length;
          this.#silence.refresh();
          const bytes = this.#reader.push(chunk);
          if (this.#reader.error !== null) {
            if (this.#answering && bytes.length > 0) this.#answer.write(this.#options.redact(bytes.toString()));
            done();
            body.destroy();
            return;
          }
          if (bytes.length > 0 && !this.#giveOut(bytes, stream && this.#reader.started)) {
            body.pause();
            this.#silence.stop();
            stopWaiting();
            const { idleMs } = this.#context.target.provider.timeouts;
            stuckTimer ??= setTimeout(() => stop(new ClientLeft()), idleMs);
            this.#answer.onDrain(() => {
              unstick();
              if (this.#reader.finishing) waitForTheRest();
              else this.#silence.resume();
              body.resume();
            });
          }
          if (this.#reader.complete) {
            body.off('data', onData);
            drain(body);
            done();
          } else if (this.#reader.finishing) {
            this.#silence.stop();
            if (!body.isPaused()) waitForTheRest();
          }
        } catch (error) {
          stop(error);
        }
      };
      body.on('data', onData);
      body.on('end', done);
      // Resolves after an end too, where it changes nothing; without an end it is a cut.
      body.on('close', done);
      body.on('error', (error) => {
        // Whatever was whole before the connection broke has been given out; the end of the answer is missing.
        if (this.#signal.aborted) reject(this.#signal.reason);
        else if (this.#receivedBytes > 0) done();
        else
          reject(
            ProxyError.of('provider_cut_stream', { provider: this.#context.target.provider.id }, { cause: error }),
          );
      });
    });
  }

  /** @returns false when the client reads slower than the provider writes. */
  #giveOut(bytes: Uint8Array | string, good: boolean): boolean {
    if (!this.#answering) {
      if (!good) {
        this.#hold(bytes);
        return true;
      }
      this.#begin();
    }
    return bytes.length === 0 || this.#answer.write(bytes);
  }

  #hold(bytes: Uint8Array | string): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > LARGEST_PRELUDE_BYTES)
      throw ProxyError.of('provider_garbage', {
        provider: this.#context.target.provider.id,
        reason: 'it sends a lot, but no content',
      });
  }

  #begin(): void {
    const { request } = this.#context.request;
    const headers =
      this.#upstream.mode === 'pass-through'
        ? answerHeaders(this.#received.headers)
        : limitHeaders(this.#received.headers);
    // Translated, or a kind of answer that was not asked for: the provider's content-type is not the client's.
    if (
      this.#upstream.mode === 'translated' ||
      request.body.stream !== String(headers['content-type'] ?? '').includes('event-stream')
    )
      headers['content-type'] = request.body.stream ? 'text/event-stream; charset=utf-8' : 'application/json';
    this.#context.row.firstContentMs = this.#context.request.elapsedMs();
    this.#answering = true;
    // There is no other target to go to any more.
    this.#silence.change(this.#context.target.provider.timeouts.idleMs);
    this.#answer.begin(this.#received.status, headers, request.body.stream);
    for (const bytes of this.#held) this.#answer.write(bytes);
    this.#held.length = 0;
  }

  #account(): void {
    const { usage, stopReason } = this.#reader;
    this.#context.row.stopReason = stopReason;
    if (usage !== null)
      this.#context.row.usage = {
        input: usage.input_tokens,
        cacheRead: usage.cache_read_input_tokens,
        cacheWrite: usage.cache_creation_input_tokens,
        output: usage.output_tokens,
      };
  }
}
