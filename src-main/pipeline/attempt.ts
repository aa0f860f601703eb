import { ProxyError } from '../../src-shared/errors.ts';
import type { StreamEvent } from '../protocols/canonical.ts';
import { refusedParameter } from '../protocols/refused-parameter.ts';
import type { ProviderAnswer } from '../providers/base-provider.ts';
import { httpFailure, retryAfterSeconds } from '../providers/http-failure.ts';
import { keyFault, keyFaultOf } from '../providers/key-fault.ts';
import type { Answer } from './answer.ts';
import { TranslatingReader } from './answer-readers.ts';
import { keyOf } from './attempt-key.ts';
import { type AttemptOutcome, failed } from './attempt-outcome.ts';
import { chooseReader, slowStartOf } from './choose-reader.ts';
import type { AttemptContext } from './context.ts';
import { ClientLeft, Exchange } from './exchange.ts';
import { answerHeaders, redactedHeaders } from './forwarded-headers.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import { ReasoningRetry } from './reasoning-retry.ts';
import { rememberAnswer } from './remember-answer.ts';
import { SilenceTimer } from './silence-timer.ts';
import type { SlowStartSettings } from './slow-start.ts';
import { canTryNext } from './upstream-failure.ts';
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
  memory: ReasoningMemory;
  /** How the beginning of streams is held to see whether they are slow; null: not at all. */
  slowStart: SlowStartSettings | null;
}

/** Of an error answer, more is not read, and it is not waited for longer: its status has said enough. */
const LARGEST_ERROR_BYTES = 1024 * 1024;
const ERROR_BODY_MS = 2_000;
/** Where the status alone decides and another target is left, the wording is only waited for where it is on its way. */
const FAILOVER_BODY_MS = 8;

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
  // A whole answer is silent until it is complete, and where no other target is left, none waits for this one.
  const silenceMs = request.body.stream && !context.noOther ? provider.timeouts.silenceMs : provider.timeouts.idleMs;
  const silence = new SilenceTimer(silenceMs, (ms) =>
    controller.abort(ProxyError.of('provider_silent', { provider: provider.id, ms })),
  );
  const { totalMs } = provider.timeouts;
  const total =
    totalMs === undefined
      ? null
      : setTimeout(
          () => controller.abort(ProxyError.of('provider_too_slow', { provider: provider.id, ms: totalMs })),
          totalMs,
        );
  try {
    if (provider.baseUrl !== null && options.isSelf(provider.baseUrl))
      throw ProxyError.of('provider_is_self', { provider: provider.id, baseUrl: provider.baseUrl.href });
    const { upstream, received, error } = await ask(context, options, controller.signal, silence);
    if (error !== null) return refused(context, upstream, received, error, options);
    const reader = chooseReader(context, upstream, received, options.onEvent);
    if (reader instanceof TranslatingReader) context.row.mode = 'translated';
    const { sameProtocol } = upstream;
    const { signal } = controller;
    const exchange = new Exchange({
      context,
      answer,
      sameProtocol,
      received,
      reader,
      silence,
      signal,
      slowStart: slowStartOf(context, upstream, received, options.slowStart),
      redact: options.redact,
    });
    try {
      return keyBlamed(context, await exchange.run(), received);
    } finally {
      rememberAnswer(context, reader, upstream.conversation, options.memory);
    }
  } catch (error) {
    if (error instanceof ClientLeft) return { kind: 'aborted' };
    if (!(error instanceof ProxyError)) throw error;
    return failed(error);
  } finally {
    context.request.waiting.end();
    if (context.key !== null) provider.keys.ended(context.key, firstContentOf(context.row));
    if (total !== null) clearTimeout(total);
    silence.end();
    request.signal.removeEventListener('abort', onClientLeft);
  }
}

/** In ms since the attempt began. */
const firstContentOf = ({ startedMs, firstContentMs }: AttemptContext['row']): number | null =>
  firstContentMs === null ? null : firstContentMs - startedMs;

/** How many parameters a model may refuse before its answer is taken for what it is. */
const MOST_REFUSED = 8;

interface Asked {
  upstream: UpstreamRequest;
  received: ProviderAnswer;
  /** What it said instead of an answer. */
  error: Buffer | null;
}

/**
 * Sends the request. Where the model does not take one of its parameters, that is left out from then on, and it is asked
 * again at once; so it is, but once, where it refuses the reasoning in the conversation.
 */
async function ask(
  context: AttemptContext,
  options: AttemptOptions,
  signal: AbortSignal,
  silence: SilenceTimer,
): Promise<Asked> {
  const { provider, model } = context.target;
  const { trace } = context.request.row;
  const retry = new ReasoningRetry(context, options.memory);
  for (let refusals = 0; ; refusals += 1) {
    const known = provider.refused.of(model);
    const upstream = retry.changed(await upstreamRequest(context, options));
    context.row.mode = upstream.sameProtocol ? 'pass-through' : 'translated';
    if (!upstream.sameProtocol) context.sent = upstream.call.body;
    if (refusals === 0) for (const detail of upstream.warnings) trace.push({ step: 'translation', detail });
    let received: ProviderAnswer;
    try {
      const key = await keyOf(context, signal);
      context.request.waiting.begin();
      received = await provider.send({ ...upstream.call, key, signal });
    } catch (error) {
      if (retry.first === null) throw error;
      if (!(error instanceof ProxyError)) {
        retry.unlearn();
        throw error;
      }
      retry.failed(retry.first);
      return retry.first;
    }
    context.row.status = received.status;
    silence.refresh();
    if (received.status < 400) {
      if (context.key !== null) provider.keys.report(context.key, { model, fault: null, headers: received.headers });
      retry.succeeded();
      return { upstream, received, error: null };
    }
    const isUrgent = received.status >= 500 && !context.noOther;
    const error = await readError(received, signal, isUrgent ? FAILOVER_BODY_MS : ERROR_BODY_MS);
    context.refusal = error;
    const asked = { upstream, received, error };
    if (retry.begin(asked)) continue;
    const parameter = refusals < MOST_REFUSED ? droppable(upstream, received.status, error) : null;
    if (parameter === null || known.has(parameter)) {
      if (retry.first === null) return asked;
      retry.failed(retry.first);
      return retry.first;
    }
    provider.refused.add(model, parameter);
    const detail = `${provider.id}/${model} does not take '${parameter}': asked again, and from now on, without it`;
    trace.push({ step: 'parameter refused', detail });
  }
}

/** The refused parameter that may be left out. Claude Code reads such refusals of Anthropic's dialect itself. */
function droppable({ codec, sameProtocol, call }: UpstreamRequest, status: number, error: Buffer): string | null {
  if (sameProtocol && codec.protocol === 'anthropic') return null;
  return refusedParameter(status, codec.decodeError(error.toString()), call.body, !sameProtocol);
}

/** An answer that turned out to be an error: where that is the key's fault, the pool is told. */
function keyBlamed(context: AttemptContext, outcome: AttemptOutcome, { headers }: ProviderAnswer): AttemptOutcome {
  const fault = outcome.kind === 'failed' ? keyFaultOf(outcome.failure.error) : null;
  if (outcome.kind !== 'failed' || fault === null || context.key === null) return outcome;
  const { provider, model } = context.target;
  provider.keys.report(context.key, { model, fault, headers });
  return { ...outcome, failure: { ...outcome.failure, keyFault: fault } };
}

/** A provider's HTTP error. */
function refused(
  context: AttemptContext,
  upstream: UpstreamRequest,
  received: ProviderAnswer,
  body: Buffer,
  options: AttemptOptions,
): AttemptOutcome {
  const { provider, model } = context.target;
  const text = body.toString();
  const said = upstream.codec.decodeError(text);
  const told = { ...said, message: options.redact(said.message) };
  const fault = upstream.clientKey ? null : keyFault(received.status, told, received.headers, text);
  if (fault !== null && context.key !== null)
    provider.keys.report(context.key, { model, fault, headers: received.headers });
  const error = httpFailure(
    provider.id,
    received.status,
    told,
    retryAfterSeconds(received.headers),
    upstream.call.body,
  );
  // A refused key of ours must not look to the client as if its own token were wrong; all else keeps its wording, which
  // the client's recovery reads. With the client's own login, its refusal is the client's to see.
  const keepsWording = upstream.sameProtocol && (error.code !== 'provider_key_refused' || upstream.clientKey);
  const original = keepsWording
    ? {
        status: received.status,
        headers: {
          ...retryAdvice(upstream, error),
          ...redactedHeaders(answerHeaders(received.headers), options.redact),
        },
        body: Buffer.from(options.redact(text)),
      }
    : null;
  const tryNext = canTryNext(error) || fault !== null;
  const failure = { error, original, tryNext, ...(fault === null ? {} : { keyFault: fault }) };
  return { kind: 'failed', failure, answering: false };
}

/** OpenAI's SDKs ask again after any 429, also where the money is spent. Anthropic says by itself what is final. */
function retryAdvice({ codec }: UpstreamRequest, { retryable }: ProxyError): Record<string, string> {
  return retryable || codec.protocol === 'anthropic' ? {} : { 'x-should-retry': 'false' };
}

async function readError(received: ProviderAnswer, signal: AbortSignal, limitMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // What has arrived while this process was busy is read before it is given up.
  const limit = setTimeout(() => setImmediate(() => received.body.destroy()), limitMs);
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
