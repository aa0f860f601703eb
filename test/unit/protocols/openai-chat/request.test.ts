import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentBlock, Message, MessagesRequest } from '../../../../src-main/protocols/canonical.ts';
import type { Quirks } from '../../../../src-main/protocols/codec.ts';
import { encodeRequest } from '../../../../src-main/protocols/openai-chat/request.ts';
import { decodeToolId, encodeToolId, encodeToolName } from '../../../../src-main/protocols/tool-names.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

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
const pngPart = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } };

function encode(fields: Partial<MessagesRequest>, overrides: Partial<Quirks> = {}) {
  const request: MessagesRequest = { model: 'asked', messages: [user('hi')], ...fields };
  const target = encodeTarget({ model: 'sent-model', quirks: overrides });
  const { body, toolNames, warnings } = encodeRequest(request, target);
  return { body: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>, toolNames, warnings };
}

const messagesOf = (messages: Message[], overrides?: Partial<Quirks>) =>
  encode({ messages }, overrides).body.messages as unknown[];

describe('the tool that must be called', () => {
  const tools = ['Bash', 'Read'].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }));
  const sent = (overrides: Partial<Quirks>) => {
    const { body } = encode({ tools, tool_choice: { type: 'tool', name: 'Read' } }, overrides);
    const functions = body.tools as { function: { name: string } }[];
    return { names: functions.map((tool) => tool.function.name), choice: body.tool_choice };
  };

  it('is named, or the only one where it cannot be named', () => {
    expect(sent({})).toEqual({
      names: ['Bash', 'Read'],
      choice: { type: 'function', function: { name: 'Read' } },
    });
    expect(sent({ takesNamedTool: false })).toEqual({ names: ['Read'], choice: 'required' });
  });

  it('that is not there is not called for', () => {
    const { body, warnings } = encode(
      { tools, tool_choice: { type: 'tool', name: 'Gone' } },
      { takesNamedTool: false },
    );
    expect(body.tool_choice).toBeUndefined();
    expect(body.tools).toHaveLength(2);
    expect(warnings).toEqual(["tool_choice names 'Gone', which is not among the tools sent, and was left out."]);
  });
});

describe('keeping the model', () => {
  it('is asked for in whole seconds, where its time is known and has an end', () => {
    const ttl = (keepAliveMs: number | null) => {
      const { body } = encodeRequest({ model: 'm', messages: [user('hi')] }, encodeTarget({ keepAliveMs }));
      return (JSON.parse(Buffer.from(body).toString()) as { ttl?: number }).ttl;
    };
    expect([null, -1, 0, 1, 1_500, 3_600_000].map(ttl)).toEqual([undefined, undefined, 1, 1, 2, 3_600]);
  });
});

describe('system', () => {
  it('becomes one message, blocks joined, without cache marks', () => {
    expect(
      encode({
        system: [
          { type: 'text', text: 'A', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: 'B' },
        ],
      }).body.messages,
    ).toEqual([
      { role: 'system', content: 'A\n\nB' },
      { role: 'user', content: 'hi' },
    ]);
    expect(encode({ system: 'S' }).body.messages).toContainEqual({ role: 'system', content: 'S' });
  });

  it("loses Claude Code's billing block, and only as the first", () => {
    const billing = { type: 'text' as const, text: 'x-anthropic-billing-header: cc_version=1;' };
    expect(encode({ system: [billing, { type: 'text', text: 'A' }] }).body.messages).toContainEqual({
      role: 'system',
      content: 'A',
    });
    expect(encode({ system: [billing] }).body.messages).toEqual([{ role: 'user', content: 'hi' }]);
    expect(encode({ system: [{ type: 'text', text: 'A' }, billing] }).body.messages).toContainEqual({
      role: 'system',
      content: `A\n\n${billing.text}`,
    });
  });

  it('is left out where it is empty', () => {
    expect(encode({ system: '' }).body.messages).toEqual([{ role: 'user', content: 'hi' }]);
    expect(encode({ system: [{ type: 'text', text: '' }] }).body.messages).toEqual([{ role: 'user', content: 'hi' }]);
  });

  it('in the middle stays in its place where the server takes it', () => {
    expect(
      messagesOf([user('a'), system([text('S'), text('T')]), assistant('b'), user('c')], { takesSystemAnywhere: true }),
    ).toEqual([
      { role: 'user', content: 'a' },
      { role: 'system', content: 'S\n\nT' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]);
  });

  it('in the middle becomes a reminder in the user turn elsewhere', () => {
    const messages = [user('a'), system('S'), user('b'), assistant('c'), system('T'), assistant('d'), user('e')];
    expect(messagesOf(messages)).toEqual([
      { role: 'user', content: 'a\n\n<system-reminder>\nS\n</system-reminder>\n\nb' },
      { role: 'assistant', content: 'c' },
      { role: 'user', content: '<system-reminder>\nT\n</system-reminder>' },
      { role: 'assistant', content: 'd' },
      { role: 'user', content: 'e' },
    ]);
  });

  it('in the middle is the same as blocks and as a string, as Claude Code sends it by turns', () => {
    expect(messagesOf([user('a'), system([text('S')])])).toEqual(messagesOf([user('a'), system('S')]));
  });

  it('in the middle comes after tool results, which must follow their calls', () => {
    const turn = [user('a'), assistant([use('c1')]), system('S'), user([result('c1', 'ok')])];
    expect(messagesOf(turn, { takesSystemAnywhere: true })).toMatchObject([
      { role: 'user' },
      { role: 'assistant' },
      { role: 'tool', content: 'ok' },
      { role: 'system', content: 'S' },
    ]);
  });

  it('in the middle that says nothing is left out', () => {
    expect(messagesOf([user('a'), system([])], { takesSystemAnywhere: true })).toEqual([
      { role: 'user', content: 'a' },
    ]);
  });
});

describe('user content', () => {
  it('is a string where it is text, and consecutive messages are one', () => {
    expect(messagesOf([user([text('a'), text(''), text('b')]), user('c')])).toEqual([
      { role: 'user', content: 'a\n\nb\n\nc' },
    ]);
  });

  it('takes images by data and by URL', () => {
    const url: ContentBlock = { type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } };
    expect(messagesOf([user([text('see'), png, url])])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'see' },
          pngPart,
          { type: 'image_url', image_url: { url: 'https://x.test/a.png' } },
        ],
      },
    ]);
  });

  it('takes documents: PDF as a file, text as text, lists of blocks as what they hold', () => {
    const pdf: ContentBlock = {
      type: 'document',
      title: 'Plan.pdf',
      context: 'Draft',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
    };
    const unnamed: ContentBlock = {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
    };
    const plain: ContentBlock = {
      type: 'document',
      title: 'Notes',
      source: { type: 'text', media_type: 'text/plain', data: 'body' },
    };
    const listed: ContentBlock = {
      type: 'document',
      title: 'Mixed',
      source: { type: 'content', content: [text('inside'), png] },
    };
    expect(messagesOf([user([pdf, unnamed, plain, listed])])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Draft' },
          { type: 'file', file: { filename: 'Plan.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
          { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
          { type: 'text', text: 'Notes\n\nbody' },
          { type: 'text', text: 'Mixed' },
          { type: 'text', text: 'inside' },
          pngPart,
        ],
      },
    ]);
  });

  it('says what could not be passed on', () => {
    const stored: ContentBlock = { type: 'image', source: { type: 'file', file_id: 'f1' } };
    const linked: ContentBlock = { type: 'document', title: 'L', source: { type: 'url', url: 'https://x.test/l.pdf' } };
    const filed: ContentBlock = { type: 'document', source: { type: 'file', file_id: 'f2' } };
    const unknown = { type: 'compaction', content: 'C' } as unknown as ContentBlock;
    const { body, warnings } = encode({ messages: [user([stored, linked, filed, unknown])] });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: '[image not available]\n\nL\n\n[document at https://x.test/l.pdf]\n\n[document not available]',
      },
    ]);
    expect(warnings).toHaveLength(4);
  });

  it('takes search results and tool references as text', () => {
    const found: ContentBlock = {
      type: 'search_result',
      source: 'https://s.test',
      title: 'T',
      content: [{ type: 'text', text: 'F' }],
    };
    expect(messagesOf([user([found, { type: 'tool_reference', tool_name: 'Grep' }])])).toEqual([
      { role: 'user', content: 'T\nhttps://s.test\n\nF\n\nTool Grep is available now.' },
    ]);
  });
});

describe('assistant turns', () => {
  it('hold text, then calls; content is null where there are only calls', () => {
    expect(
      messagesOf([
        user('a'),
        assistant([text('x'), use('c1', 'Read', { p: 1 })]),
        user([result('c1', 'r')]),
        assistant([use('c2')]),
      ]),
    ).toEqual([
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        content: 'x',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'Read', arguments: '{"p":1}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'r' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c2', type: 'function', function: { name: 'Bash', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c2', content: '[no result]' },
    ]);
  });

  it('that follow each other are one', () => {
    expect(messagesOf([user('a'), assistant('x'), assistant([use('c1')]), user([result('c1', 'r')])])).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'x', tool_calls: [{ id: 'c1' }] },
      { role: 'tool' },
    ]);
  });

  it('lose their thinking, unless the server wants it back', () => {
    const turns = [
      user('a'),
      assistant([
        { type: 'thinking', thinking: 'hm', signature: '' },
        { type: 'redacted_thinking', data: 'x' },
        text('b'),
      ]),
      user('c'),
      assistant('d'),
      user('e'),
    ];
    expect(messagesOf(turns)).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
      { role: 'assistant', content: 'd' },
      { role: 'user', content: 'e' },
    ]);
    expect(messagesOf(turns, { returnsReasoningContent: true })).toMatchObject([
      {},
      { role: 'assistant', content: 'b', reasoning_content: 'hm' },
      {},
      { role: 'assistant', content: 'd', reasoning_content: '' },
      {},
    ]);
  });

  it('with nothing left are left out', () => {
    expect(messagesOf([user('a'), assistant([{ type: 'thinking', thinking: 'hm', signature: '' }, text('')])])).toEqual(
      [{ role: 'user', content: 'a' }],
    );
  });

  it('lose a call that stands twice, and blocks that have no counterpart', () => {
    const server = { type: 'fallback', from: 'x' } as unknown as ContentBlock;
    const { body, warnings } = encode({
      messages: [user('a'), assistant([use('c1'), use('c1'), server]), user([result('c1', 'r')])],
    });
    expect(body.messages).toMatchObject([{}, { tool_calls: [{ id: 'c1' }] }, { role: 'tool' }]);
    expect(warnings).toEqual([
      "Tool use 'c1' stands twice in one turn; the second was left out.",
      "A content block of type 'fallback' has no counterpart and was left out.",
    ]);
  });
});

describe('tool results', () => {
  const calls = assistant([use('c1'), use('c2'), use('c3')]);

  it('come first and in the order of the calls, the rest after them', () => {
    expect(
      messagesOf([
        user('a'),
        calls,
        user([text('note'), result('c3', '3'), result('c1', '1'), result('c2', '2')]),
      ]).slice(2),
    ).toEqual([
      { role: 'tool', tool_call_id: 'c1', content: '1' },
      { role: 'tool', tool_call_id: 'c2', content: '2' },
      { role: 'tool', tool_call_id: 'c3', content: '3' },
      { role: 'user', content: 'note' },
    ]);
  });

  it('hold images as a mark, and the images follow after the last tool message', () => {
    const pdf: ContentBlock = {
      type: 'document',
      title: 'p.pdf',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
    };
    expect(
      messagesOf([
        user('a'),
        calls,
        user([result('c2', [text('two'), png]), result('c1', [png]), result('c3', [pdf]), text('look')]),
      ]).slice(2),
    ).toEqual([
      { role: 'tool', tool_call_id: 'c1', content: '[image #1 follows]' },
      { role: 'tool', tool_call_id: 'c2', content: 'two\n\n[image #2 follows]' },
      { role: 'tool', tool_call_id: 'c3', content: '[document #3 follows]' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '[image #1]' },
          pngPart,
          { type: 'text', text: '[image #2]' },
          pngPart,
          { type: 'text', text: '[document #3]' },
          { type: 'file', file: { filename: 'p.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
          { type: 'text', text: 'look' },
        ],
      },
    ]);
  });

  it('say that they are errors, or empty', () => {
    expect(
      messagesOf([user('a'), calls, user([result('c1', 'bad', true), result('c2'), result('c3', [], true)])]).slice(2),
    ).toMatchObject([{ content: 'Error: bad' }, { content: '(no output)' }, { content: 'Error: (no output)' }]);
  });

  it('are completed, and lose orphans and duplicates, with warnings', () => {
    const { body, warnings } = encode({
      messages: [
        user([result('early', 'x')]),
        calls,
        user([result('c1', 'first'), result('c1', 'second'), result('zz', 'lost')]),
        user([result('c3', '3')]),
      ],
    });
    expect(body.messages).toMatchObject([
      { role: 'assistant' },
      { tool_call_id: 'c1', content: 'first' },
      { tool_call_id: 'c2', content: '[no result]' },
      { tool_call_id: 'c3', content: '3' },
    ]);
    expect(warnings).toEqual([
      "A tool result answers no tool use ('early') and was left out.",
      "Tool use 'c1' has several results; the first was sent.",
      "A tool result answers no tool use ('zz') and was left out.",
      `Tool use 'c2' has no result; "[no result]" was sent.`,
    ]);
  });

  it('carry the id of their call, whatever it looks like', () => {
    const long = `toolu_${'x'.repeat(60)}`;
    const messages = messagesOf([
      user('a'),
      assistant([use(long), use('call_abc:1')]),
      user([result('call_abc:1', '1'), result(long, '2')]),
    ]) as unknown as [unknown, { tool_calls: { id: string }[] }, { tool_call_id: string }, { tool_call_id: string }];
    const ids = messages[1].tool_calls.map(({ id }) => id);
    expect([messages[2].tool_call_id, messages[3].tool_call_id]).toEqual(ids);
    for (const id of ids) expect(id.length).toBeLessThanOrEqual(40);
    expect(ids[1]).toBe('call_abc:1');
  });
});

describe('tools', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };

  it('become functions, without strict', () => {
    const { body } = encode({
      tools: [
        { name: 'Read', description: 'Reads', input_schema: schema },
        { name: 'Bare', input_schema: {} },
        { name: 'None' },
      ],
    });
    expect(body.tools).toEqual([
      { type: 'function', function: { name: 'Read', description: 'Reads', parameters: schema } },
      { type: 'function', function: { name: 'Bare', parameters: { type: 'object', properties: {} } } },
      { type: 'function', function: { name: 'None', parameters: { type: 'object', properties: {} } } },
    ]);
    expect(body).not.toHaveProperty('tool_choice');
    expect(body).not.toHaveProperty('parallel_tool_calls');
  });

  it('that run on the server are left out with a warning; documented client tools get their schemas', () => {
    const { body, warnings } = encode({
      tools: [
        { type: 'web_search_20250305', name: 'web_search' },
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
        { type: 'text_editor_20250124', name: 'str_replace_editor' },
      ],
    });
    const functions = (
      body.tools as { function: { name: string; parameters: { properties: Record<string, { enum?: string[] }> } } }[]
    ).map((tool) => tool.function);
    expect(functions.map(({ name }) => name)).toEqual(['bash', 'str_replace_based_edit_tool', 'str_replace_editor']);
    expect(Object.keys(functions[0]?.parameters.properties ?? {})).toEqual(['command', 'restart']);
    expect(functions[1]?.parameters.properties).toHaveProperty('insert_text');
    expect(functions[1]?.parameters.properties.command?.enum).not.toContain('undo_edit');
    expect(functions[2]?.parameters.properties).not.toHaveProperty('insert_text');
    expect(functions[2]?.parameters.properties.command?.enum).toContain('undo_edit');
    expect(warnings).toEqual(["Tool 'web_search' runs on Anthropic's servers and was left out."]);
  });

  it('that are none leave no trace of choices', () => {
    const { body } = encode({ tools: [], tool_choice: { type: 'any', disable_parallel_tool_use: true } });
    for (const field of ['tools', 'tool_choice', 'parallel_tool_calls']) expect(body).not.toHaveProperty(field);
  });

  it('that all run at Anthropic are refused, unless none is to be called', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
    expect(() => encode({ tools })).toThrow(
      expect.objectContaining({ code: 'server_tool_unsupported', status: 400, retryable: false }),
    );
    expect(() => encode({ tools })).toThrow(/Provider 'upstream' has no counterpart for 'web_search', which runs at/);
    expect(encode({ tools, tool_choice: { type: 'none' } }).body).not.toHaveProperty('tools');
  });

  it.each<[MessagesRequest['tool_choice'], unknown, unknown]>([
    [{ type: 'auto' }, 'auto', undefined],
    [{ type: 'any', disable_parallel_tool_use: true }, 'required', false],
    [{ type: 'none' }, 'none', undefined],
    [
      { type: 'tool', name: 'Read', disable_parallel_tool_use: false },
      { type: 'function', function: { name: 'Read' } },
      undefined,
    ],
    [{ type: 'tool', name: 'Gone' }, undefined, undefined],
  ])('are chosen by %j', (tool_choice, choice, parallel) => {
    const { body, warnings } = encode({
      tools: [{ name: 'Read', input_schema: schema }],
      ...(tool_choice ? { tool_choice } : {}),
    });
    expect(body.tool_choice).toEqual(choice);
    expect(body.parallel_tool_calls).toBe(parallel);
    expect(warnings).toHaveLength(choice === undefined ? 1 : 0);
  });

  it('with long or foreign names are renamed alike everywhere, and the way back is known', () => {
    const long = `mcp__plugin_${'x'.repeat(70)}__create`;
    const foreign = 'files.read/all';
    const { body, toolNames } = encode({
      messages: [
        user('a'),
        assistant([use('c1', long), use('c2', 'gone.tool')]),
        user([result('c1', ''), result('c2', '')]),
      ],
      tools: [
        { name: long, input_schema: schema },
        { name: foreign, input_schema: schema },
      ],
      tool_choice: { type: 'tool', name: long },
    });
    const short = encodeToolName(long);
    expect(short).toMatch(/^mcp__plugin_x{43}_[0-9a-f]{8}$/);
    expect(short).toHaveLength(64);
    expect(body).toMatchObject({
      messages: [
        {},
        { tool_calls: [{ function: { name: short } }, { function: { name: encodeToolName('gone.tool') } }] },
        {},
        {},
      ],
      tools: [{ function: { name: short } }, { function: { name: encodeToolName(foreign) } }],
      tool_choice: { function: { name: short } },
    });
    expect([...toolNames]).toEqual(
      [
        [encodeToolName('gone.tool'), 'gone.tool'],
        [short, long],
        [encodeToolName(foreign), foreign],
      ].sort(
        (one, other) => [...toolNames.keys()].indexOf(one[0] ?? '') - [...toolNames.keys()].indexOf(other[0] ?? ''),
      ),
    );
  });
});

describe('names and ids', () => {
  it('that are accepted stay as they are', () => {
    expect(encodeToolName('mcp__a-B_9')).toBe('mcp__a-B_9');
    expect(encodeToolId('toolu_01A-b', 40)).toBe('toolu_01A-b');
  });

  it('always become accepted ones, different names different ones', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 90 }),
        fc.string({ unit: 'grapheme', maxLength: 90 }),
        (one, other) => {
          expect(encodeToolName(one)).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
          expect(encodeToolId(one, 40).length).toBeLessThanOrEqual(40);
          expect(encodeToolId(decodeToolId(one), 200)).toBe(one === '' ? encodeToolId('', 200) : one);
          expect(encodeToolName(one)).toBe(encodeToolName(one));
          if (one !== other) expect(encodeToolName(one)).not.toBe(encodeToolName(other));
        },
      ),
    );
  });
});

describe('parameters', () => {
  it('are what is left of a request of Claude Code', () => {
    const { body, warnings } = encode({
      max_tokens: 32_000,
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
      stream: true,
      metadata: { user_id: '{"device_id":"d"}' },
      ...({ context_management: { edits: [] }, safeguards: [], speed: 'fast' } as object),
    });
    expect(body).toEqual({
      model: 'sent-model',
      messages: [{ role: 'user', content: 'hi' }],
      max_tokens: 32_000,
      user: expect.stringMatching(/^[0-9a-f]{64}$/),
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(warnings).toEqual([]);
  });

  it('are left out where they are null or absent', () => {
    const nothing = {
      max_tokens: null,
      temperature: null,
      top_p: null,
      stop_sequences: null,
      tools: null,
      system: null,
      metadata: null,
      thinking: null,
      output_config: null,
      tool_choice: null,
    };
    const { body } = encode(nothing as unknown as Partial<MessagesRequest>);
    expect(Object.keys(body)).toEqual(['model', 'messages']);
    expect(encode({ metadata: { user_id: null } }).body).not.toHaveProperty('user');
  });

  it('name the token limit as the server does, and never ask for none', () => {
    expect(encode({ max_tokens: 5 }, { maxTokensField: 'max_completion_tokens' }).body).toMatchObject({
      max_completion_tokens: 5,
    });
    expect(encode({ max_tokens: 0 }).body).toMatchObject({ max_tokens: 1 });
  });

  it('keep four stop sequences, temperature, top_p and top_k', () => {
    const { body, warnings } = encode({
      stop_sequences: ['1', '2', '3', '4', '5'],
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
    });
    expect(body).toMatchObject({ stop: ['1', '2', '3', '4'], temperature: 0, top_p: 0.5, top_k: 3 });
    expect(warnings).toEqual([]);
    expect(encode({ stop_sequences: [] }).body).not.toHaveProperty('stop');
  });

  it('ask for usage in streams only where the server can', () => {
    expect(encode({ stream: true }, { asksStreamUsage: false }).body).not.toHaveProperty('stream_options');
    expect(encode({ stream: false }).body).not.toHaveProperty('stream');
  });

  it.each<[Partial<MessagesRequest>, string | undefined]>([
    [{}, undefined],
    [{ thinking: { type: 'adaptive' } }, undefined],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, 'max'],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 }, output_config: { effort: 'xhigh' } }, 'xhigh'],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'low' } }, 'none'],
    [{ thinking: { type: 'between_tools' } }, 'none'],
    [{ thinking: { type: 'enabled' } }, undefined],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, 'low'],
    [{ thinking: { type: 'enabled', budget_tokens: 10_000 } }, 'medium'],
    [{ thinking: { type: 'enabled', budget_tokens: 31_999 } }, 'high'],
    [{ thinking: { type: 'enabled', budget_tokens: 60_000 } }, 'xhigh'],
  ])('turn %j into reasoning_effort %s', (fields, effort) => {
    expect(encode(fields, { reasoningFormat: 'reasoning_effort' }).body.reasoning_effort).toBe(effort);
    expect(encode(fields).body).not.toHaveProperty('reasoning_effort');
  });

  it('ask for a format, strictly only where the schema allows it', () => {
    const closed = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    };
    const strictOf = (schema: Record<string, unknown>) =>
      encode({ output_config: { format: { type: 'json_schema', schema } } }).body.response_format;
    expect(strictOf(closed)).toEqual({
      type: 'json_schema',
      json_schema: { name: 'output', schema: closed, strict: true },
    });
    expect(strictOf({ ...closed, required: [] })).toMatchObject({ json_schema: { strict: false } });
    expect(strictOf({ ...closed, additionalProperties: true })).toMatchObject({ json_schema: { strict: false } });
    expect(strictOf({ ...closed, properties: { a: { anyOf: [{ type: 'object', properties: {} }] } } })).toMatchObject({
      json_schema: { strict: false },
    });
    expect(strictOf({ type: 'array', items: closed })).toMatchObject({ json_schema: { strict: true } });
  });
});
