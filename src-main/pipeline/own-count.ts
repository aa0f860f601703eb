import { ProxyError } from '../../src-shared/errors.ts';
import { isObject } from '../protocols/is-object.ts';
import type { ProviderAnswer, ProviderCall } from '../providers/base-provider.ts';
import { httpFailure, retryAfterSeconds } from '../providers/http-failure.ts';
import { keyFault } from '../providers/key-fault.ts';
import type { OwnCounter } from '../providers/own-counter.ts';
import type { AttemptOptions } from './attempt.ts';
import { freeKeyOf } from './attempt-key.ts';
import type { Failure } from './attempt-outcome.ts';
import type { AnswerHeaders } from './client-request.ts';
import type { AttemptContext } from './context.ts';
import { answerHeaders, redactedHeaders } from './forwarded-headers.ts';
import { SilenceTimer } from './silence-timer.ts';
import { codecFor, type UpstreamRequest, upstreamRequest } from './upstream-request.ts';

export type OwnCountOptions = Omit<AttemptOptions, 'onEvent' | 'slowStart'>;

export type OwnCount =
  /** `original`: its answer as it came, where the client speaks its dialect. */
  | { kind: 'counted'; tokens: number; original: { headers: AnswerHeaders; body: Buffer } | null }
  /** The request is wrong in itself; so would be the message. */
  | { kind: 'refused'; failure: Failure }
  | { kind: 'unreachable' }
  /** The provider has no counter, or it could not say. */
  | { kind: 'none' };

/** Longer than that, nobody waits for a number that can be had here as well. */
const LONGEST_MS = 3_000;
/** A count is a few bytes, an error some more. */
const LARGEST_ANSWER_BYTES = 256 * 1024;
/** So long a counter is left alone that is not there, or that has failed. */
const ABSENT_MS = 3_600_000;
const FAILED_MS = 60_000;

const NONE: OwnCount = { kind: 'none' };

/**
 * Asks a target's own counter what a request has, as the target would get it. A counter that is not there is not asked again
 * for an hour, one that does not answer in three seconds, or fails, for a minute.
 *
 * @param isMessage the request is a message, of which a counter takes a part only; else one that asks for a count.
 */
export async function askOwnCounter(
  context: AttemptContext,
  options: OwnCountOptions,
  isMessage: boolean,
): Promise<OwnCount> {
  const { provider } = context.target;
  const { counter } = provider;
  if (counter === null || !counter.isUsable()) return NONE;
  if (provider.baseUrl !== null && options.isSelf(provider.baseUrl)) return NONE;
  const { request } = context.request;
  let upstream: UpstreamRequest;
  let body: Uint8Array | string | null;
  try {
    upstream = await upstreamRequest(context, { ...options, codec: counter.codec });
    const { call, sameProtocol } = upstream;
    body = isMessage || !sameProtocol ? countable(call.body, counter) : call.body;
  } catch (error) {
    if (error instanceof ProxyError) return refused(error);
    throw error;
  }
  if (body === null) return NONE;
  const limit = new AbortController();
  const patience = new SilenceTimer(LONGEST_MS, () => limit.abort());
  const signal = AbortSignal.any([request.signal, limit.signal]);
  const path = counter.call.path + (upstream.sameProtocol ? request.query : '');
  let received: ProviderAnswer;
  let answer: Buffer;
  try {
    ({ received, answer } = await ask(context, { ...upstream.call, path, body, signal }, counter, options.redact));
  } catch (error) {
    if (request.signal.aborted) return NONE;
    return limit.signal.aborted ? rest(counter, FAILED_MS) : failed(error, counter);
  } finally {
    patience.end();
  }
  return read(context, counter, upstream, received, answer, options);
}

/** Asks with the conversation's key, and where that is refused or spent, with the others that there are. */
async function ask(
  context: AttemptContext,
  call: Omit<ProviderCall, 'key'>,
  { codec }: OwnCounter,
  redact: (text: string) => string,
): Promise<{ received: ProviderAnswer; answer: Buffer }> {
  const { provider } = context.target;
  const tried = new Set<string>();
  for (;;) {
    const key = await freeKeyOf(context, tried, call.signal);
    const received = await provider.send({ ...call, key });
    const answer = await readWhole(received);
    tried.add(key.id);
    if (received.status < 400 || tried.size >= provider.keys.size) return { received, answer };
    const text = answer.toString();
    const fault = keyFault(received.status, codec.decodeError(text), received.headers, text);
    // What a counter limits or forbids, a message may still be allowed.
    if (fault === null || fault.kind === 'limited' || fault.kind === 'forbidden') return { received, answer };
    const told = { ...fault, message: redact(fault.message) };
    provider.keys.report(key, { model: null, fault: told, headers: received.headers });
  }
}

/** What a counter takes of a message; null where that is no JSON, which its provider is to judge. */
function countable(body: Uint8Array | string, { call }: OwnCounter): string | null {
  const fields = objectIn(typeof body === 'string' ? body : new TextDecoder().decode(body));
  if (fields === null) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([name]) => call.fields.has(name))));
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** @throws Error where it goes on and on, or the connection breaks. */
async function readWhole({ body }: ProviderAnswer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > LARGEST_ANSWER_BYTES) throw new Error('this is no count');
  }
  return Buffer.concat(chunks);
}

function read(
  context: AttemptContext,
  counter: OwnCounter,
  upstream: UpstreamRequest,
  received: ProviderAnswer,
  body: Buffer,
  { redact }: OwnCountOptions,
): OwnCount {
  const { status } = received;
  const { sameProtocol, call } = upstream;
  const headers = (): AnswerHeaders => redactedHeaders(answerHeaders(received.headers), redact);
  if (status < 300) {
    const tokens = objectIn(body.toString())?.input_tokens;
    // Servers without a counter may answer a path they do not know with 200 all the same (LM Studio), or with no number of
    // anything.
    if (!isCount(tokens)) return rest(counter, ABSENT_MS);
    return { kind: 'counted', tokens, original: sameProtocol ? { headers: headers(), body } : null };
  }
  const told = counter.codec.decodeError(body.toString());
  if (isAbsent(status, told.message)) return rest(counter, ABSENT_MS);
  if (status >= 500 || status === 429) return rest(counter, FAILED_MS);
  if (status !== 400 && status !== 413 && status !== 422) return NONE;
  // In another dialect than the message's own it may be refused for what the message would not be.
  if (codecFor(context).protocol !== counter.codec.protocol) return NONE;
  const { provider } = context.target;
  const clean = { ...told, message: redact(told.message) };
  const error = httpFailure(provider.id, status, clean, retryAfterSeconds(received.headers), call.body);
  const original = sameProtocol ? { status, headers: headers(), body: Buffer.from(redact(body.toString())) } : null;
  return refused(error, original);
}

const isCount = (tokens: unknown): tokens is number => Number.isSafeInteger(tokens) && (tokens as number) > 0;

/** No such path; a model that is not there says so. */
const isAbsent = (status: number, message: string): boolean =>
  status === 405 || status === 501 || (status === 404 && !/\bmodel\b/i.test(message));

function failed(error: unknown, counter: OwnCounter): OwnCount {
  const code = error instanceof ProxyError ? error.code : null;
  if (code === 'provider_unreachable') return { kind: 'unreachable' };
  // The client's own login may be what is missing, and another client's not.
  if (code === 'provider_key_missing') return NONE;
  return rest(counter, code === 'provider_redirected' ? ABSENT_MS : FAILED_MS);
}

const refused = (error: ProxyError, original: Failure['original'] = null): OwnCount => ({
  kind: 'refused',
  failure: { error, original, tryNext: false },
});

function rest(counter: OwnCounter, ms: number): OwnCount {
  counter.rest(ms);
  return NONE;
}
