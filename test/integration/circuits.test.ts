import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

let preferred: ScriptableUpstream;
let other: ScriptableUpstream;
let running: RunningEngine | null = null;

async function start(routing: ConfigInput['routing']): Promise<RunningEngine> {
  const type = 'anthropic-compatible' as const;
  running = await runEngine({
    server: { auth: 'none' },
    providers: [
      { id: 'preferred', type, baseUrl: preferred.url, models: ['m'], priority: 1 },
      { id: 'other', type, baseUrl: other.url, models: ['m'], priority: 2 },
    ],
    routing: { retries: { rounds: 0 }, ...routing },
  });
  return running;
}

const call = async () => {
  if (running === null) throw new Error('nothing runs');
  return createRouterClient(await running.engine.controlRouter());
};

interface Asked {
  session?: string;
  midTurn?: boolean;
  token?: string;
}

/** @returns which provider has answered. */
async function ask({ session = crypto.randomUUID(), midTurn = false, token }: Asked = {}): Promise<string | null> {
  if (running === null) throw new Error('nothing runs');
  const body = question('hello', { stream: true });
  const messages = midTurn
    ? [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Read', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'text' }] },
      ]
    : body.messages;
  const response = await running.ask(
    { ...body, messages },
    { headers: { 'x-claude-code-session-id': session, ...(token === undefined ? {} : { 'x-cproxy-token': token }) } },
  );
  await response.text();
  expect(response.status).toBe(200);
  return response.headers.get('x-cproxy-provider');
}

beforeEach(async () => {
  preferred = await startUpstream();
  other = await startUpstream();
});
afterEach(async () => {
  await running?.stop();
  running = null;
  await preferred.close();
  await other.close();
});

describe('a target that fails again and again', () => {
  it('is left alone without a call, says so, and can be tried at once by hand', async () => {
    await start({ circuit: { failures: 2, openMs: 600_000, longestOpenMs: 600_000 } });
    preferred.script(() => fail(500));
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual(['other', 'other', 'other', 'other']);
    expect(preferred.requests).toHaveLength(2);

    const control = await call();
    const views = await control.circuits.list();
    expect(views).toMatchObject([{ provider: 'preferred', model: 'm', state: 'open', failures: 2 }]);
    expect((await control.status()).providers[0]?.circuits).toEqual(views);
    const explained = await control.requests.explain({ id: 'latest' });
    expect(explained?.route?.candidates).toMatchObject([
      { provider: 'other', place: 'target' },
      { provider: 'preferred', place: 'reserve', why: expect.stringMatching(/^it is left alone for \d+ s more/) },
    ]);

    preferred.script(() => say('back'));
    expect(await control.circuits.reset({ provider: 'preferred' })).toEqual({ closed: 1 });
    expect(await ask()).toBe('preferred');
    expect(await control.circuits.list()).toEqual([]);
  });

  it('is asked all the same when all others have failed', async () => {
    await start({ circuit: { failures: 1, openMs: 600_000, longestOpenMs: 600_000 } });
    preferred.script(() => fail(500));
    expect(await ask()).toBe('other');
    preferred.script(() => say('back'));
    other.script(() => fail(500));
    expect(await ask()).toBe('preferred');
    expect(await (await call()).circuits.list()).toMatchObject([{ provider: 'other' }]);
  });

  it('that is the only one is asked every time', async () => {
    await start({ circuit: { failures: 1, openMs: 600_000, longestOpenMs: 600_000 } });
    preferred.script(() => fail(500));
    for (let count = 0; count < 3; count += 1)
      expect((await running?.ask({ ...question('hello'), model: 'preferred/m' }))?.status).toBe(500);
    preferred.script(() => say('back'));
    expect((await running?.ask({ ...question('hello'), model: 'preferred/m' }))?.status).toBe(200);
  });

  it('is tried again with one request when it has rested, and conversations go back to it', async () => {
    await start({ circuit: { failures: 1, openMs: 1, longestOpenMs: 1 }, affinity: { returnAfterMs: 600_000 } });
    preferred.script(() => fail(500));
    expect(await ask({ session: 'old' })).toBe('other');
    preferred.script(() => say('back'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    // New conversations at once; the old one, which has its prompt cache elsewhere, not yet.
    expect(await ask({ session: 'new' })).toBe('preferred');
    expect(await ask({ session: 'old', midTurn: true })).toBe('other');
    expect(await ask({ session: 'old' })).toBe('other');
    expect(await ask({ session: 'new' })).toBe('preferred');
  });

  it('gets an old conversation back with its next turn, not in the middle of one', async () => {
    await start({ circuit: { enabled: false }, affinity: { returnAfterMs: 1 } });
    preferred.script(() => fail(500));
    expect(await ask({ session: 'old' })).toBe('other');
    preferred.script(() => say('back'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await ask({ session: 'old', midTurn: true })).toBe('other');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await ask({ session: 'old' })).toBe('preferred');
  });
});

describe('a conversation', () => {
  it('is at home where it was before a restart', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cproxy-homes-'));
    const type = 'anthropic-compatible' as const;
    const begin = async () => {
      running = await runEngine(
        {
          providers: [
            { id: 'preferred', type, baseUrl: preferred.url, models: ['m'] },
            { id: 'other', type, baseUrl: other.url, models: ['m'] },
          ],
          routing: { loadBalancing: { strategy: 'round-robin' } },
        },
        { home },
      );
    };
    try {
      await begin();
      const token = running?.engine.firstToken ?? '';
      const sessions = ['one', 'two', 'three', 'four'];
      const before = [];
      for (const session of sessions) before.push(await ask({ session, token }));
      expect(new Set(before).size).toBe(2);
      await running?.stop();
      await begin();
      const after = [];
      for (const session of sessions.toReversed()) after.unshift(await ask({ session, token }));
      expect(after).toEqual(before);
    } finally {
      await running?.stop();
      running = null;
      await rm(home, { recursive: true, force: true });
    }
  });
});
