import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientProtocol } from '../../../src-shared/requests.ts';
import type { RoutingFacts } from '../../../src-shared/routing.ts';
import { readFacts } from '../../helpers/facts-of-request.ts';

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const ask = (rest: object) => ({ model: 'm', messages: [user('hello')], ...rest });
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } };
const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' } };
const result = (content: unknown) => ({ type: 'tool_result', tool_use_id: 't', content });
const call = (input: unknown) => ({ type: 'tool_use', id: 't', name: 'Bash', input });

describe('tools', () => {
  it.each([
    [
      'anthropic',
      [
        { name: 'Bash', input_schema: { name: 'inner' } },
        { type: 'web_search_20250305', name: 'web_search' },
      ],
      ['Bash', 'web_search'],
    ],
    ['openai-chat', [{ type: 'function', function: { description: 'd', name: 'read' } }], ['read']],
    [
      'openai-responses',
      [
        { type: 'function', name: 'shell' },
        { type: 'web_search' },
        { type: 'custom', name: 'apply_patch' },
        { type: 'namespace', name: 'mcp__x', tools: [{ type: 'function', name: 'mcp__x__y' }] },
      ],
      ['shell', 'web_search', 'apply_patch', 'mcp__x__y'],
    ],
  ] as const)('of %s', (protocol, tools, names) => {
    expect(readFacts(ask({ tools }), { protocol }).tools).toEqual(names);
  });

  it('are read once where a request brings the same ones again', () => {
    const tools = Array.from({ length: 30 }, (_, index) => ({ name: `tool_${index}`, description: 'x'.repeat(100) }));
    const first = readFacts(ask({ tools })).tools;
    expect(first).toHaveLength(30);
    expect(readFacts(ask({ tools, max_tokens: 5 })).tools).toBe(first);
  });

  it('are none where there are none, or what stands there is no list', () => {
    for (const tools of [undefined, null, [], {}, 'x', [1, 'x', [], null, {}]])
      expect(readFacts(ask({ tools })).tools).toEqual([]);
  });
});

describe('images and documents', () => {
  const contents: [ClientProtocol, string, object, boolean, boolean][] = [
    ['anthropic', 'an image', ask({ messages: [user([image])] }), true, false],
    [
      'anthropic',
      'a file at Anthropic',
      ask({ messages: [user([{ type: 'image', source: { type: 'file', file_id: 'f' } }])] }),
      true,
      false,
    ],
    ['anthropic', 'a PDF in a result of a tool', ask({ messages: [user([result([pdf])])] }), false, true],
    ['anthropic', 'an image in a result of a tool', ask({ messages: [user([result([image])])] }), true, false],
    [
      'anthropic',
      'a document that is text',
      ask({ messages: [user([{ type: 'document', source: { type: 'text', data: 'a' } }])] }),
      false,
      false,
    ],
    [
      'anthropic',
      'an image in a document of blocks',
      ask({ messages: [user([{ source: { content: [image], type: 'content' }, type: 'document' }])] }),
      true,
      false,
    ],
    [
      'openai-chat',
      'image_url',
      ask({ messages: [user([{ type: 'image_url', image_url: { url: 'https://x/y.png' } }])] }),
      true,
      false,
    ],
    ['openai-chat', 'file', ask({ messages: [user([{ type: 'file', file: { file_data: 'data:x' } }])] }), false, true],
    [
      'openai-responses',
      'input_image',
      { model: 'm', input: [user([{ type: 'input_image', image_url: 'data:' }])] },
      true,
      false,
    ],
    [
      'openai-responses',
      'input_file',
      { model: 'm', input: [{ type: 'function_call_output', output: [{ type: 'input_file' }] }] },
      false,
      true,
    ],
  ];
  it.each(contents)('%s: %s', (protocol, _what, body, images, documents) => {
    expect(readFacts(body, { protocol })).toMatchObject({ images, documents });
  });

  it('are not what only speaks of them', () => {
    const words = '{"type":"image"} "image" "document"';
    const facts = readFacts(
      ask({
        system: words,
        tools: [{ name: 'Look', input_schema: { properties: { type: { type: 'image' } } } }],
        messages: [
          user(words),
          assistant([call({ type: 'image', blocks: [{ type: 'document' }] })]),
          user([result(words), { type: 'text', text: 'image' }]),
        ],
      }),
    );
    expect(facts).toMatchObject({ images: false, documents: false });
  });
});

describe('thinking and effort', () => {
  it.each([
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, true, 'max'],
    [{ thinking: { type: 'enabled', budget_tokens: 1 } }, true, null],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'low' } }, false, 'low'],
    [{ output_config: { effort: 'medium' } }, false, 'medium'],
    [
      {
        messages: [user('a'), { role: 'system', content: 'b', output_config: { effort: 'high' } }],
        output_config: { effort: 'low' },
      },
      false,
      'high',
    ],
    [{ reasoning_effort: 'minimal' }, true, 'minimal'],
    [{ reasoning_effort: 'none' }, false, 'none'],
    [{ reasoning: { effort: 'xhigh', summary: 'auto' } }, true, 'xhigh'],
    [{ reasoning: { effort: 'none', summary: 'auto' } }, false, 'none'],
    [{ reasoning: { max_tokens: 2000 } }, true, null],
    [{ reasoning: { enabled: false } }, false, null],
    [{ reasoning: {} }, false, null],
    [{ thinking: 'yes', reasoning: [], reasoning_effort: 7, output_config: null }, false, null],
    [{}, false, null],
  ] as const)('%j', (rest, thinking, effort) => {
    expect(readFacts(ask(rest))).toMatchObject({ thinking, effort });
  });
});

describe('sizes', () => {
  it.each(['max_tokens', 'max_completion_tokens', 'max_output_tokens'])('%s', (field) => {
    expect(readFacts(ask({ [field]: 8192 })).maxTokens).toBe(8192);
  });
  it('no limit is null', () => {
    expect(readFacts(ask({ max_tokens: null })).maxTokens).toBeNull();
  });
  it.each([
    [
      'a document that is text',
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a '.repeat(200_000) } },
    ],
    ['the same, written the other way', { source: { data: 'a '.repeat(200_000), type: 'text' }, type: 'document' }],
    ['thinking that nobody can read', { type: 'redacted_thinking', data: 'A'.repeat(400_000) }],
  ])('%s is as large as it is', (_what, block) => {
    expect(readFacts(ask({ messages: [user([block])] })).inputTokens).toBeGreaterThan(100_000);
  });

  it('an image is as large as a model sees it, not as its base64 is', () => {
    const photo = { ...image, source: { ...image.source, data: 'A'.repeat(3_000_000) } };
    const url = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(3_000_000)}` } };
    for (const block of [photo, url]) {
      const { inputTokens } = readFacts(ask({ messages: [user([block])] }));
      expect(inputTokens).toBeGreaterThan(1500);
      expect(inputTokens).toBeLessThan(2000);
    }
  });
});

describe('midTurn', () => {
  const output = { type: 'function_call_output', call_id: 'c', output: 'x' };
  const cases: [string, object, boolean][] = [
    ['a first question', ask({}), false],
    ['results of tools', ask({ messages: [user('a'), assistant([call({})]), user([result('x')])] }), true],
    [
      'results, and words with them',
      ask({ messages: [user('a'), assistant([call({})]), user([result('x'), { type: 'text', text: 'b' }])] }),
      true,
    ],
    [
      'results, and a system message after them',
      ask({ messages: [user('a'), assistant([call({})]), user([result('x')]), { role: 'system', content: 's' }] }),
      true,
    ],
    [
      'results that were answered',
      ask({ messages: [user('a'), assistant([call({})]), user([result('x')]), assistant('y'), user('z')] }),
      false,
    ],
    ['text that speaks of results', ask({ messages: [user('{"type":"tool_result"}')] }), false],
    [
      'Chat Completions',
      ask({ messages: [user('a'), { role: 'assistant', tool_calls: [] }, { role: 'tool', content: 'x' }] }),
      true,
    ],
    ['Responses', { model: 'm', input: [user('a'), { type: 'function_call' }, output] }, true],
    [
      'Responses, parallel',
      { model: 'm', input: [{ type: 'function_call' }, output, { type: 'reasoning' }, { type: 'custom_tool_call' }] },
      false,
    ],
    ['Responses, one text', { model: 'm', input: 'hello' }, false],
  ];
  it.each(cases)('%s', (_what, body, midTurn) => {
    expect(readFacts(body).midTurn).toBe(midTurn);
  });
});

describe('project', () => {
  const environment =
    '# Environment\n - Primary working directory: /home/me/the project\n - Is a git repository: false';
  it.each([
    [
      'a system message in the middle',
      ask({ messages: [user('x'), { role: 'system', content: environment }] }),
      '/home/me/the project',
    ],
    [
      'the system prompt',
      ask({
        system: [
          { type: 'text', text: 'a' },
          { type: 'text', text: environment },
        ],
      }),
      '/home/me/the project',
    ],
    [
      'the block of earlier versions',
      ask({ system: 'x\n<env>\nWorking directory: C:\\Users\\me\\ä\nIs directory a git repo: No' }),
      'C:\\Users\\me\\ä',
    ],
    ['a line that ends the text', ask({ system: '- Primary working directory: /x' }), '/x'],
    ['none', ask({ system: 'You are nobody' }), null],
    ['what the user writes', ask({ messages: [user(environment)] }), null],
  ])('%s', (_where, body, project) => {
    expect(readFacts(body, { headers: { 'user-agent': 'claude-cli/2.1.330 (external, cli)' } }).project).toBe(project);
  });

  it("Codex's context, however it is escaped", () => {
    const text = '<environment_context>\n  <cwd>/home/me/p</cwd>\n</environment_context>';
    const body = JSON.stringify({ model: 'm', input: [user([{ type: 'input_text', text }])] });
    for (const bytes of [body, body.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e')])
      expect(readFacts(Buffer.from(bytes), { headers: { originator: 'codex_cli_rs' } }).project).toBe('/home/me/p');
  });

  it('a header has the last word', () => {
    const headers = { 'X-CProxy-Project': '/other' };
    expect(readFacts(ask({ system: environment }), { headers }).project).toBe('/other');
  });
});

describe('headers', () => {
  const headers = {
    'User-Agent': 'claude-cli/2.1.330 (external, cli)',
    'X-Claude-Code-Session-Id': 's',
    'x-claude-code-agent-id': 'a',
    'x-claude-code-agent-type': 'Explore',
    'x-claude-code-parent-agent-id': 'p',
    Authorization: 'Bearer secret',
    'X-Api-Key': 'secret',
    Cookie: 'secret',
    'x-cproxy-token': 'secret',
    'X-Team': 'red',
    'X-Other': 'hidden',
    Accept: 'text',
  };
  it('tell who asks; values are kept of those only that rules ask for, and of credentials nothing', () => {
    const world = { headers: new Set(['x-team', 'accept', 'authorization', 'x-api-key', 'cookie']) };
    const facts = readFacts(ask({}), { headers, world }).settled();
    expect(facts).toMatchObject({
      session: 's',
      agent: 'a',
      agentType: 'Explore',
      parentAgent: 'p',
      client: 'claude-code',
    });
    expect(facts.headers).toMatchObject({ 'x-team': 'red', accept: 'text', 'x-other': '' });
    expect(JSON.stringify(facts)).not.toMatch(/secret|hidden/);
  });
  it("Codex's and opencode's", () => {
    expect(
      readFacts(ask({}), {
        headers: {
          'session-id': 's',
          'thread-id': 't',
          'x-openai-subagent': 'review',
          'x-codex-parent-thread-id': 'p',
        },
      }),
    ).toMatchObject({ session: 's', agent: 't', agentType: 'review', parentAgent: 'p' });
    expect(readFacts(ask({}), { headers: { 'thread-id': 't', 'x-opencode-session': 'o' } })).toMatchObject({
      session: 'o',
      agent: null,
    });
  });
});

describe('client', () => {
  it.each([
    [{ 'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)' }, 'claude-code'],
    [{ 'user-agent': 'codex_cli_rs/0.38.0 (Ubuntu 24.04; x86_64)' }, 'codex'],
    [{ 'user-agent': 'x', originator: 'codex_vscode' }, 'codex'],
    [{ 'user-agent': 'opencode/1.2.3 ai-sdk/provider-utils/3.0.0' }, 'opencode'],
    [{ 'user-agent': 'Zed/0.200.0' }, 'zed'],
    [{ 'user-agent': 'RooCode/3.1.0' }, 'roo-code'],
    [{ 'user-agent': 'OpenAI/JS 5.1.0', 'x-title': 'Cline' }, 'cline'],
    [{ 'user-agent': 'AsyncOpenAI/Python 1.2.3' }, 'openai-sdk'],
    [{ 'user-agent': 'Anthropic/Python 0.71.0' }, 'anthropic-sdk'],
    [{ 'user-agent': 'curl/8.0' }, null],
    [{}, null],
  ])('%j is %s', (headers, client) => {
    expect(readFacts(ask({}), { headers }).client).toBe(client);
  });
});

it('the time is that of its arrival', () => {
  let now = new Date(2026, 10, 25, 9, 30).getTime();
  const facts = readFacts(ask({}), { world: { now: () => now } });
  now += 3_600_000;
  expect(facts.time).toEqual({ day: 'wed', minute: 570 });
});

it('what costs something is asked for once', () => {
  let asked = 0;
  const count = <Value>(value: Value) => {
    asked += 1;
    return value;
  };
  const facts = readFacts(ask({}), {
    conversation: () => count(null),
    world: { budgets: () => count({ state: 'within', spent: [] }), subscription: () => count(null) },
  });
  for (let index = 0; index < 3; index += 1)
    expect(facts).toMatchObject({ conversation: null, budget: 'within', subscription: null });
  expect(asked).toBe(3);
});

describe('settle', () => {
  it('leaves all facts as they were, and names the conversation only where a header does', () => {
    const body = ask({
      tools: [{ name: 'Bash' }],
      messages: [user([image]), assistant([call({})]), user([result('x')])],
    });
    const before = readFacts(body).settled();
    const facts = readFacts(body, {
      conversation: () => {
        throw new Error('the body was decoded');
      },
    });
    facts.settle();
    facts.settle();
    expect(facts.settled()).toEqual(before);
    const named = readFacts(body, { conversationIfNamed: () => 'digest' });
    named.settle();
    expect(named.conversation).toBe('digest');
  });

  it('lets go of the body', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const begun = () => {
      const body = Buffer.from(JSON.stringify(ask({ system: 'x'.repeat(100_000), tools: [{ name: 'Bash' }] })));
      return { body: new WeakRef(body), facts: readFacts(body) };
    };
    const kept = begun();
    const settled = begun();
    settled.facts.settle();
    // What a WeakRef has been asked for stays until the turn has ended.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(kept.body.deref()).toBeDefined();
    expect(settled.body.deref()).toBeUndefined();
    expect([kept.facts.tools, settled.facts.tools]).toEqual([['Bash'], ['Bash']]);
  });
});

describe('any body', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('image', 'tool_result', '"type":"image"', '\\', '</cwd>', 'ä😀\n'),
  );
  const block = fc.oneof(
    text.map((words) => ({ type: 'text', text: words })),
    fc.constantFrom<object>(image, pdf),
    fc.oneof(text, fc.constantFrom([image], [pdf])).map(result),
    fc.jsonValue().map(call),
  );
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant', 'system'),
    content: fc.oneof(text, fc.array(block)),
  });
  const body = fc.record(
    {
      messages: fc.array(message),
      tools: fc.array(fc.record({ name: text, input_schema: fc.jsonValue() })),
      system: fc.constantFrom('x', '- Primary working directory: /home/a b/ü\n', [{ type: 'text', text: 'y' }]),
      max_tokens: fc.nat(),
      thinking: fc.constantFrom<object | null>({ type: 'adaptive' }, { type: 'disabled' }, null),
      output_config: fc.constantFrom<object>({ effort: 'high' }, {}),
    },
    { requiredKeys: ['messages'] },
  );
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, reversed(inner)]),
    );
  };
  /** Every letter of what JSON's strings hold, as six characters; but for the words of clients, which no writer escapes so. */
  const escaped = (json: string): string =>
    json.replaceAll(/"(?:[^"\\]|\\.)*"/gu, (string) =>
      string.includes('directory')
        ? string.replaceAll(/[^\x20-\x7e]/gu, (letter) => JSON.stringify(letter).slice(1, -1))
        : string.replaceAll(
            /[a-zA-Z_](?<!\\.)/gu,
            (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
          ),
    );
  const unsized = (facts: RoutingFacts) => ({ ...facts, inputTokens: 0, time: null });

  it('has the same facts however it is spaced, ordered and escaped', () => {
    fc.assert(
      fc.property(body, (rest) => {
        const whole = { model: 'm', ...rest };
        const json = JSON.stringify(whole);
        const facts = unsized(readFacts(Buffer.from(json)).settled());
        for (const other of [JSON.stringify(whole, null, 2), JSON.stringify(reversed(whole)), escaped(json)]) {
          expect(JSON.parse(other)).toEqual(JSON.parse(json));
          expect(unsized(readFacts(Buffer.from(other)).settled())).toEqual(facts);
        }
      }),
    );
  });

  it('that is hostile neither throws nor takes long', () => {
    const deep = (open: string, close: string) => open.repeat(200_000) + close.repeat(200_000);
    const bodies = [
      `{"model":"m","messages":[${deep('[', ']')}]}`,
      `{"model":"m","messages":[${deep('{"content":', '}').replace('}', '1}')}]}`,
      `{"model":"m","tools":${deep('[{"tools":', '}]').replace('}', '1}')}}`,
      `{"model":"m","messages":[{"role":"user","content":"${'x'.repeat(5_000_000)}"}]}`,
      `{"model":"m","messages":[{"role":"user","content":"${'\\"'.repeat(2_500_000)}"}]}`,
      `{"model":"m","messages":[${' '.repeat(5_000_000)}]}`,
      `{"model":"m","system":"${'Primary working directory: \\\\'.repeat(100_000)}","messages":[]}`,
      `{"model":"m","messages":[{"type":"${'\\u0069'.repeat(100_000)}"}]}`,
      '{"model":"m","messages":[{"role":"user","role":"assistant","content":"\\ud800","content":[{"type":"\\udc00"}]}]}',
      '{"model":"m","thinking":{bad},"reasoning":[1,],"output_config":{"effort":"\\x"},"messages":[}],"tools":[{"name":"\\q"}]}',
      '{"model":"m","messages":[{"role":"user","content":"a',
    ];
    for (const bytes of bodies) {
      const before = performance.now();
      try {
        readFacts(Buffer.from(bytes)).settle();
      } catch (error) {
        // What is no object is refused at the door.
        expect(error).toMatchObject({ code: 'invalid_json' });
      }
      // A limit against what grows with the square of its size, not a measurement.
      expect(performance.now() - before).toBeLessThan(20_000);
    }
  });
});
