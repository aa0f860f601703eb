import type { CountingCall } from '../codec.ts';

/**
 * `POST /v1/messages/count_tokens`, as Anthropic's API reference and its SDK have it, betas included. vLLM (its pull request
 * 35588), SGLang and llama.cpp's server have it too.
 */
export const countTokens: CountingCall = {
  path: '/messages/count_tokens',
  fields: new Set([
    'model',
    'messages',
    'system',
    'tools',
    'tool_choice',
    'thinking',
    'output_config',
    'output_format',
    'context_management',
    'compaction',
    'mcp_servers',
    'cache_control',
    'speed',
  ]),
};
