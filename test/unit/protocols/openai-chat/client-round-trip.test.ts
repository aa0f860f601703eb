import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChatRequest } from '../../../../src-main/protocols/openai-chat/client-request.ts';
import { openaiChatCodec } from '../../../../src-main/protocols/openai-chat/codec.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

type Json = Record<string, unknown>;

/** Through the canonical form to a server that takes all that OpenAI takes. */
function throughCanonical(chat: Json): Json {
  const target = encodeTarget({
    model: 'sent',
    quirks: { isOpenai: true, takesSystemAnywhere: true, maxTokensField: 'max_completion_tokens' },
  });
  const { body, warnings } = openaiChatCodec.encodeRequest(decodeChatRequest(chat), target);
  expect(warnings).toEqual([]);
  return JSON.parse(Buffer.from(body).toString()) as Json;
}

const words = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `w${text}w`);
const image = fc.constantFrom<Json>(
  { url: 'https://x.test/a.png' },
  { url: 'data:image/png;base64,iVBO', detail: 'low' },
);
const userContent = fc.oneof(
  words,
  fc.tuple(words, image).map(([text, image_url]) => [
    { type: 'text', text },
    { type: 'image_url', image_url },
    { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
  ]),
);
const user = userContent.map((content): Json[] => [{ role: 'user', content }]);
const call = fc.oneof(
  fc.dictionary(words, fc.jsonValue()).map(
    (input): Json => ({
      type: 'function',
      function: { name: 'Read', arguments: JSON.stringify(input) },
    }),
  ),
  words.map((input): Json => ({ type: 'custom', custom: { name: 'patch', input } })),
);
const results = fc.tuple(fc.option(words), fc.array(fc.tuple(call, words), { minLength: 1, maxLength: 3 }));
const assistant = fc.oneof(
  words.map((content): Json[] => [{ role: 'assistant', content }]),
  words.map((refusal): Json[] => [{ role: 'assistant', content: null, refusal }]),
  results.map(([content, calls]): Json[] => [
    { role: 'assistant', content, tool_calls: calls.map(([one], index) => ({ id: `call_${index}`, ...one })) },
    ...calls.map(([, text], index) => ({ role: 'tool', tool_call_id: `call_${index}`, content: text })),
  ]),
);
const system = words.map((content): Json => ({ role: 'system', content }));
const conversation = fc
  .tuple(fc.option(system), fc.array(fc.tuple(user, assistant, fc.option(system)), { maxLength: 4 }), user)
  .map(([first, turns, last]) => [
    ...(first === null ? [] : [first]),
    ...turns.flatMap(([asked, answered, between]) => [...asked, ...answered, ...(between === null ? [] : [between])]),
    ...last,
  ]);

const settings = fc.record(
  {
    max_completion_tokens: fc.integer({ min: 1, max: 1000 }),
    temperature: fc.constantFrom(0, 0.5, 2),
    top_p: fc.constantFrom(0, 1),
    stop: fc.constantFrom([['a', '\n']], [['b']]).map(([list]) => list),
    n: fc.constant(2),
    seed: fc.integer(),
    logprobs: fc.boolean(),
    top_logprobs: fc.constant(3),
    presence_penalty: fc.constant(0.5),
    frequency_penalty: fc.constant(-0.5),
    logit_bias: fc.constant({ '50256': -100 }),
    service_tier: fc.constantFrom('auto', 'flex'),
    metadata: fc.constant({ k: 'v' }),
    user: words,
    safety_identifier: words,
    prompt_cache_key: words,
    prompt_cache_options: fc.constant({ mode: 'implicit', ttl: '30m' }),
    store: fc.boolean(),
    verbosity: fc.constantFrom('low', 'high'),
    prediction: fc.constant({ type: 'content', content: 'x' }),
    response_format: fc.constantFrom<Json>(
      { type: 'json_object' },
      { type: 'json_schema', json_schema: { name: 'out', strict: false, schema: { type: 'object', properties: {} } } },
    ),
    something_new: fc.constant({ a: [1] }),
  },
  { requiredKeys: [] },
);

const tools = [
  {
    type: 'function',
    function: {
      name: 'Read',
      description: 'Reads',
      parameters: { type: 'object', properties: { path: { type: 'string' } } },
      strict: true,
    },
  },
  {
    type: 'custom',
    custom: { name: 'patch', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "x"' } } },
  },
];
const choices = fc.constantFrom<Json>(
  {},
  { tool_choice: 'auto' },
  { tool_choice: 'required', parallel_tool_calls: false },
  { tool_choice: 'none' },
  { tool_choice: { type: 'function', function: { name: 'Read' } }, parallel_tool_calls: true },
  { tool_choice: { type: 'custom', custom: { name: 'patch' } } },
  {
    tool_choice: {
      type: 'allowed_tools',
      allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'Read' } }] },
    },
  },
);

describe('Chat Completions through the canonical form and back', () => {
  it('any conversation stays what it was', () => {
    fc.assert(
      fc.property(conversation, (messages) => {
        expect(throughCanonical({ model: 'm', messages, tools }).messages).toEqual(messages);
      }),
    );
  });

  it('every setting stays what it was', () => {
    fc.assert(
      fc.property(settings, choices, (fields, choice) => {
        const chat = { messages: [{ role: 'user', content: 'x' }], tools, ...fields, ...choice };
        expect(throughCanonical({ model: 'm', ...chat })).toMatchObject({ model: 'sent', ...chat });
      }),
    );
  });

  it('a conversation that grows keeps its beginning', () => {
    fc.assert(
      fc.property(conversation, user, (messages, more) => {
        const before = throughCanonical({ model: 'm', messages, tools }).messages as Json[];
        const next = [...messages, { role: 'assistant', content: 'ok' }, ...more];
        const after = throughCanonical({ model: 'm', messages: next, tools }).messages as Json[];
        expect(after.slice(0, before.length)).toEqual(before);
      }),
    );
  });

  it.each([
    [
      'developer messages become system messages, and those at the beginning one',
      [
        { role: 'developer', content: 'A' },
        { role: 'system', content: 'B' },
        { role: 'user', content: 'x' },
      ],
      [
        { role: 'system', content: 'A\n\nB' },
        { role: 'user', content: 'x' },
      ],
    ],
    [
      'consecutive users become one; the name of a participant is lost',
      [
        { role: 'user', name: 'ada', content: 'a' },
        { role: 'user', content: 'b' },
      ],
      [{ role: 'user', content: 'a\n\nb' }],
    ],
    [
      'a function_call becomes a tool call',
      [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: null, function_call: { name: 'now', arguments: '{}' } },
        { role: 'function', name: 'now', content: '12:00' },
        { role: 'user', content: 'y' },
      ],
      [
        { role: 'user', content: 'x' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'function_1', type: 'function', function: { name: 'now', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'function_1', content: '12:00' },
        { role: 'user', content: 'y' },
      ],
    ],
  ])('%s', (_name, messages, expected) => {
    expect(throughCanonical({ model: 'm', messages }).messages).toEqual(expected);
  });
});
