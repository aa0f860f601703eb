import { describe, expect, it } from 'vitest';
import type { ReasoningRefusal } from '../../../src-main/protocols/codec.ts';
import { reasoningRefusal, wantedQuirk } from '../../../src-main/protocols/refused-reasoning.ts';
import { decodeError } from '../../../src-main/protocols/upstream-error.ts';
import { defaultQuirks } from '../../../src-main/providers/quirks.ts';

const anthropic = (message: string): string =>
  JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message }, request_id: 'req_1' });
const openai = (message: string, code: string | null = null, param: string | null = null): string =>
  JSON.stringify({ error: { message, type: 'invalid_request_error', param, code } });
const openrouter = (raw: string): string =>
  JSON.stringify({ error: { message: 'Provider returned error', code: 400, metadata: { raw, provider_name: 'x' } } });

const missingThinking =
  'messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`.';
const unsignedCall =
  'Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:Bash` , position 2. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.';

/** What a vendor answers, from where that is known. */
const wordings: readonly [source: string, body: string, ReasoningRefusal | null, status?: number][] = [
  [
    'Anthropic: ding113/claude-code-hub issue 518',
    anthropic('messages.1.content.0: Invalid `signature` in `thinking` block'),
    'not-its-own',
  ],
  [
    'Anthropic: anomalyco/opencode issue 48637',
    anthropic(
      'messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".',
    ),
    'not-its-own',
  ],
  [
    'Anthropic: microsoft/vscode pull request 320196',
    anthropic("messages.1.content.0: Invalid 'data' in 'redacted_thinking' block"),
    'not-its-own',
  ],
  [
    'Anthropic: anthropics/claude-code issue 19539',
    anthropic(
      'messages.5.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.',
    ),
    'not-its-own',
  ],
  [
    'Anthropic: tailcallhq/forgecode issue 1853',
    anthropic(
      'messages.1.content.0: When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`. To use thinking blocks, enable `thinking` in your request.',
    ),
    'thinking-off',
  ],
  ['Anthropic: Kilo-Org/kilocode issue 5219', anthropic(missingThinking), 'no-thinking'],
  [
    'Bedrock: can1357/oh-my-pi pull request 10486',
    JSON.stringify({
      type: 'error',
      error: {
        type: 'ValidationException',
        message: 'The model returned the following errors: messages.369.content.0.thinking.signature: Field required',
      },
    }),
    'not-its-own',
  ],
  [
    'Vertex: lbjlaq/Antigravity-Manager issue 498',
    JSON.stringify({
      error: {
        code: 400,
        message: anthropic('messages.1.content.0: Invalid `signature` in `thinking` block'),
        status: 'INVALID_ARGUMENT',
      },
    }),
    'not-its-own',
  ],
  [
    'OpenRouter: can1357/oh-my-pi issue 3399',
    openrouter(anthropic('messages.1.content.0: Invalid `signature` in `thinking` block')),
    'not-its-own',
  ],
  [
    'OpenAI: openai/codex issue 8145',
    openai('The encrypted content gAAA...DQ== could not be verified.', 'invalid_encrypted_content'),
    'not-its-own',
  ],
  [
    'Azure: openai/openai-agents-python issue 2063',
    openai('The encrypted content gAAA...wXBV could not be verified.'),
    'not-its-own',
  ],
  [
    'OpenAI: smallmain/vscode-unify-chat-provider issue 178',
    openai(
      'The encrypted content for item rs_0a18 could not be verified. Reason: Encrypted content could not be decrypted or parsed.',
    ),
    'not-its-own',
  ],
  [
    'Meta: can1357/oh-my-pi issue 11928',
    openai('reasoning `encrypted_content` was not issued to this caller'),
    'not-its-own',
  ],
  [
    'OpenAI: can1357/oh-my-pi issue 41',
    openai(
      "Item with id 'rs_04962823ecde' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.",
    ),
    'not-its-own',
    404,
  ],
  [
    'OpenAI: continuedev/continue issue 8933',
    openai("Item 'rs_0c3876fc' of type 'reasoning' was provided without its required following item.", null, 'input'),
    'not-its-own',
  ],
  [
    'OpenAI: cline/cline issue 12242',
    openai(
      "Item 'fc_0a4d51' of type 'function_call' was provided without its required 'reasoning' item: 'rs_0a4d'.",
      null,
      'input',
    ),
    'not-its-own',
  ],
  [
    'DeepSeek: mnfst/modelparams.dev issue 29',
    openai('The `reasoning_content` in the thinking mode must be passed back to the API.', 'invalid_request_error'),
    'no-reasoning-field',
  ],
  [
    'DeepSeek, Messages: decolua/9router issue 2397',
    openai('The `content[].thinking` in the thinking mode must be passed back to the API.', 'invalid_request_error'),
    'no-reasoning-field',
  ],
  [
    'MiMo: earendil-works/pi issue 4602',
    '{"error":{"code":"400","message":"Param Incorrect","param":"The reasoning_content in the thinking mode must be passed back to the\\n API.","type":""}}',
    'no-reasoning-field',
  ],
  [
    'Kimi: continuedev/continue issue 11600',
    openai('thinking is enabled but reasoning_content is missing in assistant tool call message at index 2'),
    'no-reasoning-field',
  ],
  [
    'OpenCode: OnesoftQwQ/opencode-go-copilot issue 1',
    openrouter(
      openai('thinking is enabled but reasoning_content is missing in assistant tool call message at index 3'),
    ),
    'no-reasoning-field',
  ],
  [
    'Gemini: lbjlaq/Antigravity-Manager issue 3202',
    JSON.stringify([{ error: { code: 400, message: unsignedCall, status: 'INVALID_ARGUMENT' } }]),
    'no-call-signature',
  ],
  [
    'OpenRouter: hotovo/aider-desk issue 513',
    openrouter(
      `Gemini models require OpenRouter reasoning details to be preserved in each request. Upstream error: {"error": {"code": 400, "message": "${unsignedCall}"}}`,
    ),
    'no-call-signature',
  ],
  [
    'Gemini: decolua/9router issue 301',
    openai('Unable to submit request because Thought signature is not valid.. Learn more: https://cloud.google.com/'),
    'bad-call-signature',
  ],
  [
    'Gemini: google-gemini/gemini-cli issue 13467',
    JSON.stringify({ error: { code: 400, message: 'Corrupted thought signature.', status: 'INVALID_ARGUMENT' } }),
    'bad-call-signature',
  ],
  ['Gemini: lbjlaq/Antigravity-Manager pull request 3342', openai('Invalid thought signature.'), 'bad-call-signature'],
  ['another status', anthropic('Invalid `signature` in `thinking` block'), null, 500],
  ['something else', anthropic('max_tokens: 64001 > 64000'), null],
  ['thinking as a parameter', anthropic('thinking.budget_tokens: Input should be greater than or equal to 1024'), null],
  ['a stored response', openai("Previous response with id 'resp_1' not found.", 'previous_response_not_found'), null],
];

describe('a refusal of reasoning', () => {
  it.each(wordings)('%s', (_source, body, expected, status = 400) => {
    expect(reasoningRefusal(status, decodeError(body))).toBe(expected);
  });
  it('may tell what is wanted from then on, unless that was known', () => {
    expect(wantedQuirk('no-reasoning-field', defaultQuirks)).toEqual({ returnsReasoningContent: true });
    expect(wantedQuirk('no-call-signature', defaultQuirks)).toEqual({ toolSchema: 'gemini' });
    const known = { ...defaultQuirks, returnsReasoningContent: true, toolSchema: 'gemini' as const };
    for (const refusal of ['no-reasoning-field', 'no-call-signature', 'not-its-own', 'no-thinking'] as const)
      expect(wantedQuirk(refusal, known)).toBe(null);
  });
});
