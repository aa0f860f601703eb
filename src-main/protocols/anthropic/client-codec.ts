import type { ProxyError } from '../../../src-shared/errors.ts';
import type { StreamEvent } from '../canonical.ts';
import type { AnswerEncoder, ClientCodec, EncodedError } from '../codec.ts';
import { decodeMessagesRequest } from './request.ts';

/** One frame of the stream. The `event:` line is mandatory: the official SDK skips frames without one. */
export function encodeEvent(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Anthropic's error envelope, as in its API reference ("Errors"). */
function errorEnvelope(error: ProxyError, requestId: string): string {
  // Claude Code gives up threading on this detail, or on the wording.
  const details = error.code === 'thread_unsupported' ? { details: { error_code: 'thread_unsupported_request' } } : {};
  return JSON.stringify({
    type: 'error',
    error: { type: error.kind, message: error.message, ...details },
    request_id: requestId,
  });
}

function errorHeaders(error: ProxyError): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  // Claude Code retries even a 401 for three minutes unless it is told not to.
  if (!error.retryable) headers['x-should-retry'] = 'false';
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter);
  return headers;
}

const answerEncoder: AnswerEncoder = {
  createStream: () => ({ encode: encodeEvent }),
  encodeAnswer: (message) => JSON.stringify(message),
};

/** The front door of Anthropic's Messages API. */
export const anthropicClientCodec: ClientCodec = {
  protocol: 'anthropic',
  decodeRequest: decodeMessagesRequest,
  answerEncoder: () => answerEncoder,
  encodeError: (error, requestId): EncodedError => ({
    status: error.status,
    headers: errorHeaders(error),
    body: errorEnvelope(error, requestId),
  }),
  encodeStreamError: (error, requestId) => `event: error\ndata: ${errorEnvelope(error, requestId)}\n\n`,
  ping: 'event: ping\ndata: {"type":"ping"}\n\n',
};
