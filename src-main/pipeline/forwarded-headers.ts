import type { AnswerHeaders } from './client-request.ts';

/** Belong to one connection, not to the request (RFC 9110 §7.6.1), or are set anew for the next one. */
const CONNECTION_HEADERS = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'expect',
]);

/** Credentials and what only a browser or a proxy before us adds. */
const KEPT_BACK = new Set([
  'authorization',
  'x-api-key',
  'cookie',
  'origin',
  'referer',
  'forwarded',
  'via',
  'accept-encoding',
]);

/**
 * A client's headers as they go on to a provider of the same protocol: names, order and letter case kept, unknown ones
 * included (the protocol's lists are open), credentials and everything about the connection left out. The answer must
 * come uncompressed, since it is watched.
 */
export function requestHeaders(rawHeaders: readonly string[]): string[] {
  const forwarded: string[] = [];
  let named: Set<string> | null = null;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (name === 'connection' && !/^(keep-alive|close)$/i.test(value))
      named = new Set(value.toLowerCase().split(/\s*,\s*/));
    if (
      CONNECTION_HEADERS.has(name) ||
      KEPT_BACK.has(name) ||
      name.startsWith('x-cproxy-') ||
      name.startsWith('x-forwarded-')
    )
      continue;
    forwarded.push(rawHeaders[index] ?? '', value);
  }
  if (named !== null) {
    for (let index = forwarded.length - 2; index >= 0; index -= 2)
      if (named.has((forwarded[index] ?? '').toLowerCase())) forwarded.splice(index, 2);
  }
  forwarded.push('accept-encoding', 'identity');
  return forwarded;
}

const TRACE = new Set(['traceparent', 'tracestate']);

/** Headers of a request whose trace goes on with those that are given; as they are where that is null. */
export function withTrace(headers: string[], trace: readonly string[] | null): string[] {
  if (trace === null) return headers;
  const kept = headers.filter((_, index) => !TRACE.has((headers[index - (index % 2)] ?? '').toLowerCase()));
  return [...kept, ...trace];
}

/** What a provider says of its own origin; said of ours it would be untrue, or open it to other web pages. */
const ABOUT_THE_ORIGIN = new Set(['set-cookie', 'alt-svc', 'strict-transport-security']);

/** A provider's answer headers as they go on to the client. */
export function answerHeaders(headers: Record<string, string | string[] | undefined>): AnswerHeaders {
  const forwarded: AnswerHeaders = {};
  for (const name in headers) {
    const value = headers[name];
    if (
      value === undefined ||
      CONNECTION_HEADERS.has(name) ||
      ABOUT_THE_ORIGIN.has(name) ||
      name.startsWith('x-cproxy-') ||
      name.startsWith('access-control-')
    )
      continue;
    forwarded[name] = value;
  }
  return forwarded;
}

/** Of a translated answer only what tells the client about its limits and the provider's request is kept. */
export function limitHeaders(headers: Record<string, string | string[] | undefined>): AnswerHeaders {
  const kept: AnswerHeaders = {};
  for (const name of ['retry-after', 'request-id', 'x-request-id']) {
    const value = headers[name];
    if (typeof value === 'string') kept[name] = value;
  }
  return kept;
}

/** Without the secrets that a provider repeats in them. */
export function redactedHeaders(headers: AnswerHeaders, redact: (text: string) => string): AnswerHeaders {
  const values = Object.values(headers).flat().join('\n');
  if (redact(values) === values) return headers;
  const clean = (value: string | string[]) => (typeof value === 'string' ? redact(value) : value.map(redact));
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, clean(value)]));
}
