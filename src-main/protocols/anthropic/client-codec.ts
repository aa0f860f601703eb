import type { ProxyError } from '../../../src-shared/errors.ts';
import type { AnswerBlock, BlockDelta, StreamEvent, Usage } from '../canonical.ts';
import type { AnswerEncoder, ClientCodec, EncodedError } from '../codec.ts';
import { changedMessages } from './changed-body.ts';
import { decodeMessagesRequest } from './request.ts';

/**
 * One frame of the stream. The `event:` line is mandatory: the official SDK skips frames without one. What is not Anthropic's
 * (`openai`, `estimated`, `cut`, `cost_usd`) is not shown. Deltas are nearly all there is, so they are put together by hand.
 */
export function encodeEvent(event: StreamEvent): string {
  switch (event.type) {
    case 'content_block_delta':
      return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${event.index},"delta":${encodeDelta(event.delta)}}\n\n`;
    case 'content_block_start':
      return frame({ ...event, content_block: shown(event.content_block) });
    case 'message_delta': {
      const { estimated: _, ...given } = event;
      return frame({ ...given, usage: shownUsage(given.usage) });
    }
    case 'message_start': {
      const { estimated: _, ...given } = event;
      return frame({ ...given, message: { ...given.message, usage: shownUsage(given.message.usage) } });
    }
    case 'error': {
      const { cut: _, ...given } = event;
      return frame(given);
    }
    default:
      return frame(event);
  }
}

const frame = (event: { type: string; [field: string]: unknown }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

function encodeDelta(delta: BlockDelta): string {
  switch (delta.type) {
    case 'text_delta':
      return `{"type":"text_delta","text":${JSON.stringify(delta.text)}}`;
    case 'input_json_delta':
      return `{"type":"input_json_delta","partial_json":${JSON.stringify(delta.partial_json)}}`;
    default:
      return JSON.stringify(delta);
  }
}

function shown(block: AnswerBlock): AnswerBlock {
  if (!('openai' in block)) return block;
  const { openai: _, ...own } = block;
  return own as AnswerBlock;
}

function shownUsage({ cost_usd: _, ...usage }: Usage): Usage {
  return usage;
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

function errorHeaders(error: ProxyError, requestId: string): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'request-id': requestId };
  // Claude Code retries even a 401 for three minutes unless it is told not to.
  if (!error.retryable) headers['x-should-retry'] = 'false';
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter);
  return headers;
}

const answerEncoder: AnswerEncoder = {
  createStream: () => ({ encode: encodeEvent }),
  encodeAnswer: (message) =>
    JSON.stringify({ ...message, content: message.content.map(shown), usage: shownUsage(message.usage) }),
};

/** The front door of Anthropic's Messages API. */
export const anthropicClientCodec: ClientCodec = {
  protocol: 'anthropic',
  requestIdHeader: 'request-id',
  decodeRequest: decodeMessagesRequest,
  changed: changedMessages,
  answerEncoder: () => answerEncoder,
  encodeError: (error, requestId): EncodedError => ({
    status: error.status,
    headers: errorHeaders(error, requestId),
    body: errorEnvelope(error, requestId),
  }),
  encodeStreamError: (error, requestId) => `event: error\ndata: ${errorEnvelope(error, requestId)}\n\n`,
  ping: 'event: ping\ndata: {"type":"ping"}\n\n',
};
