import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { TokenStore } from '../../src-main/secrets/token-store.ts';
import { unpackTurn } from '../../src-main/storage/turn-payload.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { agentTools, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { answer, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Keep = NonNullable<ConfigInput['conversations']>['keep'];

let upstream: ScriptableUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
beforeEach(() => upstream.reset());
afterAll(() => upstream.close());

async function homeForTest(): Promise<string> {
  const home = await mkdtemp(path.join(tmpdir(), 'cproxy-store-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
}

async function start(home: string, keep?: Keep): Promise<RunningEngine> {
  const engine = await runEngine(
    {
      providers: [{ id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['sonnet'], key: 'env:KEY' }],
      ...(keep === undefined ? {} : { conversations: { keep } }),
    },
    { env: { KEY: 'canary-provider-key' }, home },
  );
  onTestFinished(engine.stop);
  return engine;
}

const databaseOf = (home: string): string => path.join(home, 'data', 'reasoning.db');
const call = { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'canary-command' } } as const;
const task = { role: 'user', content: 'canary-prompt' };

/** A Chat client, which keeps nothing of reasoning. */
const chat = (engine: RunningEngine, token: string, messages: unknown[]): Promise<Response> =>
  engine.ask(
    {
      model: 'claude/sonnet',
      messages,
      tools: agentTools.map(({ name, input_schema: parameters }) => ({
        type: 'function',
        function: { name, parameters },
      })),
    },
    { path: '/v1/chat/completions', headers: { authorization: `Bearer ${token}` } },
  );

/** One answer that thinks and calls a tool. */
async function rememberOne(engine: RunningEngine, token: string): Promise<void> {
  upstream.queue(
    answer([
      { type: 'thinking', text: 'I think.', signature: 'EqQBsignature' },
      { type: 'text', text: 'canary-answer' },
      call,
    ]),
  );
  expect((await chat(engine, token, [task])).status).toBe(200);
}

/** What reaches the provider when the conversation goes on. */
async function goOn(engine: RunningEngine, token: string): Promise<string> {
  const { id, name, input } = call;
  const calls = [{ id, type: 'function', function: { name, arguments: JSON.stringify(input) } }];
  await chat(engine, token, [
    task,
    { role: 'assistant', content: null, tool_calls: calls },
    { role: 'tool', tool_call_id: id, content: 'a.txt' },
  ]);
  return JSON.stringify(upstream.asked.at(-1)?.json);
}

describe('what is kept of conversations', () => {
  it('lies on disk, survives a restart, and holds nothing but reasoning', async () => {
    const home = await homeForTest();
    const first = await start(home);
    const { token } = first;
    // Nothing is written, nor a thread started, before there is something to keep.
    await first.ask({ model: 'demo', max_tokens: 9, messages: [task] });
    expect(existsSync(databaseOf(home))).toBe(false);
    await rememberOne(first, token);
    await first.stop();

    const raw = new DatabaseSync(databaseOf(home), { readBigInts: true });
    const turns = raw
      .prepare('SELECT data FROM payload')
      .all()
      .map(({ data }) => unpackTurn(data));
    const rest = ['conversation', 'turn', 'provider', 'signature', 'correction'].flatMap((table) =>
      raw.prepare(`SELECT * FROM ${table}`).all(),
    );
    raw.close();
    expect(turns).toMatchObject([
      { provider: 'claude', model: 'sonnet', reasoning: { '': [{ thinking: 'I think.' }] } },
    ]);
    expect(JSON.stringify([turns, rest], (_, value) => (typeof value === 'bigint' ? `${value}` : value))).not.toMatch(
      new RegExp(`canary|${token}`),
    );

    const second = await start(home);
    await waitUntil('what was remembered', async () => (await goOn(second, token)).includes('EqQBsignature'));
    expect(second.engine.status().warnings).toEqual([]);
  });

  it.each<[Keep, boolean]>([
    ['memory', true],
    ['nothing', false],
  ])('with keep: %s nothing is written', async (keep, remembers) => {
    const home = await homeForTest();
    const engine = await start(home, keep);
    await rememberOne(engine, engine.token);
    expect((await goOn(engine, engine.token)).includes('EqQBsignature')).toBe(remembers);
    await engine.stop();
    expect(existsSync(databaseOf(home))).toBe(false);
  });

  it('is kept apart for each token: their conversations may begin alike, and calls be counted alike', async () => {
    const home = await homeForTest();
    const data = path.join(home, 'data');
    await mkdir(data, { mode: 0o700 });
    const tokens = TokenStore.open(data);
    const [ann, bob] = [(await tokens.create('ann')).token, (await tokens.create('bob')).token];
    const engine = await runEngine(
      {
        providers: [
          {
            id: 'kimi',
            type: 'openai-compatible',
            baseUrl: upstream.url,
            models: ['k3'],
            quirks: { returnsReasoningContent: true },
          },
        ],
      },
      { home },
    );
    onTestFinished(engine.stop);
    const calls = [{ id: 'functions.Bash:0', type: 'function', function: { name: 'Bash', arguments: '{}' } }];
    const send = (token: string, messages: unknown[]) =>
      engine.ask(
        { model: 'kimi/k3', messages, tools: [{ type: 'function', function: { name: 'Bash', parameters: {} } }] },
        { path: '/v1/chat/completions', headers: { authorization: `Bearer ${token}` } },
      );
    for (const [token, text] of [
      [ann, 'What Ann wants.'],
      [bob, 'What Bob wants.'],
    ] as const) {
      upstream.queue(
        answer([
          { type: 'thinking', text },
          { type: 'tool_use', id: 'functions.Bash:0', name: 'Bash', input: {} },
        ]),
      );
      expect((await send(token, [task])).status).toBe(200);
    }
    for (const [token, text] of [
      [ann, 'What Ann wants.'],
      [bob, 'What Bob wants.'],
    ] as const) {
      const output = { role: 'tool', tool_call_id: 'functions.Bash:0', content: 'a.txt' };
      await send(token, [task, { role: 'assistant', content: null, tool_calls: calls }, output]);
      expect(upstream.asked.at(-1)?.json).toMatchObject({ messages: [{}, { reasoning_content: text }, {}] });
    }
  });

  it('a database that cannot be read is told of in the status, and does not stop anything', async () => {
    const home = await homeForTest();
    await mkdir(path.join(home, 'data'), { mode: 0o700 });
    await writeFile(databaseOf(home), 'no database'.repeat(100));
    const engine = await start(home);
    await rememberOne(engine, engine.token);
    await waitUntil('the warning', () => engine.engine.status().warnings.length === 1);
    expect(engine.engine.status().warnings[0]).toContain('reasoning.db could not be read and was moved to');
    expect(await goOn(engine, engine.token)).toContain('EqQBsignature');
  });
});
