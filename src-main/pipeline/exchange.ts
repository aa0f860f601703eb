import type { Readable } from 'node:stream';
import { ProxyError } from '../../src-shared/errors.ts';
import type { TokenUsage } from '../../src-shared/requests.ts';
import type { Usage } from '../protocols/canonical.ts';
import type { ProviderAnswer } from '../providers/base-provider.ts';
import type { Answer } from './answer.ts';
import type { AnswerReader } from './answer-readers.ts';
import { type AttemptOutcome, failed } from './attempt-outcome.ts';
import type { AttemptContext } from './context.ts';
import { answerHeaders, limitHeaders, redactedHeaders } from './forwarded-headers.ts';
import type { SilenceTimer } from './silence-timer.ts';
import type { SlowStart } from './slow-start.ts';
import { streamFailure } from './upstream-failure.ts';

/** Before content a provider may send pings, comments and its first event, not this much. */
const LARGEST_PRELUDE_BYTES = 1024 * 1024;
/** Some servers keep the connection open after the answer's end; usage is waited for so long after the finish. */
const FINISH_GRACE_MS = 1_500;
/** How long the rest of a complete answer may take before its connection is given up instead of used again. */
const DRAIN_MS = 1_000;

/** Why an attempt ends when nobody waits for its answer any more. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** Lets what still comes of a complete answer pass by, so that its connection can serve the next request. */
function drain(body: Readable): void {
  if (body.readableEnded || body.destroyed) return;
  const limit = setTimeout(() => body.destroy(), DRAIN_MS);
  body.once('close', () => clearTimeout(limit));
  body.resume();
}

/** What an answer is read and given out with. */
export interface ExchangeParts {
  context: AttemptContext;
  answer: Answer;
  /** The provider speaks the client's protocol, so its headers are the client's to see. */
  sameProtocol: boolean;
  received: ProviderAnswer;
  reader: AnswerReader;
  silence: SilenceTimer;
  /** Aborted when the client leaves or the provider is silent for too long. */
  signal: AbortSignal;
  /** Watches whether it begins slowly, while that is held back; null where that does not matter. */
  slowStart: SlowStart | null;
  /** Removes secrets from what a provider says. */
  redact: (text: string) => string;
}

/** Reads a provider's answer to its end and gives it to the client. */
export class Exchange {
  readonly #context: AttemptContext;
  readonly #answer: Answer;
  readonly #sameProtocol: boolean;
  readonly #received: ProviderAnswer;
  readonly #redact: (text: string) => string;
  readonly #silence: SilenceTimer;
  readonly #signal: AbortSignal;
  readonly #reader: AnswerReader;
  #slowStart: SlowStart | null;
  #slowTimer: NodeJS.Timeout | null = null;
  readonly #held: (Uint8Array | string)[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  #answering = false;

  constructor(parts: ExchangeParts) {
    this.#context = parts.context;
    this.#answer = parts.answer;
    this.#sameProtocol = parts.sameProtocol;
    this.#received = parts.received;
    this.#reader = parts.reader;
    this.#silence = parts.silence;
    this.#signal = parts.signal;
    this.#redact = parts.redact;
    this.#slowStart = parts.slowStart;
  }

  async run(): Promise<AttemptOutcome> {
    const { provider } = this.#context.target;
    let rest: Uint8Array | string = '';
    try {
      await this.#readAll();
      rest = this.#reader.error === null ? this.#reader.end() : rest;
      if (this.#isRefusedHere) return this.#refused();
      if (this.#reader.error === null && this.#reader.finished && this.#isAnswer) {
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
      const failure = streamFailure(provider.id, { ...error, message: this.#redact(error.message) });
      if (this.#answering && this.#reader.errorPassedOn) this.#answer.end(this.#redact(rest.toString()));
      return this.#failed(failure);
    }
    const empty = this.#receivedBytes === 0 || (finished && !started);
    return this.#failed(ProxyError.of(empty ? 'provider_empty' : 'provider_cut_stream', { provider: provider.id }));
  }

  /** An answer without content is one where its reason is a refusal, or where nobody has more. */
  get #isAnswer(): boolean {
    return this.#reader.started || this.#reader.refused || this.#context.isFinal;
  }

  /** Refused before anything was said, and others are there for that. */
  get #isRefusedHere(): boolean {
    return this.#reader.refused && this.#context.othersForRefused && !this.#answering;
  }

  #refused(): AttemptOutcome {
    this.#account();
    const upstream = `the answer is a refusal and nothing else (${this.#reader.stopReason ?? 'no reason given'})`;
    return this.#failed(ProxyError.of('content_refused', { provider: this.#context.target.provider.id, upstream }));
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
        this.#context.request.waiting.end();
        this.#stopWatching();
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
        const { waiting } = this.#context.request;
        waiting.end();
        this.#context.row.firstByteMs ??= this.#context.request.elapsedMs();
        try {
          this.#receivedBytes += chunk.length;
          this.#silence.refresh();
          this.#slowStart?.push(chunk, performance.now());
          const bytes = this.#reader.push(chunk);
          if (this.#reader.error !== null) {
            if (this.#answering && bytes.length > 0) this.#answer.write(this.#redact(bytes.toString()));
            done();
            body.destroy();
            return;
          }
          if (bytes.length > 0 && !this.#giveOut(bytes, stream && this.#isGood(stop))) {
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
        if (!settled) waiting.begin();
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

  /** Whether what has come so far may go out. @param stop ends the attempt. */
  #isGood(stop: (error: ProxyError) => void): boolean {
    if (this.#answering) return true;
    if (!this.#reader.started || this.#isRefusedHere) return false;
    if (this.#slowStart === null || this.#slowStart.isFast) return true;
    this.#context.row.firstContentMs ??= this.#context.request.elapsedMs();
    this.#slowTimer ??= setTimeout(() => this.#judge(stop), this.#slowStart.settings.holdMs);
    return false;
  }

  /** The beginning has been held for long enough. */
  #judge(stop: (error: ProxyError) => void): void {
    const slowStart = this.#slowStart;
    const tokensPerSecond = slowStart?.tooSlow(performance.now()) ?? null;
    this.#stopWatching();
    if (slowStart === null || tokensPerSecond === null) this.#begin();
    else {
      const { provider } = this.#context.target;
      stop(ProxyError.of('provider_slow', { provider: provider.id, tokensPerSecond, ms: slowStart.settings.holdMs }));
    }
  }

  #stopWatching(): void {
    if (this.#slowTimer !== null) clearTimeout(this.#slowTimer);
    this.#slowTimer = null;
    this.#slowStart = null;
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
    const told = this.#sameProtocol ? answerHeaders(this.#received.headers) : limitHeaders(this.#received.headers);
    const headers = redactedHeaders(told, this.#redact);
    // Translated, or a kind of answer that was not asked for: the provider's content-type is not the client's.
    if (!this.#sameProtocol || request.body.stream !== String(headers['content-type'] ?? '').includes('event-stream'))
      headers['content-type'] = request.body.stream ? 'text/event-stream; charset=utf-8' : 'application/json';
    this.#stopWatching();
    this.#context.row.firstContentMs ??= this.#context.request.elapsedMs();
    this.#answering = true;
    // There is no other target to go to any more.
    this.#silence.change(this.#context.target.provider.timeouts.idleMs);
    this.#answer.begin(this.#received.status, headers, request.body.stream, this.#reader.encodeError);
    for (const bytes of this.#held) this.#answer.write(bytes);
    this.#held.length = 0;
  }

  #account(): void {
    const { usage, stopReason, finished } = this.#reader;
    const { row } = this.#context;
    row.stopReason = stopReason;
    if (usage === null) return;
    row.usage = tokenUsage(usage);
    row.usageIsPartial = !finished;
    if (usage.cost_usd !== undefined) row.cost = { usd: usage.cost_usd, source: 'provider' };
  }
}

/** The canonical record of what a provider counted. */
function tokenUsage(usage: Usage): TokenUsage {
  const stays1h = Math.min(usage.cache_creation?.ephemeral_1h_input_tokens ?? 0, usage.cache_creation_input_tokens);
  const reasoning = usage.output_tokens_details?.thinking_tokens;
  return {
    input: usage.input_tokens,
    cacheRead: usage.cache_read_input_tokens,
    cacheWrite: usage.cache_creation_input_tokens,
    ...(stays1h > 0 ? { cacheWrite1h: stays1h } : {}),
    output: usage.output_tokens,
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}
