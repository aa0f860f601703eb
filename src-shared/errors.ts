/**
 * Every error that CProxy itself can give, in one table: a stable code, the HTTP status, the kind (named as Anthropic
 * names its error types, which is our canonical form) and a message that says what to do. Front doors map the kind to
 * their own protocol's envelope.
 */

export type ErrorKind =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'billing_error'
  | 'permission_error'
  | 'not_found_error'
  | 'conflict_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'timeout_error'
  | 'overloaded_error'
  | 'api_error';

interface ErrorEntry<Details> {
  status: number;
  kind: ErrorKind;
  /** False: asking again cannot help, and clients are told so with `x-should-retry: false`. */
  retryable: boolean;
  message: (details: Details) => string;
}

const entry = <Details>(
  status: number,
  kind: ErrorKind,
  retryable: boolean,
  message: (details: Details) => string,
): ErrorEntry<Details> => ({ status, kind, retryable, message });

type Provider = { provider: string };

export const errorTable = {
  // What the client sent.
  invalid_json: entry(
    400,
    'invalid_request_error',
    false,
    (d: { reason: string }) => `The request body is not valid JSON: ${d.reason}`,
  ),
  invalid_field: entry(
    400,
    'invalid_request_error',
    false,
    (d: { field: string; expected: string }) => `${d.field}: ${d.expected}`,
  ),
  body_too_large: entry(
    413,
    'request_too_large',
    false,
    (d: { limitBytes: number }) =>
      `The request body is larger than ${Math.floor(d.limitBytes / 1e6)} MB, the most this endpoint takes.`,
  ),
  unsupported_content: entry(
    400,
    'invalid_request_error',
    false,
    (d: { field: string; reason: string }) => `${d.field}: ${d.reason}`,
  ),
  thread_unsupported: entry(
    400,
    'invalid_request_error',
    false,
    () =>
      'capability_rejected: beta_header:message-threads-2026-08-12; this route holds no conversation state. Resend with the full message history.',
  ),
  state_not_kept: entry(
    400,
    'invalid_request_error',
    false,
    (d: { field: 'previous_response_id' | 'conversation' | 'background' | 'prompt' }) =>
      `${d.field}: ${
        {
          previous_response_id: 'CProxy keeps no answers. Send the whole conversation as input, with store: false.',
          conversation: 'CProxy keeps no conversations. Send the whole conversation as input, with store: false.',
          background: 'CProxy keeps no answers for later. Send the request without it and wait for the answer.',
          prompt: 'CProxy keeps no prompts. Send its text as instructions and input.',
        }[d.field]
      }`,
  ),
  server_tool_unsupported: entry(
    400,
    'invalid_request_error',
    false,
    (d: Provider & { tools: readonly string[] }) =>
      `Provider '${d.provider}' has no counterpart for ${d.tools.map((tool) => `'${tool}'`).join(', ')}, which ${d.tools.length === 1 ? 'runs' : 'run'} at the servers of another vendor, and the request brings no other tool. Route such requests to a provider that has it (Anthropic; for web search also OpenRouter), or offer a tool that the client runs itself, such as one of an MCP server.`,
  ),
  unknown_model: entry(
    404,
    'not_found_error',
    false,
    /** `unlisted`: providers whose lists are not there, `reason` null where they are being fetched. */
    (d: {
      model: string;
      near: readonly string[];
      unlisted?: readonly { provider: string; reason: string | null }[];
    }) =>
      [
        `No provider has a model named '${d.model}'.`,
        ...(d.near.length > 0 ? [`Near matches: ${d.near.join(', ')}.`] : []),
        ...(d.unlisted ?? []).map(({ provider, reason }) =>
          reason === null
            ? `The list of models of '${provider}' is not there yet.`
            : `The list of models of '${provider}' could not be fetched: ${reason}`,
        ),
        'See GET /v1/models for what can be asked for, or add an alias for it to the configuration.',
      ].join(' '),
  ),
  rule_leads_nowhere: entry(
    404,
    'not_found_error',
    false,
    (d: { rule: string; targets: readonly string[] }) =>
      `The routing rule '${d.rule}' takes this request to ${d.targets.map((target) => `'${target}'`).join(', ')}, which no enabled provider has. Correct the rule, or switch the provider on that it means.`,
  ),
  no_such_path: entry(
    404,
    'not_found_error',
    false,
    (d: { method: string; path: string }) =>
      `There is nothing at ${d.method} ${d.path}. CProxy serves /v1/messages, /v1/messages/count_tokens, /v1/chat/completions, /v1/responses, /v1/responses/input_tokens, /v1/messages/batches, /v1/batches, /v1/files, /v1/models, /mcp and /health.`,
  ),
  method_not_allowed: entry(
    405,
    'invalid_request_error',
    false,
    (d: { method: string; path: string; allowed: string }) => `${d.path} does not take ${d.method}; use ${d.allowed}.`,
  ),
  mcp_off: entry(
    404,
    'not_found_error',
    false,
    () => 'CProxy is no MCP server now: mcp.enabled is false in its configuration.',
  ),
  // MCP's clients begin anew on a 404.
  mcp_session_unknown: entry(
    404,
    'not_found_error',
    false,
    () => 'There is no such MCP session, or it has ended. Begin a new one with initialize.',
  ),
  mcp_sessions_full: entry(
    503,
    'overloaded_error',
    true,
    (d: { most: number }) =>
      `${d.most} MCP sessions are open, which is the most. End one that is not needed, and ask again.`,
  ),

  // Who asked, and from where.
  missing_token: entry(
    401,
    'authentication_error',
    false,
    () =>
      'No client token was sent. Send the CProxy token as x-api-key, Authorization: Bearer or x-cproxy-token (for Claude Code: ANTHROPIC_AUTH_TOKEN, for clients of OpenAI: OPENAI_API_KEY). `cproxy token new NAME` makes one.',
  ),
  wrong_token: entry(
    401,
    'authentication_error',
    false,
    () =>
      "The client token is not one of CProxy's (a provider's API key does not open this endpoint). `cproxy token list` shows the names in use, `cproxy token new NAME` makes another.",
  ),
  foreign_host: entry(
    403,
    'permission_error',
    false,
    (d: { host: string }) =>
      `Requests for the host '${d.host}' are refused (protection against DNS rebinding). Use 127.0.0.1 or localhost, or add the name to server.allowedHosts.`,
  ),
  foreign_origin: entry(
    403,
    'permission_error',
    false,
    (d: { origin: string }) =>
      `Requests from the web origin '${d.origin}' are refused. Add it to server.allowedOrigins to let that page in.`,
  ),
  admin_session_required: entry(
    401,
    'authentication_error',
    false,
    () => 'This needs an admin session; a client token does not open it. Run `cproxy login` and enter the code.',
  ),
  admin_origin_refused: entry(403, 'permission_error', false, (d: { origin: string | null }) =>
    d.origin === null
      ? 'A browser session may change something only from the page of this CProxy itself; this call names no web origin.'
      : `A browser session may be used only from the page of this CProxy itself, not from '${d.origin}'.`,
  ),
  wrong_login_code: entry(
    401,
    'authentication_error',
    false,
    () => 'That code is wrong, used or expired. Run `cproxy login` again for a new one.',
  ),
  too_many_login_attempts: entry(
    429,
    'rate_limit_error',
    true,
    () => 'Too many wrong codes. Wait a minute, then run `cproxy login` for a new one.',
  ),

  rate_limited: entry(
    429,
    'rate_limit_error',
    true,
    (d: { limit: string; figure: string; again: string }) =>
      `Limit '${d.limit}' is reached: ${d.figure}. ${d.again}, or change it at limits.rates in the configuration.`,
  ),

  budget_spent: entry(
    402,
    'billing_error',
    false,
    (d: { budget: string; figure: string; until: string }) =>
      `Budget '${d.budget}' is spent: ${d.figure}. It begins anew ${d.until}. Raise it at limits.budgets in the configuration, or run \`cproxy budgets --reset ${d.budget}\`.`,
  ),

  body_not_kept: entry(
    404,
    'not_found_error',
    false,
    (d: { reason: string }) => `The body of this request is not kept. ${d.reason}`,
  ),

  // What came of the providers.
  no_batches: entry(
    404,
    'not_found_error',
    false,
    (d: { dialect: string; advice: string }) =>
      `No provider is there for batches as ${d.dialect} has them. ${d.advice}`,
  ),
  loop_detected: entry(
    508,
    'api_error',
    false,
    () =>
      "The request came back to this CProxy: a provider's baseUrl leads here again. Correct the baseUrl in the configuration.",
  ),
  provider_is_self: entry(
    508,
    'api_error',
    false,
    (d: Provider & { baseUrl: string }) =>
      `Provider '${d.provider}' points at this CProxy itself (${d.baseUrl}). Give it the vendor's own address.`,
  ),
  provider_key_missing: entry(
    502,
    'api_error',
    false,
    (d: Provider & { reason: string }) => `Provider '${d.provider}' has no usable API key: ${d.reason}`,
  ),
  key_store_failed: entry(503, 'api_error', false, (d: { reason: string }) => d.reason),
  provider_keys_resting: entry(
    429,
    'rate_limit_error',
    true,
    (d: Provider & { reason: string }) => `No key of provider '${d.provider}' can be used now: ${d.reason}`,
  ),
  provider_key_refused: entry(
    502,
    'api_error',
    false,
    (d: Provider & { status: number; upstream: string }) =>
      `Provider '${d.provider}' refused its API key (HTTP ${d.status}: ${d.upstream}). Check the key in the configuration.`,
  ),
  provider_unreachable: entry(
    502,
    'api_error',
    true,
    (d: Provider & { reason: string }) => `Provider '${d.provider}' could not be reached: ${d.reason}`,
  ),
  provider_silent: entry(
    504,
    'timeout_error',
    true,
    (d: Provider & { ms: number }) => `Provider '${d.provider}' sent nothing for ${Math.round(d.ms / 1000)} s.`,
  ),
  provider_too_slow: entry(
    504,
    'timeout_error',
    true,
    (d: Provider & { ms: number }) =>
      `Provider '${d.provider}' did not finish its answer within ${Math.round(d.ms / 1000)} s (timeouts.totalMs).`,
  ),
  provider_slow: entry(
    504,
    'timeout_error',
    true,
    (d: Provider & { tokensPerSecond: number; ms: number }) =>
      `Provider '${d.provider}' answers slowly: ${d.tokensPerSecond.toFixed(1)} tokens/s in its first ${Number((d.ms / 1000).toFixed(1))} s (routing.slowStreams).`,
  ),
  provider_busy: entry(
    529,
    'overloaded_error',
    true,
    (d: Provider & { limit: number; ms: number }) =>
      `Provider '${d.provider}' is busy: it is given ${d.limit === 1 ? 'one request' : `${d.limit} requests`} at a time (maxConcurrent), and none of those under way has ended within ${Math.round(d.ms / 1000)} s.`,
  ),
  provider_error: entry(
    502,
    'api_error',
    true,
    (d: Provider & { status: number; upstream: string }) =>
      `Provider '${d.provider}' answered HTTP ${d.status}: ${d.upstream}`,
  ),
  // Claude Code compacts the conversation on this wording, so nothing may stand before it.
  context_overflow: entry(400, 'invalid_request_error', false, (d: Provider & { wording: string }) => d.wording),
  // And on this one it asks for a shorter answer.
  output_overflow: entry(400, 'invalid_request_error', false, (d: Provider & { wording: string }) => d.wording),
  content_refused: entry(
    400,
    'invalid_request_error',
    false,
    (d: Provider & { upstream: string }) => `Provider '${d.provider}' refused the content: ${d.upstream}`,
  ),
  provider_stream_error: entry(
    502,
    'api_error',
    true,
    (d: Provider & { upstream: string }) => `Provider '${d.provider}' reported an error: ${d.upstream}`,
  ),
  provider_cut_stream: entry(
    502,
    'api_error',
    true,
    (d: Provider) => `Provider '${d.provider}' ended the answer before it was finished.`,
  ),
  provider_garbage: entry(
    502,
    'api_error',
    true,
    (d: Provider & { reason: string }) => `Provider '${d.provider}' sent an answer that cannot be read: ${d.reason}`,
  ),
  provider_empty: entry(502, 'api_error', true, (d: Provider) => `Provider '${d.provider}' sent an empty answer.`),
  provider_redirected: entry(
    502,
    'api_error',
    false,
    (d: Provider & { status: number; advice: string }) =>
      `Provider '${d.provider}' answered with a redirect (HTTP ${d.status}), which is not followed so that no key reaches another host: it leads ${d.advice}`,
  ),
  all_targets_failed: entry(
    502,
    'api_error',
    true,
    /** `targets`: what came of each, beginning with its name. */
    (d: { targets: readonly string[]; advice: string }) =>
      [`None of ${d.targets.length} targets could answer.`, ...d.targets.map((target) => `- ${target}`), d.advice].join(
        '\n',
      ),
  ),

  // Ourselves.
  draining: entry(503, 'overloaded_error', true, () => 'CProxy is shutting down. Ask again when it is back.'),
  internal: entry(
    500,
    'api_error',
    true,
    (d: { requestId: string }) =>
      `CProxy failed on this request (${d.requestId}). Its log has the details; please report it.`,
  ),
} as const;

export type ErrorCode = keyof typeof errorTable;
export type ErrorDetails<Code extends ErrorCode> = Parameters<(typeof errorTable)[Code]['message']>[0];

/** What a request failed with, as it is shown in logs, the GUI and the control API. */
export interface ErrorView {
  code: ErrorCode;
  status: number;
  message: string;
}

interface ErrorOverrides {
  /** HTTP status to answer with where the provider's own says more than the table's. */
  status?: number;
  kind?: ErrorKind;
  retryable?: boolean;
  /** Seconds, from the provider's `retry-after`. */
  retryAfter?: number;
  cause?: unknown;
}

const fieldOf = (details: unknown): string | null =>
  typeof details === 'object' && details !== null && 'field' in details && typeof details.field === 'string'
    ? details.field
    : null;

/** The one error class that crosses rooms. Anything else that is thrown is a bug and is answered as `internal`. */
export class ProxyError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly kind: ErrorKind;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  /** The request's field that is at fault, where the error names one. */
  readonly field: string | null;

  private constructor(code: ErrorCode, message: string, field: string | null, overrides: ErrorOverrides) {
    super(message, { cause: overrides.cause });
    const entry = errorTable[code];
    this.name = 'ProxyError';
    this.code = code;
    this.field = field;
    this.status = overrides.status ?? entry.status;
    this.kind = overrides.kind ?? entry.kind;
    this.retryable = overrides.retryable ?? entry.retryable;
    this.retryAfter = overrides.retryAfter;
  }

  /** `ProxyError.of('invalid_field', { field: 'model', expected: 'must be a string' })` */
  static of<Code extends ErrorCode>(
    code: Code,
    details: ErrorDetails<Code>,
    overrides: ErrorOverrides = {},
  ): ProxyError {
    // One call signature for all entries: TypeScript cannot relate `code` to its own entry's parameter.
    const message = errorTable[code].message as (details: ErrorDetails<Code>) => string;
    return new ProxyError(code, message(details), fieldOf(details), overrides);
  }

  view(): ErrorView {
    return { code: this.code, status: this.status, message: this.message };
  }
}
