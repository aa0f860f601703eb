import type { CountingCall } from '../codec.ts';

/** `POST /v1/responses/input_tokens`, as OpenAI's API reference has it ("Get input token counts"). */
export const inputTokens: CountingCall = {
  path: '/responses/input_tokens',
  fields: new Set([
    'model',
    'input',
    'instructions',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'reasoning',
    'text',
    'truncation',
    'personality',
  ]),
};
