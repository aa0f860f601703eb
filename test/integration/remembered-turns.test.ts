import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { readMessage } from '../helpers/answers.ts';
import { agentTools, question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  type Part,
  type ScriptableUpstream,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Fields = Record<string, unknown>;
type ChatMessage = OpenAI.Chat.Completions.ChatCompletionMessageParam;

let upstream: ScriptableUpstream;
let home: string;
let running: RunningEngine;
let token: string;
const rows: RequestRow[] = [];
const keepRow: Middleware = {
  name: 'rows',
  request: async ({ row }, next) => {
    rows.push(row);
    await next();
  },
};

function config(): ConfigInput {
  const baseUrl = upstream.url;
  return {
    providers: [
      { id: 'claude', type: 'anthropic', baseUrl, models: ['sonnet', 'opus'], key: 'env:KEY' },
      { id: 'kimi', type: 'anthropic-compatible', baseUrl, models: ['k3'] },
      { id: 'gpt', type: 'openai', baseUrl, models: ['gpt-6.1-sol'], key: 'env:KEY' },
      { id: 'deepseek', type: 'openai-compatible', baseUrl, quirks: { returnsReasoningContent: true } },
    ],
  };
}
const start = (): Promise<RunningEngine> =>
  runEngine(config(), { env: { KEY: 'sk-test' }, home, middleware: [keepRow] });

beforeAll(async () => {
  upstream = await startUpstream();
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-turns-'));
  running = await start();
  token = running.token;
});
beforeEach(() => upstream.reset());
afterEach(() => rows.splice(0));
afterAll(async () => {
  await running.stop();
  await upstream.close();
  await rm(home, { recursive: true, force: true });
});

/** As Claude Code asks. The token is told at the first start only. */
async function ask(rest: Fields, headers: Record<string, string> = {}): Promise<Response> {
  const response = await running.ask(question('', { tools: agentTools, ...rest }), {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  expect(response.status).toBe(200);
  return response;
}

/** The body that has reached the provider last. */
const lastSent = (): Fields => upstream.asked.at(-1)?.json ?? {};

const chatTools = agentTools.map(({ name, input_schema: parameters }) => ({
  type: 'function' as const,
  function: { name, parameters },
}));
const client = (): OpenAI => new OpenAI({ baseURL: `${running.url}/v1`, apiKey: token, maxRetries: 0 });

const call = (id: string, command = 'ls'): Part => ({ type: 'tool_use', id, name: 'Bash', input: { command } });
const thinking = (text: string, signature?: string): Part => ({
  type: 'thinking',
  text,
  ...(signature === undefined ? {} : { signature }),
});

/** What a client that knows nothing of reasoning keeps of an answer. */
const bareCall = (id: string, command = 'ls'): ChatMessage[] => [
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id, type: 'function', function: { name: 'Bash', arguments: JSON.stringify({ command }) } }],
  },
  { role: 'tool', tool_call_id: id, content: 'a.txt' },
];

/** Asks once; the body that has reached the provider. */
async function chat(model: string, messages: readonly ChatMessage[], stream = false, headers = {}): Promise<Fields> {
  const before = upstream.asked.length;
  const body = { model, messages: [...messages], tools: chatTools };
  if (stream) await client().chat.completions.stream(body, { headers }).finalMessage();
  else await client().chat.completions.create(body, { headers });
  return upstream.asked[before]?.json ?? {};
}

const answersIn = (sent: Fields): unknown[] =>
  (sent.messages as Fields[]).filter(({ role }) => role === 'assistant').map(({ content }) => content);

const traced = (): (string | undefined)[] =>
  rows.map(({ trace }) => trace.find(({ step }) => step === 'reasoning')?.detail);

describe.each([true, false])('a Chat client that keeps nothing but calls (streamed: %s)', (stream) => {
  const task: ChatMessage = { role: 'user', content: `Look around (${stream})` };

  it('has Claude think on from its own signed thinking, also after a restart', async () => {
    upstream.queue(answer([thinking('Where am I?', 'EqQBsig1'), { type: 'text', text: 'I look.' }, call('toolu_1')]));
    await chat('claude/sonnet', [task], stream);
    upstream.queue(answer([thinking('And there?', 'EqQBsig2'), call('toolu_2', 'pwd')]));
    const second = await chat('claude/sonnet', [task, ...bareCall('toolu_1')], stream);
    const whole = [
      { type: 'thinking', thinking: 'Where am I?', signature: 'EqQBsig1' },
      { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
    ];
    expect(answersIn(second)).toMatchObject([whole]);
    expect(traced()).toEqual([
      undefined,
      'given back to claude/sonnet: reasoning of one turn that the client had left out',
    ]);

    await running.stop();
    running = await start();
    // A request does not wait long for a slow disk; the next one has what was read.
    let third: Fields = {};
    await waitUntil('the disk has been read', async () => {
      third = await chat('claude/sonnet', [task, ...bareCall('toolu_1'), ...bareCall('toolu_2', 'pwd')], stream);
      return JSON.stringify(third).includes('EqQB');
    });
    expect(answersIn(third)).toMatchObject([
      whole,
      [
        { type: 'thinking', thinking: 'And there?', signature: 'EqQBsig2' },
        { type: 'tool_use', id: 'toolu_2', name: 'Bash', input: { command: 'pwd' } },
      ],
    ]);
    expect(traced().at(-1)).toBe('given back to claude/sonnet: reasoning of 2 turns that the client had left out');
    // What Anthropic has cached stays the same.
    const [before, after] = [second, third].map(({ messages }) => JSON.stringify((messages as Fields[]).slice(0, 2)));
    expect(after).toBe(before);
  });

  it('gives it to no other target, no other conversation, and for no other call', async () => {
    upstream.queue(answer([thinking('Mine', 'EqQBmine'), call('call_0')]));
    await chat('claude/opus', [task], stream);
    const other: ChatMessage = { role: 'user', content: 'Something else' };
    for (const [model, messages] of [
      ['claude/sonnet', [task, ...bareCall('call_0')]],
      ['kimi/k3', [task, ...bareCall('call_0')]],
      ['claude/opus', [other, ...bareCall('call_0')]],
      ['claude/opus', [task, ...bareCall('call_0', 'rm -r .')]],
      ['claude/opus', [task, ...bareCall('call_1')]],
    ] as const)
      expect(JSON.stringify(await chat(model, messages, stream))).not.toContain('Mine');
    expect(traced().filter((detail) => detail !== undefined)).toEqual([]);
    expect(JSON.stringify(await chat('claude/opus', [task, ...bareCall('call_0')], stream))).toContain('EqQBmine');
  });

  it('gets none of an earlier answer with the same calls', async () => {
    const again: ChatMessage = { role: 'user', content: `Look again (${stream})` };
    const first = answer([thinking('Not yours', 'EqQBfirst'), call('call_0')]);
    for (const step of [first, answer([call('call_0')])]) {
      upstream.queue(step);
      await chat('claude/sonnet', [again], stream);
    }
    expect(JSON.stringify(await chat('claude/sonnet', [again, ...bareCall('call_0')], stream))).not.toContain(
      'Not yours',
    );
  });

  it('keeps apart conversations that begin alike and count their calls alike, where it names them', async () => {
    for (const session of ['a', 'b']) {
      upstream.queue(answer([thinking(`Of ${session}`, `EqQB${session}`), call('call_0')]));
      await chat('claude/sonnet', [task], stream, { 'x-session-id': session });
    }
    for (const session of ['a', 'b']) {
      const sent = await chat('claude/sonnet', [task, ...bareCall('call_0')], stream, { 'x-session-id': session });
      expect(answersIn(sent)).toMatchObject([[{ thinking: `Of ${session}` }, { type: 'tool_use' }]]);
    }
  });
});

describe("OpenAI's own SDK, which keeps a piece of each field", () => {
  const thought = 'A thought of some length, which comes in several pieces.';

  /** What is sent to the provider of an answer that the SDK has put together. */
  async function returned(model: string): Promise<Fields> {
    const messages: ChatMessage[] = [{ role: 'user', content: 'Go step by step' }];
    upstream.queue(answer([thinking(thought, 'EqQBlong'), { type: 'text', text: 'I look.' }, call('call_a')]));
    const kept = await client().chat.completions.stream({ model, messages, tools: chatTools }).finalMessage();
    expect(JSON.stringify(kept)).not.toContain('A thought');
    messages.push(kept as ChatMessage, { role: 'tool', tool_call_id: 'call_a', content: 'a.txt' });
    const sent = await chat(model, messages);
    return (sent.messages as Fields[]).find(({ role }) => role === 'assistant') ?? {};
  }

  it('has Claude think on from all of its thinking', async () => {
    expect((await returned('claude/sonnet')).content).toMatchObject([
      { type: 'thinking', thinking: thought, signature: 'EqQBlong' },
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'call_a' },
    ]);
  });

  it('has DeepSeek think on from all of its own', async () => {
    expect((await returned('deepseek/v4')).reasoning_content).toBe(thought);
  });
});

it('a call that came whole before the answer was cut has its reasoning, too', async () => {
  const task = { role: 'user', content: 'Cut me off' };
  const session = { 'x-claude-code-session-id': 'cut' };
  upstream.queue(
    answer([thinking('Hm', 'c2VhbGVk'), call('call_1'), { type: 'text', text: 'And so on and so forth, for long.' }], {
      wire: { omitFinish: true },
    }),
  );
  const asked = { model: 'gpt/gpt-6.1-sol', messages: [task], stream: true };
  await (await ask(asked, session)).text();
  const messages = [
    task,
    { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'Bash', input: { command: 'ls' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'a.txt' }] },
  ];
  await (await ask({ ...asked, messages }, session)).text();
  expect(lastSent().input).toMatchObject([
    { role: 'user' },
    { type: 'reasoning', encrypted_content: 'c2VhbGVk' },
    { type: 'function_call', call_id: 'call_1' },
    { type: 'function_call_output' },
  ]);
});

it("Claude Code's subagents and its main conversation keep their own", async () => {
  const task = { role: 'user', content: 'Together' };
  const reasoningSent = async (agent: string | null, messages: object[]): Promise<unknown[]> => {
    const headers = { 'x-claude-code-session-id': 's', ...(agent === null ? {} : { 'x-claude-code-agent-id': agent }) };
    await readMessage(await ask({ model: 'deepseek/v4', messages }, headers));
    return (lastSent().messages as Fields[]).map(({ reasoning_content: text }) => text);
  };
  const agents = [null, 'a1', 'a2'];
  for (const agent of agents) {
    upstream.queue(answer([thinking(`I am ${agent}`), call('call_0')]));
    await reasoningSent(agent, [task]);
  }
  const returned = [
    task,
    { role: 'assistant', content: [{ type: 'tool_use', id: 'call_0', name: 'Bash', input: { command: 'ls' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_0', content: 'a.txt' }] },
  ];
  for (const agent of agents)
    expect(await reasoningSent(agent, returned)).toEqual([undefined, `I am ${agent}`, undefined]);
  expect(await reasoningSent('a3', returned)).toEqual([undefined, '', undefined]);
});

describe('a client that speaks the dialect of its provider', () => {
  it.each([true, false])('gets back what it has dropped (streamed: %s), its answer untouched', async (stream) => {
    const task: ChatMessage = { role: 'user', content: `Think (${stream})` };
    upstream.queue(answer([thinking('So it is.'), { type: 'text', text: 'I look.' }, call('call_0')]));
    await chat('deepseek/v4', [task], stream);
    const sent = await chat('deepseek/v4', [task, ...bareCall('call_0')], stream);
    expect((sent.messages as Fields[])[1]).toMatchObject({ reasoning_content: 'So it is.', content: null });
    expect(traced().at(-1)).toBe('given back to deepseek/v4: reasoning of one turn that the client had left out');
  });

  it('gets its answer byte by byte, also one that cannot be read beside', async () => {
    const frames = [
      '{"id":"1","choices":[{"index":0,"delta":{"reasoning_content":"Hm","tool_calls":"?"}}]}',
      '{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x": 1.0}',
      '[DONE]',
    ];
    upstream.queue({ kind: 'frames', frames: frames.map((data) => ({ data })) });
    const response = await running.ask(
      { model: 'deepseek/v4', stream: true, messages: [{ role: 'user', content: 'x' }], tools: chatTools },
      { path: '/v1/chat/completions', headers: { authorization: `Bearer ${token}` } },
    );
    expect(await response.text()).toBe(frames.map((data) => `data: ${data}\n\n`).join(''));
  });
});

it('phases of texts come back to OpenAI, which no client of another dialect can keep', async () => {
  const task = { role: 'user', content: 'Speak in phases' };
  const part: Part = { type: 'text', text: 'I look.', phase: 'commentary' };
  upstream.queue(answer([thinking('Hm', 'c2VhbGVk'), part, call('call_p')]));
  const model = 'gpt/gpt-6.1-sol';
  const { content } = await readMessage(await ask({ model, messages: [task] }));
  expect(JSON.stringify(content)).not.toContain('phase');
  upstream.queue(callTools([{ name: 'Bash', input: {} }]));
  const result = { type: 'tool_result', tool_use_id: 'call_p', content: 'a.txt' };
  const messages = [task, { role: 'assistant', content }, { role: 'user', content: [result] }];
  await readMessage(await ask({ model, messages }));
  expect(lastSent().input).toMatchObject([
    { role: 'user' },
    { type: 'reasoning' },
    { type: 'message', role: 'assistant', phase: 'commentary' },
    { type: 'function_call' },
    { type: 'function_call_output' },
  ]);
});
