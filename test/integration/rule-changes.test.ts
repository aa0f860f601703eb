import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { RuleInput } from '../../src-shared/rules.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { closedPort, fail, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';

type Fields = Record<string, unknown>;

let upstream: ScriptableUpstream;
let home: string;
let running: RunningEngine | null = null;
let token = '';
let closed = '';
const rows: RequestRow[] = [];
const keepRow: Middleware = {
  name: 'rows',
  request: async ({ row }, next) => {
    rows.push(row);
    await next();
  },
};

beforeAll(async () => {
  upstream = await startUpstream();
  closed = `http://127.0.0.1:${await closedPort()}`;
});
beforeEach(async () => {
  upstream.reset();
  rows.length = 0;
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-changes-'));
});
afterEach(async () => {
  await running?.stop();
  running = null;
  await rm(home, { recursive: true, force: true });
});
afterAll(() => upstream.close());

/** An engine with these rules, in the place of the one before; what is remembered stays. */
async function start(rules: RuleInput[], rest: ConfigInput = {}): Promise<void> {
  await running?.stop();
  const baseUrl = upstream.url;
  running = await runEngine(
    {
      providers: [
        { id: 'claude', type: 'anthropic', baseUrl, key: 'env:KEY', models: ['claude-sonnet-4-6', 'claude-opus-5-5'] },
        {
          id: 'chat',
          type: 'openai-compatible',
          baseUrl: `${baseUrl}/v1`,
          models: [{ id: 'chatty', maxOutput: 4096 }],
          headers: { 'x-team': 'configured' },
          quirks: { reasoningFormat: 'reasoning_effort' },
        },
        { id: 'gpt', type: 'openai', baseUrl: `${baseUrl}/v1`, key: 'env:KEY', models: ['gpt-6.1-sol'] },
        { id: 'gone', type: 'anthropic-compatible', baseUrl: closed, models: ['nobody'] },
      ],
      ...rest,
      routing: { rules, ...rest.routing },
    },
    { env: { KEY: 'sk-test' }, home, middleware: [keepRow] },
  );
  if (running.token !== '') token = running.token;
}

async function ask(door: string, body: Fields | string, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await running?.ask(body, {
    path: door,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  if (response === undefined) throw new Error('no engine runs');
  expect({ status: response.status, text: response.status < 400 ? '' : await response.clone().text() }).toEqual({
    status: 200,
    text: '',
  });
  return response.json();
}

const sent = (): Fields => upstream.asked.at(-1)?.json ?? {};
const changesTold = (): string[] =>
  (rows.at(-1)?.trace ?? []).flatMap(({ step, detail }) => (step === 'changes' ? [detail] : []));

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const messages = (body: Fields, headers: Record<string, string> = {}) =>
  ask('/v1/messages', { max_tokens: 900, ...body }, headers);
const chat = (body: Fields) => ask('/v1/chat/completions', body);
const responses = (body: Fields) => ask('/v1/responses', body);
const always = (change: NonNullable<RuleInput['use']['change']>, id = 'r'): RuleInput => ({ id, use: { change } });
const textOf = (value: unknown): string => JSON.stringify(value ?? null);

const everything = {
  maxTokens: 5000,
  effort: 'low',
  temperature: 0.5,
  system: 'Be kind.',
  headers: { 'X-Team': 'rule', 'x-extra': 'yes' },
} as const;

describe('what a rule changes reaches the provider', () => {
  beforeEach(() => start([always(everything)]));

  it('from a Messages client that is passed through: only that, with every other byte as it came', async () => {
    const body = `{ "model":"claude/claude-sonnet-4-6", "max_tokens" : 900, "top_p":1.0, "system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}}], "messages":[{"role":"user", "content":"h\\u00e9"}]}`;
    await ask('/v1/messages', body, { 'x-extra': 'mine', 'x-other': 'kept' });
    const [request] = upstream.asked;
    expect(request?.text).toBe(
      `{ "model":"claude-sonnet-4-6", "max_tokens" : 5000, "system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Be kind."}], "messages":[{"role":"user", "content":"h\\u00e9"}],"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"low"}}`,
    );
    expect(request?.headers).toMatchObject({ 'x-team': 'rule', 'x-extra': 'yes', 'x-other': 'kept' });
    expect(changesTold()).toEqual([
      'claude/claude-sonnet-4-6: max tokens 5,000 instead of 900; effort low; top_p left out: the model thinks; temperature left out: the model thinks; text added to the system prompt; headers set: X-Team, x-extra',
    ]);
  });
  it('from a Messages client, translated; the provider has its own headers and limits', async () => {
    await messages({ model: 'chat/chatty', system: 'A', messages: [user('hi')] });
    expect(sent()).toMatchObject({ max_tokens: 4096, temperature: 0.5, reasoning_effort: 'low' });
    expect(sent().messages).toEqual([
      { role: 'system', content: expect.stringMatching(/^A\n\n?Be kind\.$/) as unknown },
      user('hi'),
    ]);
    expect(upstream.asked[0]?.headers).toMatchObject({ 'x-team': 'configured', 'x-extra': 'yes' });
    expect(changesTold()[0]).toContain('max tokens 4,096 (the model writes no more) instead of 900');
  });
  it('from a client of Chat Completions, passed through', async () => {
    const body = { model: 'chat/chatty', max_tokens: 9, messages: [{ role: 'system', content: 'A' }, user('hi')] };
    await chat(body);
    expect(sent()).toEqual({
      model: 'chatty',
      max_tokens: 4096,
      messages: [{ role: 'system', content: 'A\n\nBe kind.' }, user('hi')],
      reasoning_effort: 'low',
      temperature: 0.5,
    });
  });
  it('from a client of Chat Completions, translated', async () => {
    await chat({ model: 'claude/claude-sonnet-4-6', messages: [user('hi')] });
    expect(sent()).toMatchObject({
      max_tokens: 5000,
      thinking: { type: 'adaptive' },
      output_config: { effort: 'low' },
    });
    expect(sent()).not.toHaveProperty('temperature');
    expect(textOf(sent().system)).toContain('Be kind.');
  });
  it('from a client of Responses, passed through', async () => {
    await responses({ model: 'gpt/gpt-6.1-sol', instructions: 'A', input: 'hi', reasoning: { summary: 'auto' } });
    expect(sent()).toMatchObject({
      instructions: 'A\n\nBe kind.',
      input: 'hi',
      max_output_tokens: 5000,
      reasoning: { summary: 'auto', effort: 'low' },
    });
    expect(sent()).not.toHaveProperty('temperature');
  });
  it('from a client of Responses, translated', async () => {
    await responses({ model: 'claude/claude-sonnet-4-6', input: 'hi' });
    expect(sent()).toMatchObject({ max_tokens: 5000, output_config: { effort: 'low' } });
    expect(textOf(sent().system)).toContain('Be kind.');
  });
  it('whichever target answers', async () => {
    await start([
      { id: 'r', use: { targets: ['gone/nobody', 'chat/chatty', 'claude/claude-sonnet-4-6'], change: everything } },
    ]);
    upstream.queue(fail(503));
    await messages({ model: 'x', messages: [user('hi')] });
    const [first, second] = upstream.asked;
    expect(textOf(first?.json.messages)).toContain('Be kind.');
    expect(second?.json.system).toBe('Be kind.');
    expect(rows.at(-1)?.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'answered']);
  });
});

it('a request that no rule changes is passed through as it is, and nothing is told', async () => {
  await start([{ ...always(everything), when: { model: 'other' } }]);
  const body = '{ "model":"claude-opus-5-5", "max_tokens" : 900.0,"messages":[ {"role":"user","content":"hi"}] }';
  await ask('/v1/messages', body);
  expect(upstream.asked[0]?.text).toBe(body);
  expect(changesTold()).toEqual([]);
});

describe('text after the system prompt', () => {
  const model = 'claude/claude-opus-5-5';
  const first = { model, messages: [user('hi')] };
  const second = { model, messages: [user('hi'), assistant('hello'), user('go on')] };
  const session = { 'x-claude-code-session-id': 'session-1' };
  const kinds = [
    ['a client that names its conversation', session],
    ['one that does not', {}],
  ] as const;

  it.each(kinds)('stays as it was in the first turn, for %s', async (_, headers) => {
    await start([always({ system: 'Be kind.' })]);
    await messages(first, headers);
    expect(sent().system).toBe('Be kind.');
    // Another text, in another life of the engine.
    await start([always({ system: 'Be brief.' })]);
    await messages(second, headers);
    expect(sent().system).toBe('Be kind.');
    expect(changesTold()).toContain("system text: that of the conversation's first turn, not what rules say by now");
    // No rule at all.
    await start([]);
    await messages(second, headers);
    expect(sent().system).toBe('Be kind.');
    expect(rows.at(-1)?.route).not.toBe('rule r');
  });
  it.each(kinds)('is not added to a conversation that was begun without, for %s', async (_, headers) => {
    await start([]);
    await messages(first, headers);
    await start([always({ system: 'Be kind.' })]);
    await messages(second, headers);
    expect(sent()).not.toHaveProperty('system');
    expect(changesTold()).toEqual(['system text left out: the conversation was begun without it']);
  });
  it('is the same for each conversation, and of its own for another', async () => {
    await start([
      { id: 'kind', when: { headers: { 'x-mood': 'kind' } }, use: { change: { system: 'Be kind.' } } },
      always({ system: 'Be brief.' }),
    ]);
    await messages(first, { ...session, 'x-mood': 'kind' });
    await messages(first, { 'x-claude-code-session-id': 'session-2' });
    await messages(second, session);
    await messages(second, { 'x-claude-code-session-id': 'session-2', 'x-mood': 'kind' });
    expect(upstream.asked.map(({ json }) => json.system)).toEqual(['Be kind.', 'Be brief.', 'Be kind.', 'Be brief.']);
  });
  it('is the same in a summary of the conversation, and what is asked beside it does not decide', async () => {
    await start([
      { id: 'side', when: { class: 'background' }, use: { change: { system: 'Be quick.' } } },
      always({ system: 'Be kind.' }),
    ]);
    const asClass = (name: string) => ({ ...session, 'x-claude-code-request-class': name });
    await messages(first, asClass('auxiliary'));
    await messages(first, asClass('main'));
    await start([always({ system: 'Be brief.' })]);
    await messages(second, asClass('compaction'));
    expect(upstream.asked.map(({ json }) => json.system)).toEqual(['Be quick.', 'Be kind.', 'Be kind.']);
  });
  it('is counted, and a count begins no conversation', async () => {
    await start([always({ ...everything, system: 'Be kind.' })]);
    await ask('/v1/messages/count_tokens', first, session);
    expect(upstream.counted.at(-1)?.json).toEqual({
      model: 'claude-opus-5-5',
      messages: [user('hi')],
      system: 'Be kind.',
    });
    await start([always({ system: 'Be brief.' })]);
    await messages(first, session);
    expect(sent().system).toBe('Be brief.');
    await start([]);
    await ask('/v1/messages/count_tokens', second, session);
    expect(upstream.counted.at(-1)?.json.system).toBe('Be brief.');
  });
  it('is counted on this machine, too', async () => {
    const countOf = async (): Promise<number> => {
      const answer = await ask('/v1/messages/count_tokens', { model: 'chat/chatty', messages: [user('hi')] });
      return (answer as { input_tokens: number }).input_tokens;
    };
    upstream.count(() => null);
    await start([]);
    const without = await countOf();
    await start([always({ system: 'Always answer as kindly as you possibly can, in whole sentences.' })]);
    expect(await countOf()).toBeGreaterThan(without + 5);
  });
  it('is never added where nothing may be remembered', async () => {
    await start([always({ system: 'Be kind.' })], { conversations: { keep: 'nothing' } });
    await messages(first, session);
    expect(sent()).not.toHaveProperty('system');
    expect(changesTold()[0]).toContain("conversations.keep is 'nothing'");
    expect(running?.engine.status().warnings.join()).toContain("while conversations.keep is 'nothing'");
  });
  it('lives as long as the engine where nothing gets to the disk', async () => {
    await start([always({ system: 'Be kind.' }, 'r')], { conversations: { keep: 'memory' } });
    await messages(first, session);
    await messages(second, session);
    expect(sent().system).toBe('Be kind.');
  });
  it('stays in conversations of OpenAI’s dialects', async () => {
    await start([always({ system: 'Be kind.' })]);
    await chat({ model: 'chat/chatty', messages: [user('hi')] });
    await responses({ model: 'gpt/gpt-6.1-sol', input: [user('hi there')] });
    await start([always({ system: 'Be brief.' })]);
    await chat({ model: 'chat/chatty', messages: [user('hi'), assistant('hello'), user('and?')] });
    expect(textOf(sent().messages)).toContain('Be kind.');
    const answered = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hello' }] };
    await responses({ model: 'gpt/gpt-6.1-sol', input: [user('hi there'), answered, user('and?')] });
    expect(sent().instructions).toBe('Be kind.');
  });
});
