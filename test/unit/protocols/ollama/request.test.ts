import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentBlock, Message, MessagesRequest, Tool } from '../../../../src-main/protocols/canonical.ts';
import type { EncodeTarget, Quirks } from '../../../../src-main/protocols/codec.ts';
import { unknownModel } from '../../../../src-main/protocols/codec.ts';
import { ollamaCodec } from '../../../../src-main/protocols/ollama/codec.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { encodeToolName } from '../../../../src-main/protocols/tool-names.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

type Changes = Partial<Omit<EncodeTarget, 'quirks'>> & { quirks?: Partial<Quirks> };

const user = (content: string | ContentBlock[]): Message => ({ role: 'user', content });
const assistant = (content: string | ContentBlock[]): Message => ({ role: 'assistant', content });
const system = (content: string | ContentBlock[]): Message => ({ role: 'system', content });
const text = (value: string): ContentBlock => ({ type: 'text', text: value });
const use = (id: string, name = 'Bash', input: unknown = {}): ContentBlock => ({ type: 'tool_use', id, name, input });
const result = (id: string, content?: string | ContentBlock[], is_error?: boolean): ContentBlock => ({
  type: 'tool_result',
  tool_use_id: id,
  ...(content === undefined ? {} : { content }),
  ...(is_error === undefined ? {} : { is_error }),
});
const png: ContentBlock = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } };
const call = (id: string, name = 'Bash', input: unknown = {}) => ({ id, function: { name, arguments: input } });

function encode(fields: Partial<MessagesRequest>, changes: Changes = {}) {
  const request: MessagesRequest = { model: 'asked', messages: [user('hi')], ...fields };
  const { body, toolNames, warnings } = ollamaCodec.encodeRequest(
    request,
    encodeTarget({ model: 'qwen3:8b', ...changes }),
  );
  return { body: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>, toolNames, warnings };
}

const messagesOf = (messages: Message[], changes?: Changes) => encode({ messages }, changes).body.messages;

describe('the request', () => {
  it('says nothing it need not, and lets Ollama drop nothing silently', () => {
    expect(encode({}).body).toEqual({
      model: 'qwen3:8b',
      messages: [{ role: 'user', content: 'hi' }],
      stream: false,
      truncate: false,
      shift: false,
    });
    expect(encode({ stream: true }).body.stream).toBe(true);
  });

  it('says how long to keep the model, where that is known', () => {
    expect(encode({}, { keepAliveMs: 90_500 }).body.keep_alive).toBe('90500ms');
    expect(encode({}, { keepAliveMs: 0 }).body.keep_alive).toBe('0ms');
    expect(encode({}, { keepAliveMs: -1 }).body.keep_alive).toBe(-1);
  });

  it('names the parameters as the model options', () => {
    const { body, warnings } = encode({
      max_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop_sequences: ['A', 'B', 'C', 'D', 'E'],
      openai: { chat: { seed: 7, presence_penalty: 0.1, frequency_penalty: 0.2 } },
    });
    expect(body.options).toEqual({
      num_predict: 100,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop: ['A', 'B', 'C', 'D', 'E'],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
    });
    expect(warnings).toEqual([]);
    expect(encode({ stop_sequences: [] }).body.options).toBeUndefined();
    expect(encode({ max_tokens: 0 }).body.options).toEqual({ num_predict: 1 });
  });

  it('keeps to what the model can write, and leaves out what it has refused', () => {
    const facts = { ...unknownModel, maxOutput: 4000 };
    expect(encode({ max_tokens: 32_000 }, { facts }).body.options).toEqual({ num_predict: 4000 });
    const refused = new Set(['options.top_k', 'think']);
    expect(encode({ top_k: 1, temperature: 1, thinking: { type: 'adaptive' } }, { refused }).body).toMatchObject({
      options: { temperature: 1 },
    });
    expect(encode({ thinking: { type: 'adaptive' } }, { refused }).body).not.toHaveProperty('think');
  });

  it('asks for logprobs where the client does, and says what has no counterpart', () => {
    const { body, warnings } = encode({
      openai: {
        chat: { logprobs: true, top_logprobs: 2, n: 3, logit_bias: { 1: 2 } },
        responses: { truncation: 'auto' },
        verbosity: 'low',
      },
    });
    expect(body).toMatchObject({ logprobs: true, top_logprobs: 2 });
    expect(warnings).toEqual([
      'n has no counterpart and was left out.',
      'logit_bias has no counterpart and was left out.',
      'truncation has no counterpart and was left out.',
      'verbosity has no counterpart and was left out.',
    ]);
    expect(encode({ openai: { chat: { logprobs: false, n: 1, logit_bias: null } } }).warnings).toEqual([]);
  });

  it('asks for JSON as the schema, or as "json"', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
    expect(encode({ output_config: { format: { type: 'json_schema', schema } } }).body.format).toEqual(schema);
    expect(encode({ openai: { format: { type: 'json_object' } } }).body.format).toBe('json');
    expect(encode({ openai: { format: { type: 'json_schema', name: 'x', schema } } }).body.format).toEqual(schema);
    expect(encode({ openai: { format: { type: 'json_schema', name: 'x' } } }).body.format).toBe('json');
  });
});

describe('the window', () => {
  const size = (estimatedInputTokens: number, max_tokens: number | undefined, changes: Changes = {}) => {
    const fields = max_tokens === undefined ? {} : { max_tokens };
    const { options } = encode(fields, { window: 16_384, estimatedInputTokens, ...changes }).body;
    return (options as { num_ctx?: number } | undefined)?.num_ctx;
  };

  it('is left to the server where none is configured', () => {
    expect(size(100_000, 1000, { window: null })).toBeUndefined();
  });

  it('is always the configured one, since Ollama loads a model anew for another', () => {
    for (const tokens of [1, 8192, 500_000]) expect(size(tokens, 32_000)).toBe(16_384);
  });

  it('is not sent where the server has refused it', () => {
    expect(size(10, 10, { refused: new Set(['options.num_ctx']) })).toBeUndefined();
  });
});

describe('thinking', () => {
  const think = (fields: Partial<MessagesRequest>, changes: Changes = {}) => encode(fields, changes).body.think;
  const reasoner = { facts: { ...unknownModel, reasoning: true } };
  const none = { facts: { ...unknownModel, reasoning: false } };
  const gptOss = { model: 'gpt-oss:20b' };

  it('is on or off, as the request wants it', () => {
    expect(think({ thinking: { type: 'adaptive' } })).toBe(true);
    expect(think({ thinking: { type: 'enabled', budget_tokens: 2000 } })).toBe(true);
    expect(think({ output_config: { effort: 'low' } })).toBe(true);
    expect(think({ thinking: { type: 'disabled' } })).toBe(false);
    expect(think({ openai: { effort: 'none' } })).toBe(false);
  });

  it('is left to the model where the request does not say, but for models that are known to think', () => {
    expect(think({})).toBeUndefined();
    expect(think({}, reasoner)).toBe(true);
    expect(think({ thinking: { type: 'adaptive' } }, none)).toBeUndefined();
  });

  it('has levels for gpt-oss alone, which cannot be kept from it', () => {
    expect(think({ output_config: { effort: 'low' } }, gptOss)).toBe('low');
    expect(think({ openai: { effort: 'minimal' } }, gptOss)).toBe('low');
    expect(think({ output_config: { effort: 'medium' } }, gptOss)).toBe('medium');
    expect(think({ output_config: { effort: 'max' } }, gptOss)).toBe('high');
    expect(think({ thinking: { type: 'disabled' } }, gptOss)).toBe('low');
    expect(think({ thinking: { type: 'adaptive' } }, gptOss)).toBeUndefined();
  });

  const thought = (thinking: string, signature: string): ContentBlock => ({ type: 'thinking', thinking, signature });
  const sign = (provider: string, model: string, dialect: 'ollama' | 'openai-chat' = 'ollama') =>
    packState({ dialect, provider, model, data: null });

  it('of this model is given back', () => {
    const own = sign('upstream', 'qwen3:8b');
    const turn = assistant([thought('a', own), text('b'), thought('c', own), use('1')]);
    expect(messagesOf([user('x'), turn, user([result('1', 'ok')])])).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'b', thinking: 'a\n\nc', tool_calls: [call('1')] },
      { role: 'tool' },
    ]);
  });

  it.each([
    ['another model', sign('upstream', 'llama3')],
    ['another provider', sign('elsewhere', 'qwen3:8b')],
    ['another dialect', sign('upstream', 'qwen3:8b', 'openai-chat')],
    ['Anthropic', 'EqQBCkYIBRgCKkDm'],
    ['nobody knows whom', ''],
  ])('of %s is not', (_, signature) => {
    const turn = assistant([thought('a', signature), { type: 'redacted_thinking', data: 'x' }, text('b')]);
    expect(messagesOf([user('x'), turn, user('y')])).toEqual([
      { role: 'user', content: 'x' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'y' },
    ]);
  });
});

describe('messages', () => {
  it('begin with the system prompt, without the billing block and cache marks', () => {
    const blocks = [
      { type: 'text' as const, text: 'x-anthropic-billing-header: cc_version=1;' },
      { type: 'text' as const, text: 'A', cache_control: { type: 'ephemeral' as const } },
      { type: 'text' as const, text: 'B' },
    ];
    expect(encode({ system: blocks }).body.messages).toEqual([
      { role: 'system', content: 'A\n\nB' },
      { role: 'user', content: 'hi' },
    ]);
    expect(encode({ system: '' }).body.messages).toEqual([{ role: 'user', content: 'hi' }]);
  });

  it('of the system in the middle stay where the server takes them, and are reminders elsewhere', () => {
    const turns = [user('a'), system([text('S')]), assistant('b'), user('c')];
    expect(messagesOf(turns, { quirks: { takesSystemAnywhere: true } })).toEqual([
      { role: 'user', content: 'a' },
      { role: 'system', content: 'S' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]);
    expect(messagesOf(turns)).toEqual([
      { role: 'user', content: 'a\n\n<system-reminder>\nS\n</system-reminder>' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]);
  });

  it('that follow each other in one turn are one, and empty ones are left out', () => {
    expect(messagesOf([user([text('a'), text(''), text('b')]), user(''), user('c'), assistant(''), user([])])).toEqual([
      { role: 'user', content: 'a\n\nb\n\nc' },
    ]);
  });

  it('carry images as base64 beside the text', () => {
    expect(messagesOf([user([text('see'), png, text('this')])])).toEqual([
      { role: 'user', content: 'see\n\nthis', images: ['iVBO'] },
    ]);
    expect(messagesOf([user([png])])).toEqual([{ role: 'user', content: '', images: ['iVBO'] }]);
  });

  it('say what images they cannot carry', () => {
    const url: ContentBlock = { type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } };
    const file: ContentBlock = { type: 'image', source: { type: 'file', file_id: 'f' } };
    const { body, warnings } = encode({ messages: [user([url, file])] });
    expect(body.messages).toEqual([
      { role: 'user', content: '[image at https://x.test/a.png]\n\n[image not available]' },
    ]);
    expect(warnings).toHaveLength(2);
    const blind = encode({ messages: [user([png])] }, { facts: { ...unknownModel, images: false } });
    expect(blind.body.messages).toEqual([{ role: 'user', content: '[image not available]' }]);
    expect(blind.warnings).toEqual(['The model cannot see images; they were left out.']);
  });

  it('turn documents, search results and tool references into text', () => {
    const document = (source: Extract<ContentBlock, { type: 'document' }>['source']): ContentBlock => ({
      type: 'document',
      title: 'T',
      source,
    });
    const { body, warnings } = encode({
      messages: [
        user([
          document({ type: 'text', media_type: 'text/plain', data: 'plain' }),
          document({ type: 'content', content: [text('inside'), png] }),
          document({ type: 'url', url: 'https://x.test/a.pdf' }),
          document({ type: 'base64', media_type: 'application/pdf', data: 'JVBE' }),
          document({ type: 'file', file_id: 'f' }),
          { type: 'search_result', source: 'S', title: 'R', content: [{ type: 'text', text: 'found' }] },
          { type: 'tool_reference', tool_name: 'Grep' },
        ]),
      ],
    });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          'T\n\nplain',
          'T\n\ninside',
          'T\n\n[document at https://x.test/a.pdf]',
          'T\n\n[document not available]',
          'T\n\n[document not available]',
          'R\nS\n\nfound',
          'Tool Grep is available now.',
        ].join('\n\n'),
        images: ['iVBO'],
      },
    ]);
    expect(warnings).toHaveLength(3);
  });

  it('end with the beginning of the answer where the conversation does: Ollama goes on with it', () => {
    expect(messagesOf([user('a'), assistant('{"x":')])).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '{"x":' },
    ]);
  });

  it('tell of tools that ran elsewhere as text, and say what has no counterpart', () => {
    const past = { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } } as ContentBlock;
    const strange = { type: 'novel' } as unknown as ContentBlock;
    const { body, warnings } = encode({ messages: [user([strange, text('a')]), assistant([past]), user('b')] });
    expect(body.messages).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '[called web_search: {"query":"q"}]' },
      { role: 'user', content: 'b' },
    ]);
    expect(warnings).toEqual(["A content block of type 'novel' has no counterpart and was left out."]);
  });
});

describe('tool calls and results', () => {
  it('are objects, each with one result, in the order of the calls', () => {
    const turns = [
      user('a'),
      assistant([text('ok'), use('1', 'Read', { path: 'x' }), use('2', 'Bash', { command: 'ls' })]),
      user([result('2', 'two'), text('and'), result('1', [text('one')])]),
    ];
    expect(messagesOf(turns)).toEqual([
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        content: 'ok',
        tool_calls: [call('1', 'Read', { path: 'x' }), call('2', 'Bash', { command: 'ls' })],
      },
      { role: 'tool', content: 'one', tool_name: 'Read', tool_call_id: '1' },
      { role: 'tool', content: 'two', tool_name: 'Bash', tool_call_id: '2' },
      { role: 'user', content: 'and' },
    ]);
  });

  it('say what failed, what is empty and what is missing, and carry images', () => {
    const turns = [
      user('a'),
      assistant([use('1'), use('2'), use('3'), use('4')]),
      user([result('1', 'no', true), result('2'), result('4', [png])]),
    ];
    expect(messagesOf(turns)).toMatchObject([
      {},
      {},
      { content: 'Error: no' },
      { content: '(no output)' },
      { content: '[no result]' },
      { content: '[image]', images: ['iVBO'] },
    ]);
  });

  it('have objects for arguments, whatever was kept', () => {
    const turns = [user('a'), assistant([use('1', 'A', null), use('2', 'A', 'ls'), use('3', 'A', undefined)])];
    expect(messagesOf(turns)).toMatchObject([
      {},
      { tool_calls: [call('1', 'A', {}), call('2', 'A', { _raw: 'ls' }), call('3', 'A', {})] },
      {},
      {},
      {},
    ]);
  });

  it('keep their ids, packed ones as the server made them', () => {
    const id = `call_${'x'.repeat(100)}`;
    const turns = [
      user('a'),
      assistant([use(id), use('id64_YTpi')]),
      user([result(id, 'r'), result('id64_YTpi', 's')]),
    ];
    expect(messagesOf(turns)).toMatchObject([
      {},
      { tool_calls: [{ id }, { id: 'a:b' }] },
      { tool_call_id: id },
      { tool_call_id: 'a:b' },
    ]);
  });
});

describe('tools', () => {
  const bash: Tool = { name: 'Bash', description: 'Runs', input_schema: { type: 'object', properties: {} } };
  const read: Tool = { name: 'Read', input_schema: { properties: { path: { type: 'string' } } } };
  const search: Tool = { type: 'web_search_20250305', name: 'web_search' };
  it('are functions', () => {
    expect(encode({ tools: [bash, read] }).body.tools).toEqual([
      {
        type: 'function',
        function: { name: 'Bash', description: 'Runs', parameters: { type: 'object', properties: {} } },
      },
      {
        type: 'function',
        function: { name: 'Read', parameters: { type: 'object', properties: { path: { type: 'string' } } } },
      },
    ]);
    expect(encode({ tools: [] }).body).not.toHaveProperty('tools');
  });

  it('are the same from a frozen list, whose translation is kept, for each kind of schema', () => {
    const date = { name: 'D', input_schema: { type: 'object', properties: { at: { type: 'string', format: 'uri' } } } };
    const frozen = Object.freeze([date]) as unknown as Tool[];
    for (const toolSchema of ['full', 'grammar', 'full', 'grammar'] as const) {
      const changes = { quirks: { toolSchema } };
      expect(encode({ tools: frozen }, changes).body.tools).toEqual(encode({ tools: [date] }, changes).body.tools);
    }
  });

  it('have short names, which are known again', () => {
    const name = 'mcp__'.padEnd(80, 'x');
    const { body, toolNames } = encode({
      tools: [{ ...bash, name }],
      messages: [user('a'), assistant([use('1', name)])],
    });
    const sent = encodeToolName(name);
    expect(body.tools).toMatchObject([{ function: { name: sent } }]);
    expect(body.messages).toMatchObject([{}, { tool_calls: [{ function: { name: sent } }] }, { tool_name: sent }]);
    expect([...toolNames]).toEqual([[sent, name]]);
  });

  it('that run at Anthropic are left out, and missed where nothing else is offered', () => {
    const { body, warnings } = encode({ tools: [bash, search] });
    expect(body.tools).toHaveLength(1);
    expect(warnings).toEqual(["Tool 'web_search' runs at the servers of another vendor and was left out."]);
    expect(() => encode({ tools: [search] })).toThrow("has no counterpart for 'web_search'");
    expect(encode({ tools: [search], tool_choice: { type: 'none' } }).body).not.toHaveProperty('tools');
  });

  it('are not sent where none may be called, and only those that may', () => {
    expect(encode({ tools: [bash], tool_choice: { type: 'none' } }).body).not.toHaveProperty('tools');
    const { body } = encode({
      tools: [bash, read],
      openai: { allowedTools: { mode: 'auto', names: ['Read'] } },
    });
    expect(body.tools).toMatchObject([{ function: { name: 'Read' } }]);
  });

  it.each<[string, Partial<MessagesRequest>, string]>([
    ['any', { tool_choice: { type: 'any' } }, 'Your answer must be a call of one or more of the tools.'],
    ['one', { tool_choice: { type: 'tool', name: 'Bash' } }, 'Your answer must be a call of the tool Bash.'],
    [
      'some',
      { openai: { allowedTools: { mode: 'required', names: ['Bash'] } } },
      'Your answer must be a call of one or more of the tools.',
    ],
  ])('that must be called (%s) are asked for in the system prompt', (_, fields, wanted) => {
    const { body, warnings } = encode({ system: 'S', tools: [bash], ...fields });
    expect(body.messages).toEqual([
      { role: 'system', content: `S\n\n${wanted}` },
      { role: 'user', content: 'hi' },
    ]);
    expect(warnings).toEqual(['Ollama cannot be made to call a tool; the system prompt asks for it.']);
  });

  it('may be called several at once, whatever the request wants', () => {
    const warning = 'Ollama cannot be kept from calling several tools at once.';
    const choice = { type: 'auto' as const, disable_parallel_tool_use: true };
    expect(encode({ tools: [bash], tool_choice: choice }).warnings).toEqual([warning]);
    expect(encode({ tools: [bash], openai: { parallelToolCalls: false } }).warnings).toEqual([warning]);
  });
});

describe('any conversation', () => {
  const block: fc.Arbitrary<ContentBlock> = fc.oneof(
    fc.string({ maxLength: 5 }).map(text),
    fc.constant(png),
    fc.record({ id: fc.constantFrom('a', 'b', 'c') }).map(({ id }) => use(id)),
    fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd') }).map(({ id }) => result(id, 'r')),
    fc.constantFrom<ContentBlock>(
      {
        type: 'thinking',
        thinking: 't',
        signature: packState({ dialect: 'ollama', provider: 'upstream', model: 'qwen3:8b', data: null }),
      },
      { type: 'redacted_thinking', data: 'x' },
    ),
  );
  const message: fc.Arbitrary<Message> = fc.record({
    role: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const),
    content: fc.oneof(fc.string({ maxLength: 5 }), fc.array(block, { maxLength: 4 })),
  });
  type Sent = { role: string; tool_calls?: { id: string }[]; tool_call_id?: string };
  const sent = (messages: Message[], takesSystemAnywhere: boolean): Sent[] =>
    messagesOf(messages, { quirks: { takesSystemAnywhere } }) as Sent[];

  it('has one result for each call, right after it and in its order, and no other', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.boolean(), (messages, anywhere) => {
        const encoded = sent(messages, anywhere);
        let open: string[] = [];
        for (const { role, tool_calls, tool_call_id } of encoded) {
          if (role === 'tool') expect(open.shift()).toBe(tool_call_id);
          else expect(open).toEqual([]);
          if (role === 'assistant') open = (tool_calls ?? []).map(({ id }) => id);
        }
        expect(open).toEqual([]);
      }),
    );
  });

  it('keeps what was sent when it grows, turn by turn', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(message, { maxLength: 4 }),
        fc.boolean(),
        (before, after, anywhere) => {
          const whole: Message[] = [...before, user('u'), assistant('x')];
          const grown = sent([...whole, user('y'), ...after], anywhere);
          const encoded = sent(whole, anywhere);
          expect(encoded.at(-1)).toEqual({ role: 'assistant', content: 'x' });
          expect(grown.slice(0, encoded.length)).toEqual(encoded);
        },
      ),
    );
  });

  it('gives the same bytes each time', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const bytes = () => Buffer.from(ollamaCodec.encodeRequest({ model: 'm', messages }, encodeTarget()).body);
        expect(bytes().equals(bytes())).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
