import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UpstreamError } from '../../../src-main/protocols/codec.ts';
import { openaiChatCodec } from '../../../src-main/protocols/openai-chat/codec.ts';
import { refusedParameter, withoutRefused } from '../../../src-main/protocols/refused-parameter.ts';

/** A body that says everything a request could say. */
const everything = JSON.stringify({
  model: 'm',
  messages: [{ role: 'user', content: 'temperature' }],
  input: 'hi',
  tools: [],
  tool_choice: 'auto',
  response_format: { type: 'json_object' },
  max_tokens: 9,
  max_completion_tokens: 9,
  stop: ['x'],
  n: 1,
  ...{ temperature: 0.2, top_p: 0.9, top_k: 5, seed: 1, presence_penalty: 0, frequency_penalty: 0 },
  ...{ reasoning_effort: 'low', verbosity: 'low', thinking: { type: 'enabled' }, think: true, user: 'u', store: false },
  reasoning: { effort: 'low', summary: 'auto' },
  output_config: { effort: 'low', format: {} },
  text: { verbosity: 'low', format: {} },
  metadata: {},
  stream_options: { include_usage: true },
  parallel_tool_calls: true,
  chat_template_kwargs: {},
});

/** A conversation that a provider has answered which shows its thinking. */
const answered = JSON.stringify({
  messages: [{ role: 'assistant', content: 'x', reasoning_content: 'Hm.', reasoning: 'Hm.', refusal: null }],
});

const says = (message: string, code: string | null = null, param: string | null = null): UpstreamError => ({
  message,
  code,
  param,
});

/** What a vendor answers, from where that is known, and the parameter it is about. */
const wordings: readonly [source: string, error: UpstreamError, parameter: string | null, sent?: string][] = [
  [
    'OpenAI: decolua/9router issue 560',
    says("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
    'max_tokens',
  ],
  [
    'OpenAI: appatalks/eva-agent issue 83',
    says(
      "Unsupported parameter: 'temperature' is not supported with this model.",
      'unsupported_parameter',
      'temperature',
    ),
    'temperature',
  ],
  [
    'OpenAI: QwenLM/qwen-code issue 921',
    says(
      "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
      'unsupported_value',
      'temperature',
    ),
    'temperature',
  ],
  [
    'OpenAI Responses: openai/openai-python issue 2194',
    says(
      "Unsupported parameter: 'reasoning.summary' is not supported with the 'o3-mini-2025-01-31' model.",
      'unsupported_parameter',
    ),
    'reasoning.summary',
  ],
  [
    'OpenAI Responses: continuedev/continue issue 12031',
    says(
      'Your organization must be verified to generate reasoning summaries. Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization.',
      'unsupported_value',
      'reasoning.summary',
    ),
    'reasoning.summary',
  ],
  [
    'OpenAI: GoogleChromeLabs/webmcp-tools issue 417',
    says(
      "Function tools with reasoning_effort are not supported for gpt-5.6-terra in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.",
      null,
      'reasoning_effort',
    ),
    'reasoning_effort',
  ],
  [
    'Azure: BerriAI/litellm issue 16704',
    says(
      "Invalid value: 'none'. Supported values are: 'low', 'medium', and 'high'.",
      'invalid_value',
      'reasoning_effort',
    ),
    'reasoning_effort',
  ],
  [
    'Azure: anomalyco/opencode issue 12113',
    says('Unrecognized request argument supplied: reasoning_effort'),
    'reasoning_effort',
  ],
  [
    'Azure: Azure/azure-sdk-for-net issue 45719',
    says('Unrecognized request argument supplied: parallel_tool_calls'),
    'parallel_tool_calls',
  ],
  ['OpenAI', says("Unknown parameter: 'top_k'.", 'unknown_parameter', 'top_k'), 'top_k'],
  ['Anthropic: docs, "API versions"', says('temperature: Extra inputs are not permitted'), 'temperature'],
  [
    'Anthropic: github/app issue 2574',
    says('`temperature` is deprecated for this model.', 'invalid_request_error'),
    'temperature',
  ],
  [
    'Anthropic: anthropics/claude-code issue 30010',
    says('This model does not support the effort parameter.'),
    'output_config.effort',
  ],
  [
    'Anthropic: docs, "Extended thinking"',
    says('`temperature` may only be set to 1 when thinking is enabled.'),
    'temperature',
  ],
  [
    'Anthropic',
    says('`temperature` and `top_p` cannot both be specified for this model. Please use only one.'),
    'top_p',
  ],
  [
    'Mistral: editor-code-assistant/eca issue 231, as its envelope is read',
    says('max_completion_tokens: Extra inputs are not permitted'),
    'max_completion_tokens',
  ],
  [
    'Mistral: dnakov/anon-kode issue 53',
    says('stream_options.include_usage: Extra inputs are not permitted'),
    'stream_options',
  ],
  [
    'Mistral: mistralai/platform-docs-public issue 7',
    says(
      '{"detail":[{"type":"extra_forbidden","loc":["body","frequency_penalty"],"msg":"Extra inputs are not permitted","input":0.0}]}',
    ),
    'frequency_penalty',
  ],
  [
    'vLLM: 1Panel-dev/MaxKB issue 2912',
    says(
      "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': 'Extra inputs are not permitted', 'input': 800}]",
    ),
    'max_completion_tokens',
  ],
  [
    'Fireworks: FlowiseAI/Flowise issue 2866',
    says("Extra inputs are not permitted, field: 'stream_options', value: {'include_usage': True}"),
    'stream_options',
  ],
  [
    'Fireworks: danny-avila/LibreChat issue 1336',
    says("[{'loc': ('body', 'user'), 'msg': 'extra fields not permitted', 'type': 'value_error.extra'}]"),
    'user',
  ],
  ['Groq: fanenr/chatbot issue 21', says("property 'store' is unsupported, did you mean 'stop'?"), 'store'],
  [
    'Groq: AnswerDotAI/shell_sage issue 9',
    says("property 'max_completion_tokens' is unsupported, did you mean 'max_tokens'?"),
    'max_completion_tokens',
  ],
  [
    'Groq: immersive-translate/immersive-translate issue 3016',
    says("property 'chat_template_kwargs' is unsupported"),
    'chat_template_kwargs',
  ],
  ['Cerebras: Gitlawb/openclaude issue 740', says("body.store: property 'body.store' is unsupported"), 'store'],
  [
    'Gemini: MinLL/SkyrimNet-GamePlugin issue 77',
    says('Invalid JSON payload received. Unknown name "frequency_penalty": Cannot find field.'),
    'frequency_penalty',
  ],
  [
    'xAI: BerriAI/litellm pull request 16265',
    says('Model grok-4-latest does not support parameter reasoningEffort.'),
    'reasoning_effort',
  ],
  [
    'xAI, by Responses: NousResearch/hermes-agent pull request 23435',
    says('Model grok-4-0709 does not support parameter reasoningEffort.'),
    'reasoning.effort',
    '{"reasoning":{"effort":"low"}}',
  ],
  [
    'xAI: yym68686/uni-api issue 105',
    says('Argument not supported on this model: presencePenalty'),
    'presence_penalty',
  ],
  [
    'Moonshot: opencyvis/opencyvis-phone issue 12',
    says('invalid temperature: only 1 is allowed for this model'),
    'temperature',
  ],
  ['Ollama: ollama/ollama issue 11439', says('registry.ollama.ai/library/x:7b does not support thinking'), 'thinking'],
  [
    'Ollama, by its own API: Neurons-AI/crawbot issue 24',
    says('"qwen3-coder:30b" does not support thinking'),
    'think',
    '{"think":true}',
  ],
  ['Ollama: charmbracelet/crush issue 2623', says('think value "medium" is not supported for this model'), 'think'],
  ['LiteLLM', says("x does not support parameters: ['reasoning_effort'], for model=y"), 'reasoning_effort'],

  // What another provider's answers have left in the conversation.
  [
    'Groq: janhq/jan issue 8136',
    says(
      "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]",
    ),
    'messages.reasoning_content',
    answered,
  ],
  [
    'Cerebras: Kilo-Org/kilocode issue 10375',
    says(
      "messages.2.assistant.reasoning_content: property 'messages.2.assistant.reasoning_content' is unsupported",
      'wrong_api_format',
      'validation_error',
    ),
    'messages.reasoning_content',
    answered,
  ],
  [
    'Mistral: BerriAI/litellm issue 30835, as its envelope is read',
    says('messages.31.assistant.reasoning_content: Extra inputs are not permitted'),
    'messages.reasoning_content',
    answered,
  ],
  [
    'Gemini, which names places like that: gera2ld/ai.nvim issue 13',
    says(
      'Invalid JSON payload received. Unknown name "reasoning_content" at \'messages[1]\': Cannot find field.',
      'INVALID_ARGUMENT',
    ),
    'messages.reasoning_content',
    answered,
  ],
  [
    'Groq, of a field that has two meanings',
    says("property 'reasoning' is unsupported"),
    'messages.reasoning',
    answered,
  ],
  ['Groq, of a field that is not there', says("property 'annotations' is unsupported"), null, answered],

  // What a request cannot do without, or what is wrong in itself.
  ['Ollama: kenlasko/monize pull request 405', says('"gemma:2b" does not support tools'), null],
  ['Mistral: partITech/php-mistral issue 76', says('tools: Extra inputs are not permitted'), null],
  [
    'Cerebras: egoist/chatwise-releases issue 1442',
    says("property 'messages.1.assistant.reasoning_content' is unsupported"),
    null,
  ],
  [
    'Gemini: musistudio/claude-code-router issue 187',
    says(
      'Invalid JSON payload received. Unknown name "additionalProperties" at \'tools[0].function_declarations[34].parameters\': Cannot find field.',
    ),
    null,
  ],
  ['Anthropic, of a tool', says('tools.3.custom.metadata: Extra inputs are not permitted'), null],
  [
    'Anthropic: anthropics/claude-code issue 4378',
    says('messages.65.content.1.tool_use.text: Extra inputs are not permitted'),
    null,
  ],
  [
    'OpenAI',
    says(
      "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 5 instead.",
      'decimal_above_max_value',
      'temperature',
    ),
    null,
  ],
  [
    'OpenAI',
    says(
      "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
      'unsupported_value',
      'messages[0].role',
    ),
    null,
  ],
  [
    'OpenAI',
    says("Unsupported parameter: 'stop' is not supported with this model.", 'unsupported_parameter', 'stop'),
    null,
  ],
  [
    'OpenAI',
    says("Unsupported parameter: 'text.format' is not supported.", 'unsupported_parameter', 'text.format'),
    null,
  ],
];

describe('a refused parameter', () => {
  it.each(wordings)('%s', (_source, error, parameter, sent = everything) => {
    expect(refusedParameter(400, error, sent)).toBe(parameter);
    expect(refusedParameter(422, error, Buffer.from(sent))).toBe(parameter);
  });

  it('may be something that a codec has another way to do', () => {
    const stop = says(
      "Unsupported parameter: 'stop' is not supported with this model.",
      'unsupported_parameter',
      'stop',
    );
    expect(refusedParameter(400, stop, everything, true)).toBe('stop');
    const marked = '{"input":[{"content":[{"text":"x","prompt_cache_breakpoint":{}}]}]}';
    const mark = says("Unknown parameter: 'input[0].content[0].prompt_cache_breakpoint'.", 'unknown_parameter');
    expect(refusedParameter(400, mark, marked, true)).toBe('prompt_cache_breakpoint');
    expect(refusedParameter(400, mark, marked)).toBeNull();
    expect(refusedParameter(400, mark, '{"input":"\\"prompt_cache_breakpoint\\":"}', true)).toBeNull();
    const old = says('messages.0.content.1.cache_control: Extra inputs are not permitted');
    expect(refusedParameter(400, old, '{"messages":[{"content":[{"cache_control":{}}]}]}', true)).toBe('cache_control');
  });

  it('may be called anything by a provider', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'max_tokens.x'])
      expect(
        refusedParameter(400, says(`Unsupported parameter: '${name}'`), '{"constructor":1,"toString":2}'),
      ).toBeNull();
  });

  it('is one that was sent, at the top of the body', () => {
    const error = says('`temperature` is deprecated for this model.');
    expect(refusedParameter(400, error, '{"model":"temperature","messages":[{"temperature":1}]}')).toBeNull();
    expect(refusedParameter(400, error, 'no JSON')).toBeNull();
  });

  it.each([401, 404, 429, 500])('is none where the status is %i', (status) => {
    expect(refusedParameter(status, says("Unsupported parameter: 'top_k'"), everything)).toBeNull();
  });

  it('is found in the envelope in which Mistral sends it', () => {
    const body =
      '{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":32000}]},"type":"invalid_request_error","param":null,"code":null}';
    expect(refusedParameter(422, openaiChatCodec.decodeError(body), everything)).toBe('max_completion_tokens');
  });
});

const without = (body: string, ...refused: string[]): string => withoutRefused(body, new Set(refused)).toString();

describe('a body without what is refused', () => {
  it('keeps every other byte', () => {
    const body = ' { "model" : "m", "temperature":1.50 ,\n"messages":[{"temperature":"x}"}],"top_p":1 }\n';
    expect(without(body, 'temperature')).toBe(' { "model" : "m", "messages":[{"temperature":"x}"}],"top_p":1 }\n');
    expect(without(body, 'top_p')).toBe(
      ' { "model" : "m", "temperature":1.50 ,\n"messages":[{"temperature":"x}"}] }\n',
    );
    expect(without(body, 'seed')).toBe(body);
  });

  it('loses a field of every message', () => {
    const body =
      '{ "messages" : [ {"role":"user","content":"[{"}, {"reasoning_content":"a","role":"assistant","n":1.0} ,\n{"x":{"reasoning_content":1},"reasoning_content":"b"}], "reasoning_content":2}';
    expect(without(body, 'messages.reasoning_content')).toBe(
      '{ "messages" : [ {"role":"user","content":"[{"}, {"role":"assistant","n":1.0} ,\n{"x":{"reasoning_content":1}}], "reasoning_content":2}',
    );
    for (const other of ['{"messages":[]}', '{"messages":"x"}', '{"input":[{"refusal":1}]}', '{"messages":[1]}'])
      expect(without(other, 'messages.refusal')).toBe(other);
  });

  it('loses a field inside another', () => {
    expect(without('{"reasoning":{"effort":"low","summary":"auto"},"x":1}', 'reasoning.summary')).toBe(
      '{"reasoning":{"effort":"low"},"x":1}',
    );
    expect(without('{"reasoning":{"effort":"low"}}', 'reasoning.effort')).toBe('{"reasoning":{}}');
    expect(without('{"reasoning":null}', 'reasoning.effort')).toBe('{"reasoning":null}');
  });

  it('says a limit by its other name, once', () => {
    expect(without('{"max_tokens":5,"a":1}', 'max_tokens')).toBe('{"max_completion_tokens":5,"a":1}');
    expect(without('{"max_completion_tokens":5}', 'max_completion_tokens')).toBe('{"max_tokens":5}');
    expect(without('{"max_tokens":5,"max_completion_tokens":6}', 'max_tokens')).toBe('{"max_completion_tokens":6}');
    expect(without('{"max_tokens":5}', 'max_tokens', 'max_completion_tokens')).toBe('{"max_tokens":5}');
  });

  it('keeps what codecs see to', () => {
    expect(without('{"stop":["x"],"cache_control":{}}', 'stop', 'cache_control')).toBe(
      '{"stop":["x"],"cache_control":{}}',
    );
  });

  it('is what a parser would make of it, whatever the body', () => {
    const field: fc.Arbitrary<string> = fc.constantFrom('temperature', 'top_p', 'user', 'a"b', 'x');
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), fc.uniqueArray(field), fc.nat(3), (body, refused, indent) => {
        const kept = Object.fromEntries(Object.entries(body).filter(([name]) => !refused.includes(name)));
        expect(JSON.parse(without(JSON.stringify(body, null, indent), ...refused))).toEqual(
          JSON.parse(JSON.stringify(kept)),
        );
      }),
    );
  });
});
