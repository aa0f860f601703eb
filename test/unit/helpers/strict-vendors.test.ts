import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamProtocol } from '../../helpers/scriptable-upstream.ts';
import { type StrictUpstream, startStrictUpstream } from '../../helpers/strict-upstream.ts';

type Json = Record<string, unknown>;

let upstream: StrictUpstream;
beforeAll(async () => {
  upstream = await startStrictUpstream();
});
beforeEach(() => upstream.reset());
afterAll(() => upstream[Symbol.asyncDispose]());

const paths: Record<UpstreamProtocol, string> = {
  anthropic: '/v1/messages',
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  ollama: '/api/chat',
};

let count = 0;
const nextName = (): string => {
  count += 1;
  return [...String(count)].map((digit) => 'ABCDEFGHIJ'[Number(digit)]).join('');
};

/** A conversation with one vendor, asked without anything between. */
class Direct {
  readonly name = nextName();
  readonly #vendor: string;
  readonly #protocol: UpstreamProtocol;

  constructor(vendor: string, protocol: UpstreamProtocol) {
    this.#vendor = vendor;
    this.#protocol = protocol;
  }

  async ask(body: Json, calls = 1, loses = false): Promise<{ status: number; text: string; json: Json }> {
    upstream.plan(this.name, { calls }, { protocol: this.#protocol, loses });
    const vendor = upstream.vendors.find(({ id }) => id === this.#vendor);
    const { baseUrl } = upstream.config.providers?.find(({ id }) => id === this.#vendor) ?? {};
    const response = await fetch(`${baseUrl}${paths[this.#protocol]}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({ model: vendor?.model, ...body }),
    });
    const text = await response.text();
    return { status: response.status, text, json: JSON.parse(text) as Json };
  }

  /** That a request holds such results. */
  expect(...paths: string[]): void {
    upstream.expectResults(
      this.name,
      paths.map((path) => `content of ${path}`),
    );
  }

  get mark(): string {
    return `[in ${this.name}]`;
  }
}

const parameters = { type: 'object', properties: { path: { type: 'string' } } };

describe('Anthropic', () => {
  const shared = { max_tokens: 8000, tools: [{ name: 'Read', input_schema: parameters }], system: 'Be brief.' };

  /** A conversation whose first answer has called a tool. */
  async function begun(vendor = 'claude') {
    const talk = new Direct(vendor, 'anthropic');
    const opening = { role: 'user', content: `Find it. ${talk.mark}` };
    const { json } = await talk.ask({ ...shared, messages: [opening] });
    const content = json.content as Json[];
    const [thinking, text, call] = content as [Json, Json, Json];
    const path = String((call.input as Json).path);
    const result = {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: call.id, content: `content of ${path} ${talk.mark}` }],
    };
    talk.expect(path);
    const ask = (blocks: Json[], rest: Json = {}, first = opening) =>
      talk.ask({ ...shared, ...rest, messages: [first, { role: 'assistant', content: blocks }, result] });
    return { talk, opening, thinking, text, call, result, ask };
  }

  it('takes its own thinking back', async () => {
    const { thinking, text, call, ask } = await begun();
    expect((await ask([thinking, text, call])).status).toBe(200);
    expect((await ask([{ ...thinking }, text, { ...call, cache_control: { type: 'ephemeral' } }])).status).toBe(200);
    expect(upstream.problems).toEqual([]);
  });

  it.each<[string, Json]>([
    ['a foreign signature', { signature: 'Zm9yZWlnbg==' }],
    ['an empty signature', { signature: '' }],
    ['a changed text', { thinking: 'I thought otherwise.' }],
    ['a packed state', { signature: 'cproxy1.e30' }],
  ])('refuses %s', async (_what, change) => {
    const { thinking, text, call, ask } = await begun();
    const { status, text: said } = await ask([{ ...thinking, ...change }, text, call]);
    expect(status).toBe(400);
    expect(said).toContain('messages.1.content.0: Invalid `signature` in `thinking` block');
    expect(upstream.problems).not.toEqual([]);
  });

  it("refuses another vendor's signature, and says whose it is", async () => {
    const other = await begun('minimax');
    const { text, call, ask } = await begun();
    expect((await ask([other.thinking, text, call])).status).toBe(400);
    expect(upstream.problems.join()).toContain('got a foreign state: STATE of minimax');
    expect(upstream.problems.join()).toContain('got a thought of conversation');
  });

  it('binds thinking to what it was made behind', async () => {
    const { talk, thinking, text, call, ask } = await begun();
    const blocks = [thinking, text, call];
    const bound = 'The block is bound to a different conversation';
    for (const change of [{ system: 'Be long.' }, { tools: [...shared.tools, { ...shared.tools[0], name: 'Write' }] }])
      expect((await ask(blocks, change)).text).toContain(bound);
    expect((await ask(blocks, {}, { role: 'user', content: `Summary. ${talk.mark}` })).text).toContain(bound);
    const marked = [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }];
    expect((await ask(blocks, { system: marked })).status).toBe(200);
  });

  it('leaves bound thinking out where it is asked to', async () => {
    const { thinking, text, call, opening, result, talk } = await begun();
    const { baseUrl } = upstream.config.providers?.find(({ id }) => id === 'claude') ?? {};
    const response = await fetch(`${baseUrl}/v1/messages`, {
      method: 'POST',
      headers: {
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'thinking-binding-controls-2026-08-01',
      },
      body: JSON.stringify({
        ...shared,
        model: 'claude-sonnet-5-5',
        system: 'Be long.',
        thinking: { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } },
        messages: [opening, { role: 'assistant', content: [thinking, text, call] }, result],
      }),
    });
    expect(response.status).toBe(200);
    expect(upstream.problems).toEqual([]);
    expect(upstream.leftOut).toEqual([expect.stringContaining(talk.name)]);
  });

  it('takes thinking without the oldest, and not without what stands between', async () => {
    const { talk, opening, thinking, text, call, result } = await begun();
    const steps: Json[][] = [[thinking, text, call]];
    const results: Json[] = [result];
    const history = (kept: readonly boolean[]) => [
      opening,
      ...steps.flatMap((blocks, index) => [
        { role: 'assistant', content: kept[index] === true ? blocks : blocks.slice(1) },
        results[index] ?? {},
      ]),
    ];
    const all = [String((call.input as Json).path)];
    for (const _step of [1, 2]) {
      const { json } = await talk.ask({ ...shared, messages: history([true, true, true]) });
      const content = json.content as Json[];
      const { id, input } = content[2] as { id: string; input: Json };
      all.push(String(input.path));
      steps.push(content);
      results.push({
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: id, content: `content of ${input.path} ${talk.mark}` }],
      });
      talk.expect(...all);
    }
    expect((await talk.ask({ ...shared, messages: history([true, true, true]) }, 0)).status).toBe(200);
    expect((await talk.ask({ ...shared, messages: history([false, true, true]) }, 0, true)).status).toBe(200);
    expect((await talk.ask({ ...shared, messages: history([true, false, true]) }, 0, true)).status).toBe(400);
  });

  it('wants thinking before the calls where it thinks with a budget', async () => {
    const { thinking, text, call, ask } = await begun('oldclaude');
    const budget = { thinking: { type: 'enabled', budget_tokens: 2000 } };
    expect((await ask([thinking, text, call], budget)).status).toBe(200);
    expect((await ask([text, call], budget)).text).toContain('must start with a thinking block');
  });

  it('misses its thinking, unless its client is to blame', async () => {
    const { talk, opening, text, call, result, ask } = await begun();
    expect((await ask([text, call])).status).toBe(200);
    expect(upstream.problems).toEqual([expect.stringContaining('did not get its thinking')]);
    upstream.problems.length = 0;
    await talk.ask({ ...shared, messages: [opening, { role: 'assistant', content: [text, call] }, result] }, 1, true);
    expect(upstream.problems).toEqual([]);
  });

  it('refuses signatures where it gave none, and wants its thinking back', async () => {
    const { thinking, text, call, ask } = await begun('unsigned');
    expect(thinking.signature).toBe('');
    expect((await ask([thinking, text, call])).status).toBe(200);
    expect((await ask([{ ...thinking, signature: 'c2lnbmF0dXJl' }, text, call])).status).toBe(400);
    expect((await ask([text, call])).text).toContain('must be passed back to the API');
  });

  it('misses and counts results of tools', async () => {
    const { talk, opening, thinking, text, call } = await begun();
    const other = { type: 'tool_result', tool_use_id: call.id, content: `nothing ${talk.mark}` };
    await talk.ask({
      ...shared,
      messages: [opening, { role: 'assistant', content: [thinking, text, call] }, { role: 'user', content: [other] }],
    });
    expect(upstream.problems).toEqual([expect.stringMatching(/got "content of .*" 0 times/)]);
  });
});

describe('OpenAI', () => {
  const shared = {
    store: false,
    instructions: 'Be brief.',
    tools: [{ type: 'function', name: 'Read', parameters, strict: false }],
  };

  async function begun() {
    const talk = new Direct('gpt', 'openai-responses');
    const opening = { role: 'user', content: `Find it. ${talk.mark}` };
    const { json } = await talk.ask({ ...shared, input: [opening] });
    const [reasoning, message, call] = json.output as [Json, Json, Json];
    const { path } = JSON.parse(String(call.arguments)) as { path: string };
    const result = {
      type: 'function_call_output',
      call_id: call.call_id,
      output: `content of ${path} ${talk.mark}`,
    };
    talk.expect(path);
    const ask = (items: Json[], rest: Json = {}) =>
      talk.ask({ ...shared, ...rest, input: [opening, ...items, result] });
    return { talk, reasoning, message, call, ask };
  }

  it('takes its own items back', async () => {
    const { reasoning, message, call, ask } = await begun();
    expect((await ask([reasoning, message, call])).status).toBe(200);
    expect(upstream.problems).toEqual([]);
  });

  it.each<[string, Json, string]>([
    ['foreign content', { encrypted_content: 'Z0FBQUFB' }, 'invalid_encrypted_content'],
    ['content under another id', { id: 'rs_other' }, 'item_id did not match the target item id'],
  ])('refuses %s', async (_what, change, words) => {
    const { reasoning, message, call, ask } = await begun();
    const { status, text } = await ask([{ ...reasoning, ...change }, message, call]);
    expect(status).toBe(400);
    expect(text).toContain(words);
  });

  it('refuses reasoning without what it led to, twice, and calls without results', async () => {
    const { talk, reasoning, message, call, ask } = await begun();
    const alone = "of type 'reasoning' was provided without its required following item";
    expect((await ask([reasoning, call])).text).toContain(alone);
    expect((await ask([reasoning, message, reasoning, message, call])).text).toContain('Duplicate item');
    expect((await ask([reasoning, message, call, call])).text).toContain('stands twice');
    talk.expect();
    const unanswered = { ...shared, input: [{ role: 'user', content: talk.mark }, reasoning, message, call] };
    expect((await talk.ask(unanswered)).text).toContain('No tool output found');
  });

  it('puts up with a changed prefix, and says so', async () => {
    const { reasoning, message, call, ask } = await begun();
    expect((await ask([reasoning, message, call], { instructions: 'Be long.' })).status).toBe(200);
    expect(upstream.leftOut).toEqual([expect.stringContaining('prefix_mismatch')]);
    expect(upstream.problems).toEqual([]);
  });

  it('misses reasoning and phases', async () => {
    const { message, call, ask } = await begun();
    const { phase, ...unphased } = message;
    expect(phase).toBe('commentary');
    expect((await ask([unphased, call])).status).toBe(200);
    expect(upstream.problems).toEqual([
      expect.stringContaining('did not get its reasoning'),
      expect.stringContaining('did not get the phase'),
    ]);
  });
});

describe('vendors of Chat Completions', () => {
  const tools = [{ type: 'function', function: { name: 'Read', parameters } }];

  async function begun(vendor: string) {
    const talk = new Direct(vendor, 'openai-chat');
    const opening = { role: 'user', content: `Find it. ${talk.mark}` };
    const { json } = await talk.ask({ tools, messages: [opening] }, 2);
    const [choice] = json.choices as [{ message: Json }];
    const { message } = choice;
    const results = (message.tool_calls as { id: string; function: { arguments: string } }[]).map(
      ({ id, function: called }) => ({
        role: 'tool',
        tool_call_id: id,
        content: `content of ${(JSON.parse(called.arguments) as { path: string }).path} ${talk.mark}`,
      }),
    );
    talk.expect(...results.map(({ content }) => content.replace(/^content of (\S+) .*$/, '$1')));
    const ask = (change: (message: Json) => Json) =>
      talk.ask({ tools, messages: [opening, change(structuredClone(message)), ...results] });
    return { talk, opening, message, results, ask };
  }
  const without =
    (field: string) =>
    ({ [field]: _dropped, ...rest }: Json): Json =>
      rest;

  it.each(['deepseek', 'gemini', 'openrouter', 'routed', 'mistral'])(
    '%s takes its own answers back',
    async (vendor) => {
      const { ask } = await begun(vendor);
      // OpenRouter takes its own `reasoning`; a client that knows its details need not send it.
      expect((await ask(without('reasoning'))).status).toBe(200);
      expect(upstream.problems).toEqual([]);
    },
  );

  it('DeepSeek refuses calls without the field, and sees what is not what it gave', async () => {
    const { ask } = await begun('deepseek');
    expect((await ask(without('reasoning_content'))).text).toContain(
      'The reasoning_content in the thinking mode must be passed back to the API.',
    );
    upstream.problems.length = 0;
    expect((await ask((message) => ({ ...message, reasoning_content: '' }))).status).toBe(200);
    expect(upstream.problems).toEqual([expect.stringContaining('got "" as its reasoning')]);
  });

  it('Gemini refuses a first call without a signature, takes the stand-in for others only', async () => {
    const { talk, opening, ask } = await begun('gemini');
    const signed = (signature: string | null) => (message: Json) => {
      const [first, ...others] = message.tool_calls as Json[];
      const { extra_content, ...bare } = first ?? {};
      expect(extra_content).toBeDefined();
      const extra = signature === null ? {} : { extra_content: { google: { thought_signature: signature } } };
      return { ...message, tool_calls: [{ ...bare, ...extra }, ...others] };
    };
    expect((await ask(signed(null))).text).toContain(
      'Function call is missing a thought_signature in functionCall parts',
    );
    expect((await ask(signed('c2lnbmF0dXJl'))).text).toContain('Corrupted thought signature');
    upstream.problems.length = 0;
    expect((await ask(signed('skip_thought_signature_validator'))).status).toBe(200);
    expect(upstream.problems).toEqual([expect.stringContaining('got the stand-in')]);

    upstream.problems.length = 0;
    talk.expect('elsewhere');
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'Read', arguments: '{"path":"elsewhere"}' },
      extra_content: { google: { thought_signature: 'skip_thought_signature_validator' } },
    };
    const result = { role: 'tool', tool_call_id: 'call_1', content: `content of elsewhere ${talk.mark}` };
    const messages = [opening, { role: 'assistant', content: null, tool_calls: [call] }, result];
    expect((await talk.ask({ tools, messages })).status).toBe(200);
    expect(upstream.problems).toEqual([]);
  });

  it("OpenRouter sees details that are missing, changed or another's", async () => {
    const { ask } = await begun('openrouter');
    await ask(without('reasoning_details'));
    await ask((message) => ({ ...message, reasoning_details: (message.reasoning_details as Json[]).slice(1) }));
    const other = await begun('routed');
    await other.ask((message) => ({
      ...message,
      reasoning_details: [{ type: 'reasoning.text', text: 'x', index: 0 }],
    }));
    expect(upstream.problems).toEqual([
      expect.stringContaining('did not get its reasoning_details'),
      expect.stringContaining('got [{"type":"reasoning.encrypted"'),
      expect.stringContaining('got [{"type":"reasoning.text","text":"x"'),
    ]);
  });

  it('OpenRouter takes the pieces of a stream as they came', async () => {
    const { ask } = await begun('routed');
    const { status } = await ask((message) => {
      const [{ text, signature, ...rest }] = message.reasoning_details as [Json];
      const pieces = [String(text).slice(0, 9), String(text).slice(9)].map((piece) => ({ ...rest, text: piece }));
      return { ...message, reasoning_details: [...pieces, { ...rest, text: '', signature }] };
    });
    expect(status).toBe(200);
    expect(upstream.problems).toEqual([]);
  });

  it('Mistral refuses other ids and a user after a tool', async () => {
    const { talk, opening, message, results } = await begun('mistral');
    const id = 'call_of_another_server';
    const [first] = message.tool_calls as Json[];
    const odd = [
      opening,
      { ...message, tool_calls: [{ ...first, id }] },
      { ...results[0], tool_call_id: id },
      { role: 'user', content: `And? ${talk.mark}` },
    ];
    expect((await talk.ask({ tools, messages: odd })).status).toBe(400);
    expect(upstream.problems.join()).toContain(`invalid tool call id '${id}'`);
    expect(upstream.problems.join()).toContain("Unexpected role 'user' after role 'tool'");
  });
});

describe('Ollama', () => {
  it("takes its own thinking back, and sees another's", async () => {
    const talk = new Direct('ollama', 'ollama');
    const body = {
      stream: false,
      options: { num_ctx: 8192 },
      tools: [{ type: 'function', function: { name: 'Read', parameters } }],
    };
    const opening = { role: 'user', content: `Find it. ${talk.mark}` };
    const { json } = await talk.ask({ ...body, messages: [opening] });
    const message = json.message as Json & { tool_calls: { id: string; function: { arguments: { path: string } } }[] };
    const [call] = message.tool_calls;
    const path = call?.function.arguments.path ?? '';
    talk.expect(path);
    const result = {
      role: 'tool',
      tool_name: 'Read',
      tool_call_id: call?.id,
      content: `content of ${path} ${talk.mark}`,
    };
    expect((await talk.ask({ ...body, messages: [opening, message, result] })).status).toBe(200);
    expect(upstream.problems).toEqual([]);
    await talk.ask({ ...body, messages: [opening, { ...message, thinking: undefined }, result] });
    await talk.ask({
      ...body,
      messages: [opening, { role: 'assistant', content: 'Hm.', thinking: 'Mine is better.' }, message, result],
    });
    expect(upstream.problems).toEqual([
      expect.stringContaining('did not get its thinking'),
      expect.stringContaining('got thinking of another: Mine is better.'),
    ]);
  });
});
