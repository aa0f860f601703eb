import type { ErrorCode, ErrorKind, ProxyError } from '../../src-shared/errors.ts';

/**
 * Codes of JSON-RPC errors. The last four are those of the CProxy before this one; MCP leaves their range to servers. (Its own
 * "resource not found", -32002, is among them: what is not there is `invalidParams` here, as in MCP's next revision.)
 */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  internalError: -32603,
  providerError: -32000,
  providerUnavailable: -32001,
  timeout: -32002,
  rateLimit: -32003,
} as const;
export type RpcCode = (typeof rpcCodes)[keyof typeof rpcCodes];

const kinds: Record<ErrorKind, RpcCode> = {
  invalid_request_error: rpcCodes.invalidParams,
  authentication_error: rpcCodes.invalidRequest,
  permission_error: rpcCodes.invalidRequest,
  not_found_error: rpcCodes.invalidParams,
  conflict_error: rpcCodes.invalidParams,
  request_too_large: rpcCodes.invalidRequest,
  billing_error: rpcCodes.providerError,
  rate_limit_error: rpcCodes.rateLimit,
  timeout_error: rpcCodes.timeout,
  overloaded_error: rpcCodes.providerUnavailable,
  api_error: rpcCodes.providerError,
};

/** Where the kind says less. */
const codes: Partial<Record<ErrorCode, RpcCode>> = {
  invalid_json: rpcCodes.parseError,
  no_such_path: rpcCodes.invalidRequest,
  method_not_allowed: rpcCodes.invalidRequest,
  mcp_off: rpcCodes.invalidRequest,
  mcp_session_unknown: rpcCodes.invalidRequest,
  provider_key_missing: rpcCodes.providerUnavailable,
  provider_unreachable: rpcCodes.providerUnavailable,
  all_targets_failed: rpcCodes.providerUnavailable,
  internal: rpcCodes.internalError,
};

/** The JSON-RPC code of an error. @param code of the errors table; null where only the kind is known. */
export const rpcCodeOf = (code: ErrorCode | null, kind: ErrorKind): RpcCode =>
  (code === null ? undefined : codes[code]) ?? kinds[kind];

/** The same of a kind as a text. */
export const rpcCodeOfKind = (kind: string): RpcCode =>
  Object.entries(kinds).find(([name]) => name === kind)?.[1] ?? rpcCodes.providerError;

/** What `/mcp` answers with where no message can be answered: it belongs to no request. */
export function encodeRpcError(
  error: ProxyError,
  requestId: string,
): { status: number; headers: Record<string, string>; body: string } {
  const { code, kind, message, status } = error;
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(error.retryable ? {} : { 'x-should-retry': 'false' }),
      ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
      // A token that its user has been given; there is nobody to log in at.
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="CProxy"' } : {}),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: null,
      error: { code: rpcCodeOf(code, kind), message, data: { code, requestId } },
    }),
  };
}
