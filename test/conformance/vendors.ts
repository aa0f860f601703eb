import type { ProviderKind } from '../../src-shared/config.ts';
import {
  anthropicLists,
  type FreeAnswers,
  geminiLists,
  llamacppLists,
  llamacppLoading,
  lmstudioLists,
  ollamaLists,
  openaiLists,
  openrouterLists,
  vllmLists,
} from '../helpers/upstream/model-lists.ts';
import type { UpstreamProtocol } from '../helpers/upstream/request.ts';
import { type RawStep, raw } from '../helpers/upstream/step.ts';

/** What a provider's error means, whatever its words. */
export type Fault =
  | 'client fault'
  | 'refused key'
  | 'no money'
  | 'forbidden'
  | 'unknown model'
  | 'rate limit'
  | 'failure'
  | 'overloaded'
  | 'context overflow';

/** The headers that carry a key, in the dialect of a request; null: a question of lists, health or accounts. */
type KeyForm = (key: string, protocol: UpstreamProtocol | null, path: string) => Record<string, string>;

/** One kind of server, as those who imitate it must know it. */
export interface Vendor {
  type: ProviderKind;
  /** What its base URL has behind the host. */
  basePath: string;
  /** Where its models are asked. */
  paths: readonly string[];
  /** The first is asked. */
  models: readonly [string, ...string[]];
  needsKey: boolean;
  carriesKey: KeyForm;
  /** Questions that it answers without a key. */
  isPublic: (path: string) => boolean;
  free: FreeAnswers;
  /** What it says while it is loading; null where it does not say so. */
  loading: (() => RawStep) | null;
  /** What it says to a key that it does not know. */
  refusesKey: (key: string) => RawStep;
  words: Readonly<Record<Exclude<Fault, 'refused key'>, RawStep>>;
}

const bearer: KeyForm = (key) => ({ authorization: `Bearer ${key}` });
const nothing = (): boolean => false;
const json = (status: number, body: unknown, headers: Record<string, string> = {}): RawStep =>
  raw(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
const later = { 'retry-after': '7' };

/** Anthropic's API reference, "Errors". Without credit it answers 400. */
const anthropicError = (status: number, type: string, message: string, headers?: Record<string, string>): RawStep =>
  json(status, { type: 'error', error: { type, message }, request_id: 'req_vendor' }, headers);

const anthropicWords: Vendor['words'] = {
  'client fault': anthropicError(400, 'invalid_request_error', 'messages: roles must alternate'),
  'no money': anthropicError(
    400,
    'invalid_request_error',
    'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
  ),
  forbidden: anthropicError(403, 'permission_error', 'Your API key does not have permission to use this resource'),
  'unknown model': anthropicError(404, 'not_found_error', 'model: claude-sonnet-9'),
  'rate limit': anthropicError(429, 'rate_limit_error', 'This request would exceed your rate limit', later),
  failure: anthropicError(500, 'api_error', 'Internal server error'),
  overloaded: anthropicError(529, 'overloaded_error', 'Overloaded'),
  'context overflow': anthropicError(
    400,
    'invalid_request_error',
    'prompt is too long: 210000 tokens > 200000 maximum',
  ),
};

/** OpenAI's guide "Error codes". */
const openaiError = (
  status: number,
  type: string,
  message: string,
  code: string | null = null,
  headers?: Record<string, string>,
): RawStep => json(status, { error: { message, type, param: null, code } }, headers);

const openaiWords: Vendor['words'] = {
  'client fault': openaiError(400, 'invalid_request_error', "Invalid value: 'robot'", 'invalid_value'),
  'no money': openaiError(
    429,
    'insufficient_quota',
    'You exceeded your current quota, please check your plan and billing details.',
    'insufficient_quota',
  ),
  forbidden: openaiError(403, 'invalid_request_error', 'You are not allowed to sample from this model', 'forbidden'),
  'unknown model': openaiError(
    404,
    'invalid_request_error',
    'The model `gpt-9` does not exist or you do not have access to it.',
    'model_not_found',
  ),
  'rate limit': openaiError(
    429,
    'requests',
    'Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1.',
    'rate_limit_exceeded',
    later,
  ),
  failure: openaiError(500, 'server_error', 'The server had an error while processing your request'),
  overloaded: openaiError(503, 'server_error', 'That model is currently overloaded with other requests.'),
  'context overflow': openaiError(
    400,
    'invalid_request_error',
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens. Please reduce the length of the messages.",
    'context_length_exceeded',
  ),
};

const openai: Omit<Vendor, 'type'> = {
  basePath: '',
  paths: ['/v1/chat/completions', '/v1/responses'],
  models: ['gpt-5.4-mini', 'gpt-6.1-sol'],
  needsKey: true,
  carriesKey: bearer,
  isPublic: nothing,
  free: openaiLists,
  loading: null,
  refusesKey: (key) =>
    openaiError(401, 'invalid_request_error', `Incorrect API key provided: ${key}.`, 'invalid_api_key'),
  words: openaiWords,
};

/** OpenRouter's documentation, "Errors and debugging". */
const openrouterError = (code: number, message: string, headers?: Record<string, string>): RawStep =>
  json(code, { error: { code, message, metadata: {} } }, headers);

/** Google's form, in the list that its OpenAI-compatible surface puts around it. A key that it does not know is a 400. */
const geminiError = (code: number, status: string, message: string, reason?: string): RawStep =>
  json(code, [
    {
      error: {
        code,
        message,
        status,
        ...(reason === undefined
          ? {}
          : { details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' }] }),
      },
    },
  ]);

/** llama.cpp's server: `format_error_response`. */
const llamacppError = (code: number, type: string, message: string): RawStep =>
  json(code, { error: { code, message, type } });

/** What no server on this machine says by itself, but what is put in front of it does. */
const gatewayWords = (error: (status: number, message: string, headers?: Record<string, string>) => RawStep) => ({
  'no money': error(402, 'Payment required'),
  forbidden: error(403, 'Forbidden'),
  'rate limit': error(429, 'Too many requests', later),
  overloaded: error(503, 'Server busy, please try again.  maximum pending requests exceeded'),
});

const ollamaError = (status: number, error: string, headers?: Record<string, string>): RawStep =>
  json(status, { error }, headers);

const vllmError = (code: number, type: string, message: string, headers?: Record<string, string>): RawStep =>
  json(code, { error: { message, type, param: null, code } }, headers);

/** The kinds of servers that the contract is run against. */
export const vendors: readonly Vendor[] = [
  {
    type: 'anthropic',
    basePath: '',
    paths: ['/v1/messages'],
    models: ['claude-haiku-5-5', 'claude-opus-5-5'],
    needsKey: true,
    carriesKey: (key) => ({ 'x-api-key': key }),
    isPublic: nothing,
    free: anthropicLists,
    loading: null,
    refusesKey: (key) => anthropicError(401, 'authentication_error', `invalid x-api-key ${key}`),
    words: anthropicWords,
  },
  {
    type: 'anthropic-compatible',
    basePath: '/anthropic',
    paths: ['/anthropic/v1/messages'],
    models: ['MiniMax-M2.5', 'MiniMax-M2.1'],
    needsKey: false,
    carriesKey: (key) => ({ authorization: `Bearer ${key}`, 'x-api-key': key }),
    isPublic: nothing,
    free: anthropicLists,
    loading: null,
    refusesKey: (key) => anthropicError(401, 'authentication_error', `login fail: the key ${key} is wrong`),
    words: anthropicWords,
  },
  { type: 'openai', ...openai },
  {
    type: 'openai-compatible',
    ...openai,
    basePath: '/v1',
    paths: ['/v1/chat/completions'],
    models: ['qwen3-coder', 'glm-5.3'],
    needsKey: false,
  },
  {
    type: 'openrouter',
    basePath: '/api',
    paths: ['/api/v1/chat/completions', '/api/v1/responses', '/api/v1/messages'],
    models: ['z-ai/glm-5.3', 'anthropic/claude-haiku-5.5'],
    needsKey: true,
    carriesKey: bearer,
    // The list is the same for everybody.
    isPublic: (path) => path.endsWith('/models'),
    free: openrouterLists,
    loading: null,
    refusesKey: (key) => openrouterError(401, `No auth credentials found for ${key}`),
    words: {
      'client fault': openrouterError(400, 'Input required: specify "prompt" or "messages"'),
      'no money': openrouterError(402, 'This request requires more credits, or fewer max_tokens.'),
      forbidden: openrouterError(403, 'Key limit exceeded (total limit).'),
      'unknown model': openrouterError(400, 'z-ai/glm-9 is not a valid model ID'),
      'rate limit': openrouterError(429, 'Rate limit exceeded: limit_rpm', later),
      failure: openrouterError(502, 'Provider returned error'),
      overloaded: openrouterError(503, 'There is no available model provider that meets your routing requirements'),
      'context overflow': openrouterError(
        400,
        "This endpoint's maximum context length is 200000 tokens. However, you requested about 210000 tokens (200000 of text input, 10000 in the output).",
      ),
    },
  },
  {
    type: 'gemini',
    basePath: '/v1beta/openai',
    paths: ['/v1beta/openai/chat/completions'],
    models: ['gemini-3-flash', 'gemini-3-pro'],
    needsKey: true,
    carriesKey: (key, _protocol, path): Record<string, string> =>
      // Its own surface has a header of its own.
      path.includes('/openai/') ? { authorization: `Bearer ${key}` } : { 'x-goog-api-key': key },
    isPublic: nothing,
    free: geminiLists,
    loading: null,
    refusesKey: () =>
      geminiError(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', 'API_KEY_INVALID'),
    words: {
      'client fault': geminiError(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.'),
      'no money': json(402, [{ error: { code: 402, message: 'Billing is required', status: 'FAILED_PRECONDITION' } }]),
      forbidden: geminiError(403, 'PERMISSION_DENIED', 'Generative Language API has not been used in project 1 before'),
      'unknown model': geminiError(404, 'NOT_FOUND', 'models/gemini-9 is not found for API version v1main'),
      'rate limit': {
        ...geminiError(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota of requests per minute.'),
        headers: { 'content-type': 'application/json', ...later },
      },
      failure: geminiError(500, 'INTERNAL', 'An internal error has occurred.'),
      overloaded: geminiError(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
      'context overflow': geminiError(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
    },
  },
  {
    type: 'ollama',
    basePath: '',
    paths: ['/api/chat', '/v1/chat/completions', '/v1/responses', '/v1/messages'],
    models: ['qwen3-coder:30b', 'gpt-oss:20b'],
    needsKey: false,
    carriesKey: bearer,
    isPublic: nothing,
    free: ollamaLists,
    loading: null,
    refusesKey: () => ollamaError(401, 'unauthorized'),
    words: {
      ...gatewayWords(ollamaError),
      'client fault': ollamaError(400, 'invalid message content type: float64'),
      'unknown model': ollamaError(404, "model 'qwen9' not found"),
      failure: ollamaError(500, 'llama runner process has terminated: exit status 2'),
      'context overflow': ollamaError(400, 'the input length exceeds the context length'),
    },
  },
  {
    type: 'lmstudio',
    basePath: '',
    paths: ['/v1/chat/completions', '/v1/responses', '/v1/messages'],
    models: ['qwen/qwen3-coder-30b', 'openai/gpt-oss-20b'],
    needsKey: false,
    carriesKey: bearer,
    isPublic: nothing,
    free: lmstudioLists,
    loading: null,
    refusesKey: () =>
      openaiError(401, 'invalid_request_error', 'An LM Studio API token is required.', 'invalid_api_key'),
    words: {
      ...gatewayWords((status, message, headers) => openaiError(status, 'server_error', message, null, headers)),
      'client fault': json(400, { error: "'messages' field is required" }),
      'unknown model': openaiError(404, 'invalid_request_error', 'Model "qwen9" not found.', 'model_not_found'),
      failure: json(500, { error: 'The model has crashed without additional information. (Exit code: null)' }),
      'context overflow': json(400, {
        error:
          'Trying to keep the first 70000 tokens when context the overflows. However, the model is loaded with context length of only 65536 tokens, which is not enough.',
      }),
    },
  },
  {
    type: 'llamacpp',
    basePath: '',
    paths: ['/v1/chat/completions', '/v1/responses', '/v1/messages'],
    models: ['qwen3-coder'],
    needsKey: false,
    carriesKey: bearer,
    isPublic: (path) => /\/(health|models)$/.test(path),
    free: llamacppLists,
    loading: llamacppLoading,
    refusesKey: () => llamacppError(401, 'authentication_error', 'Invalid API Key'),
    words: {
      ...gatewayWords((status, message, headers) => ({
        ...llamacppError(status, 'server_error', message),
        headers: { 'content-type': 'application/json', ...headers },
      })),
      'client fault': llamacppError(400, 'invalid_request_error', "Expected 'messages' to be an array"),
      'unknown model': llamacppError(404, 'not_found_error', 'model not found'),
      failure: llamacppError(500, 'server_error', 'Failed to parse messages'),
      'context overflow': json(400, {
        error: {
          code: 400,
          message: 'request (70000 tokens) exceeds the available context size (65536 tokens), try increasing it',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 70_000,
          n_ctx: 65_536,
        },
      }),
    },
  },
  {
    type: 'vllm',
    basePath: '',
    paths: ['/v1/chat/completions', '/v1/responses', '/v1/messages'],
    models: ['Qwen/Qwen3-Coder-30B-A3B-Instruct'],
    needsKey: false,
    carriesKey: bearer,
    // Only what lies below /v1 is behind the key.
    isPublic: (path) => !path.includes('/v1/'),
    free: vllmLists,
    loading: null,
    refusesKey: () => json(401, { error: 'Unauthorized' }),
    words: {
      ...gatewayWords((status, message, headers) => vllmError(status, 'ServerError', message, headers)),
      'client fault': vllmError(400, 'BadRequestError', '[{"type": "missing", "loc": ["body", "messages"]}]'),
      'unknown model': vllmError(404, 'NotFoundError', 'The model `qwen9` does not exist.'),
      failure: vllmError(500, 'InternalServerError', 'EngineCore encountered an issue.'),
      'context overflow': vllmError(
        400,
        'BadRequestError',
        "This model's maximum context length is 65536 tokens. However, you requested 74000 tokens (70000 in the messages, 4000 in the completion).",
      ),
    },
  },
  {
    type: 'deepseek',
    ...openai,
    paths: ['/v1/chat/completions'],
    models: ['deepseek-v4-flash', 'deepseek-v4-pro'],
    refusesKey: (key) =>
      openaiError(401, 'authentication_error', `Authentication Fails, Your api key: ${key} is invalid`),
    words: {
      ...openaiWords,
      'no money': openaiError(402, 'unknown_error', 'Insufficient Balance', 'invalid_request_error'),
      'unknown model': openaiError(400, 'invalid_request_error', 'Model Not Exist', 'invalid_request_error'),
    },
  },
  {
    type: 'azure-openai',
    ...openai,
    basePath: '/openai/v1',
    paths: ['/openai/v1/chat/completions', '/openai/v1/responses'],
    carriesKey: (key) => ({ 'api-key': key }),
    refusesKey: () =>
      json(401, {
        error: {
          code: '401',
          message: 'Access denied due to invalid subscription key or wrong API endpoint.',
        },
      }),
    words: {
      ...openaiWords,
      'unknown model': json(404, {
        error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' },
      }),
      'rate limit': json(
        429,
        {
          error: {
            code: '429',
            message: 'Requests to the API have exceeded call rate limit. Please retry after 7 seconds.',
          },
        },
        later,
      ),
    },
  },
];

/** Everything that it says to a fault. */
export const answerTo = (vendor: Vendor, fault: Fault, key: string): RawStep =>
  fault === 'refused key' ? vendor.refusesKey(key) : vendor.words[fault];
