import type { ErrorCode, ErrorKind, ProxyError } from '../../src-shared/errors.ts';
import type { EncodedError } from './codec.ts';

/** An error as OpenAI's APIs name it (API reference, "Error codes"). */
export interface OpenaiError {
  message: string;
  type: string;
  /** The field that is wrong, such as `messages[2].content`. */
  param: string | null;
  code: string;
}

/** OpenAI's word for each kind; its server's own failures are all `server_error`. */
const TYPES: Readonly<Record<ErrorKind, string>> = {
  invalid_request_error: 'invalid_request_error',
  authentication_error: 'authentication_error',
  billing_error: 'insufficient_quota',
  permission_error: 'permission_error',
  not_found_error: 'invalid_request_error',
  conflict_error: 'invalid_request_error',
  request_too_large: 'invalid_request_error',
  rate_limit_error: 'rate_limit_error',
  timeout_error: 'server_error',
  overloaded_error: 'server_error',
  api_error: 'server_error',
};

/** Codes that clients of OpenAI know and act on. */
const CODES: Partial<Record<ErrorCode, string>> = {
  context_overflow: 'context_length_exceeded',
  unknown_model: 'model_not_found',
  missing_token: 'invalid_api_key',
  wrong_token: 'invalid_api_key',
  invalid_field: 'invalid_value',
};
const CODES_BY_KIND: Partial<Record<ErrorKind, string>> = {
  billing_error: 'insufficient_quota',
  rate_limit_error: 'rate_limit_exceeded',
  overloaded_error: 'server_is_overloaded',
};

/** What OpenAI has no code for keeps ours. */
const codeOf = ({ code, kind }: ProxyError): string => CODES[code] ?? CODES_BY_KIND[kind] ?? code;

/** OpenAI's error envelope; also what a Chat Completions stream carries as its last frame. */
export function openaiErrorBody(error: ProxyError): { error: OpenaiError } {
  return { error: { message: error.message, type: TYPES[error.kind], param: error.field, code: codeOf(error) } };
}

/** An error as an HTTP answer to a client of OpenAI's APIs. Its SDKs retry what looks passing unless they are told not to. */
export function encodeOpenaiError(error: ProxyError, requestId: string): EncodedError {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-request-id': requestId };
  if (!error.retryable) headers['x-should-retry'] = 'false';
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter);
  // 529 is Anthropic's own.
  const status = error.status === 529 ? 503 : error.status;
  return { status, headers, body: JSON.stringify(openaiErrorBody(error)) };
}

/** An error event of a stream in OpenAI's envelope. */
export function openaiEventError({ type, message }: { type: string; message: string }): { error: OpenaiError } {
  const kind = Object.hasOwn(TYPES, type) ? (type as ErrorKind) : 'api_error';
  return { error: { message, type: TYPES[kind], param: null, code: CODES_BY_KIND[kind] ?? kind } };
}
