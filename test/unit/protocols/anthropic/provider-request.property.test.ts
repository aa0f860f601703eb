import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRequest } from '../../../../src-main/protocols/anthropic/provider-request.ts';
import type { ContentBlock, Message, MessagesRequest, Tool } from '../../../../src-main/protocols/canonical.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';
import { refusals, strictModels } from '../../../helpers/strict-anthropic.ts';

/** Everything a client or a middleware might get wrong, in one request. */

const mark = fc.constantFrom(
  undefined,
  undefined,
  { type: 'ephemeral' as const },
  { type: 'ephemeral' as const, ttl: '1h' as const },
);
const marked = <Block extends object>(block: fc.Arbitrary<Block>) =>
  fc.tuple(block, mark).map(([given, cache_control]) => (cache_control ? { ...given, cache_control } : given));
const words = fc.oneof(fc.constantFrom('', ' ', '\n\t', 'Hello', 'Grüße 😀 ', '<b>'), fc.string());
const id = fc.oneof(
  fc.constantFrom('a', 'b', 'call_0', 'functions.Bash:0', '', 'x|y', 'Ü'),
  fc.string({ maxLength: 5 }),
);
const toolName = fc.constantFrom(
  'Bash',
  'read file',
  'mcp__server__a_tool_with_a_name_that_is_longer_than_the_sixty_four_characters_allowed',
  'grep',
);
const foreign = packState({ dialect: 'openai-responses', provider: 'openai', model: 'gpt', data: { id: 'rs_1' } });
const signature = fc.constantFrom('', foreign, 'EqQBCgIYAhIM', foreign.slice(0, 12));

const text = marked(fc.record({ type: fc.constant('text'), text: words })).map((block) => ({
  ...block,
  openai: { phase: 'x' },
}));
const image = marked(
  fc.record({
    type: fc.constant('image'),
    source: fc.constantFrom(
      { type: 'base64', media_type: 'image/png', data: 'aGk=' },
      { type: 'base64', media_type: 'image/bmp', data: 'aGk=' },
      { type: 'url', url: 'https://example.com/a.png' },
      { type: 'file', file_id: 'file-openai' },
    ),
    openai: fc.constant({ detail: 'high' }),
  }),
);
const document = fc.record({
  type: fc.constant('document'),
  source: fc.constantFrom(
    { type: 'base64', media_type: 'application/pdf', data: 'aGk=' },
    { type: 'base64', media_type: 'text/csv', data: 'aGk=' },
    { type: 'text', media_type: 'text/plain', data: ' ' },
    { type: 'text', media_type: 'text/plain', data: 'A text' },
    {
      type: 'content',
      content: [
        { type: 'text', text: '' },
        { type: 'thinking', thinking: 'x', signature: '' },
      ],
    },
    { type: 'file', file_id: 'file-1' },
  ),
  title: fc.constantFrom(undefined, null, 'Title'),
});
const searchResult = fc.record({
  type: fc.constant('search_result'),
  source: fc.constant('https://example.com'),
  title: words,
  content: fc.array(text, { maxLength: 2 }),
});
const thinking = fc.record({ type: fc.constant('thinking'), thinking: words, signature });
const redacted = fc.record({ type: fc.constant('redacted_thinking'), data: signature });
const toolUse = marked(
  fc.record({
    type: fc.constant('tool_use'),
    id,
    name: toolName,
    input: fc.constantFrom<unknown>({ command: 'ls' }, {}, null, 'text', [1], undefined),
  }),
).map((block) => ({ ...block, openai: { custom: true } }));
const reference = fc.record({ type: fc.constant('tool_reference'), tool_name: toolName });
const odd = fc.constantFrom(
  { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
  { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
  { type: 'compaction', content: 'x' },
);
const toolResult = marked(
  fc.record({
    type: fc.constant('tool_result'),
    tool_use_id: id,
    content: fc.oneof(
      fc.constant(undefined),
      words,
      fc.array(fc.oneof(text, image, document, reference, thinking), { maxLength: 3 }),
    ),
    is_error: fc.constantFrom(undefined, true, false),
  }),
);
const anyBlock = fc.oneof(text, image, document, searchResult, thinking, redacted, toolUse, toolResult, reference, odd);
const message = fc.record({
  role: fc.constantFrom('user', 'assistant', 'system'),
  content: fc.oneof(words, fc.array(anyBlock, { maxLength: 5 })),
}) as unknown as fc.Arbitrary<Message>;

/** A call and its answer, as they should be, so that properties do not only see what is broken. */
const exchange = fc.tuple(id, toolName, fc.boolean()).map(([tool_use_id, name, thinks]): Message[] => [
  {
    role: 'assistant',
    content: [
      ...(thinks ? [{ type: 'thinking', thinking: 'Hm', signature: 'EqQBCgIYAhIM' }] : []),
      { type: 'tool_use', id: tool_use_id, name, input: {} },
    ] as ContentBlock[],
  },
  { role: 'user', content: [{ type: 'tool_result', tool_use_id, content: 'done' }] },
]);
const messages = fc
  .array(
    fc.oneof(
      message.map((one) => [one]),
      exchange,
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => parts.flat());

const tool: fc.Arbitrary<Tool> = fc.oneof(
  fc.record({
    name: toolName,
    description: fc.constantFrom('', 'Does it'),
    input_schema: fc.constantFrom<Record<string, unknown>>(
      { type: 'object', properties: { command: { type: 'string' } } },
      { type: 'object', properties: { $filter: { type: 'string' } }, required: ['$filter'] },
      { anyOf: [{ type: 'object', properties: { a: {} } }] },
      {},
    ),
    openai: fc.constant({ strict: true }),
  }),
  fc.constantFrom<Tool>(
    { name: 'web_search', type: 'web_search_20250305' },
    { name: 'shell', type: 'openai_builtin', openai: { builtin: { type: 'local_shell' } } },
    {
      name: 'search',
      type: 'openai_builtin',
      openai: { builtin: { type: 'web_search', filters: { allowed_domains: ['a.b'] } } },
    },
    {
      name: 'patch',
      input_schema: { type: 'object', properties: { input: { type: 'string' } } },
      openai: { custom: {} },
    },
  ),
);
const closed = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
const schema = fc.constantFrom<Record<string, unknown>>(
  closed,
  { type: 'object', properties: { a: { type: 'integer', minimum: 1 } } },
  {
    ...closed,
    $defs: { Node: { ...closed, properties: { a: { $ref: '#/$defs/Node' } } } },
    properties: { a: { $ref: '#/$defs/Node' } },
  },
);

const request: fc.Arbitrary<MessagesRequest> = fc.record(
  {
    model: fc.constant('asked'),
    messages,
    max_tokens: fc.constantFrom(1, 100, 1500, 4096, 64_000),
    system: fc.oneof(words, fc.array(text, { maxLength: 3 })) as unknown as fc.Arbitrary<string>,
    tools: fc
      .array(tool, { minLength: 1, maxLength: 4 })
      .map((tools) => [{ name: 'ask', input_schema: { type: 'object' } }, ...tools]),
    tool_choice: fc.constantFrom<NonNullable<MessagesRequest['tool_choice']>>(
      { type: 'auto' },
      { type: 'any' },
      { type: 'none' },
      { type: 'tool', name: 'ask', disable_parallel_tool_use: true },
      { type: 'tool', name: 'nobody' },
    ),
    stop_sequences: fc.array(words, { maxLength: 3 }),
    stream: fc.boolean(),
    temperature: fc.constantFrom(0, 0.5, 1, 1.7),
    top_p: fc.constantFrom(0.5, 1),
    top_k: fc.constant(5),
    thinking: fc.constantFrom<NonNullable<MessagesRequest['thinking']>>(
      { type: 'enabled', budget_tokens: 2000 },
      { type: 'adaptive', display: 'omitted' },
      { type: 'disabled' },
      { type: 'between_tools' },
    ),
    output_config: fc.record({ effort: fc.constantFrom('low', 'high', 'xhigh', 'max') }) as fc.Arbitrary<
      NonNullable<MessagesRequest['output_config']>
    >,
    metadata: fc.record({ user_id: fc.constantFrom('', 'u', 'u'.repeat(300)) }),
    service_tier: fc.constantFrom('auto', 'flex', 'priority', 'default'),
    cache_control: fc.constantFrom({ type: 'ephemeral' as const }, { type: 'ephemeral' as const, ttl: '1h' as const }),
    openai: fc.record(
      {
        effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max', 'huge'),
        summary: fc.constantFrom('auto', 'none'),
        verbosity: fc.constantFrom('low', 'medium'),
        parallelToolCalls: fc.boolean(),
        allowedTools: fc.constant({ mode: 'auto' as const, names: ['ask', 'nobody'] }),
        format: fc.oneof(
          fc.constant({ type: 'json_object' as const }),
          schema.map((given) => ({ type: 'json_schema' as const, name: 'x', schema: given })),
        ),
        chat: fc.constantFrom({ seed: 1, n: 2, logit_bias: { 1: 2 } }, { presence_penalty: 0 }),
        shared: fc.constantFrom({ user: 'me', store: true }, { service_tier: 'default' }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['model', 'messages'] },
);

const official = {
  takesSystemAnywhere: true,
  takesPrefill: true,
  cacheMarks: 'cache_control',
  searchesWeb: true,
} as const;

function encoded(given: MessagesRequest, model: string, quirks: Parameters<typeof encodeTarget>[0]) {
  const { body, headers, ...rest } = encodeRequest(given, encodeTarget({ model, ...quirks }));
  const pairs = headers ?? [];
  const named = Object.fromEntries(
    pairs.flatMap((name, index) => (index % 2 === 0 ? [[name, pairs[index + 1] ?? '']] : [])),
  );
  return { body: JSON.parse(Buffer.from(body).toString()) as { messages: unknown[] }, headers: named, ...rest };
}

describe('any request', () => {
  it('is one that Anthropic takes, whatever the model', () => {
    fc.assert(
      fc.property(request, fc.constantFrom(...strictModels), (given, model) => {
        const { body, headers } = encoded(given, model, { quirks: official });
        expect(refusals(body, { headers })).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it('is one that compatible servers take', () => {
    fc.assert(
      fc.property(request, fc.constantFrom('deepseek-v4', 'qwen3-coder'), (given, model) => {
        const { body, headers } = encoded(given, model, { quirks: { takesEmptySignature: true } });
        expect(refusals(body, { headers, takesEmptySignature: true })).toEqual([]);
        expect(JSON.stringify(body)).not.toContain('cache_control');
      }),
      { numRuns: 500 },
    );
  });

  it('is not changed by being encoded', () => {
    fc.assert(
      fc.property(request, fc.constantFrom(...strictModels), (given, model) => {
        const before = structuredClone(given);
        const first = encoded(given, model, { quirks: official });
        expect(given).toEqual(before);
        expect(encoded(given, model, { quirks: official })).toEqual(first);
      }),
      { numRuns: 200 },
    );
  });
});

it('a conversation that grows keeps what was sent before', () => {
  const more = fc.tuple(messages, exchange).map(([before, [assistant, user]]) => ({ before, assistant, user }));
  fc.assert(
    fc.property(more, fc.constantFrom(...strictModels), ({ before, assistant, user }, model) => {
      // The new turn begins with an answer, as it does in life.
      fc.pre(before.at(-1)?.role === 'user' && before.at(-1)?.content !== '' && Array.isArray(before.at(-1)?.content));
      const asked = { type: 'text' as const, text: 'Go on.' };
      const last = before.at(-1) as Message;
      const first = [...before.slice(0, -1), { ...last, content: [...(last.content as ContentBlock[]), asked] }];
      const grown = [...first, assistant as Message, user as Message];
      const plain = (list: Message[]) =>
        encoded({ model: 'm', messages: list }, model, { quirks: { ...official, cacheMarks: 'none' } }).body.messages;
      const sent = plain(first);
      expect(plain(grown).slice(0, sent.length)).toEqual(sent);
    }),
    { numRuns: 300 },
  );
});
