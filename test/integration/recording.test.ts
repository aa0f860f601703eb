import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { KeptBodiesView } from '../../src-shared/recording.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const KEY = 'provider-canary-4f1c9a7788';
const GATEWAY = 'gateway canary "8812-quoted"';
/** Looks like a key: somebody has pasted it into a prompt. */
const PASTED = 'sk-canary-pasted-9d2e1f';
/** A client's header that no list knows. */
const HEADER = 'header-canary-77b0d2';

let upstream: ScriptableUpstream;
let running: RunningEngine;
let home: string;

type Bodies = NonNullable<NonNullable<ConfigInput['history']>['bodies']>;

const config = (bodies: Bodies = {}): ConfigInput => ({
  providers: [
    {
      ...{ id: 'a', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] },
      ...{ key: 'env:CANARY_KEY', headers: { 'x-gateway': GATEWAY } },
    },
    { id: 'o', type: 'openai-compatible', baseUrl: upstream.url, models: ['gpt'] },
    {
      ...{ id: 'r', type: 'openai-compatible', baseUrl: upstream.url, models: ['resp'] },
      protocols: ['openai-responses'],
    },
  ],
  routing: { rules: [{ id: 'again', when: { session: 'cached' }, use: { cache: true } }] },
  history: { bodies },
});

const start = async (bodies: Bodies = {}): Promise<void> => {
  running = await runEngine(config(bodies), { home, env: { CANARY_KEY: KEY }, reloads: true });
};

beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-recording-'));
  upstream = await startUpstream();
});
afterEach(async () => {
  await running.stop();
  await upstream.close();
  rmSync(home, { recursive: true, force: true });
});

const controlOf = async () => createRouterClient(await running.engine.controlRouter());
let token = '';

/** Of the engine that was started first with this home. */
async function ask(body: Record<string, unknown>, door = '/v1/messages', headers: Record<string, string> = {}) {
  token = running.token === '' ? token : running.token;
  const reply = await running.ask(body, { path: door, headers: { authorization: `Bearer ${token}`, ...headers } });
  const text = await reply.text();
  return { id: reply.headers.get('x-cproxy-request-id') ?? '', text, status: reply.status };
}

/** What is kept of a request that has been answered: it ends a moment after its last byte. */
const kept = async (id: string, from: 'memory' | 'disk' = 'memory'): Promise<KeptBodiesView> =>
  await waitUntil('its bodies', async () => {
    const view = await (await controlOf()).requests.bodies({ id });
    return view.state === 'kept' && view.from === from ? view : null;
  });

const onDisk = (count: number) =>
  waitUntil('it on the disk', async () => {
    const { disk } = await (await controlOf()).recording.view();
    return disk.requests === count && disk.waiting === 0;
  });

const doors = {
  '/v1/messages': { max_tokens: 64, messages: [{ role: 'user', content: 'hi' }] },
  '/v1/chat/completions': { messages: [{ role: 'user', content: 'hi' }] },
  '/v1/responses': { input: 'hi', store: false },
};
const matrix = Object.entries(doors).flatMap(([door, body]) =>
  ['a/m', 'o/gpt', 'r/resp'].flatMap((model) => [true, false].map((stream) => ({ door, body, model, stream }))),
);

describe('in memory', () => {
  test.each(matrix)('what was said at $door to $model, stream: $stream', async ({ door, body, model, stream }) => {
    await start();
    upstream.queue(say(`you said hi ${'x'.repeat(5_000)}`, { fragment: 300 }));
    const asked = { model, stream, ...body };
    const { id, text } = await ask(asked, door);
    const view = await kept(id);
    expect(JSON.parse(view.request.text)).toEqual(asked);
    expect(view.answer).toEqual({ text, encoding: 'utf8', bytes: Buffer.byteLength(text), truncated: false });
    expect(view).toMatchObject({ path: door, isComplete: true, from: 'memory' });
    const [attempt] = view.attempts;
    const sent = upstream.asked.at(-1)?.body.toString();
    const isTranslated = attempt !== undefined;
    expect(isTranslated).toBe(
      !['/v1/messages a/m', '/v1/chat/completions o/gpt', '/v1/responses r/resp'].includes(`${door} ${model}`),
    );
    if (isTranslated) expect(attempt.sent?.text).toBe(sent);
  });

  test('of what failed: what the provider said, and what the client was told', async () => {
    await start();
    upstream.queue(fail(400, { message: 'no such thing as 7' }));
    const { id, text, status } = await ask({ ...question(), model: 'o/gpt' });
    expect(status).toBe(400);
    const view = await kept(id);
    expect(view.answer?.text).toBe(text);
    expect(view.attempts[0]?.refusal?.text).toContain('no such thing as 7');
  });

  test('of an answer that there was no room for: that there was one', async () => {
    await start({ memoryBytes: 65_536 });
    upstream.queue(say('x'.repeat(100_000)));
    const { id, text } = await ask({ ...question(), model: 'o/gpt' });
    expect(text.length).toBeGreaterThan(100_000);
    const view = await kept(id);
    expect(view.request.truncated).toBe(false);
    expect(view.answer).toMatchObject({ bytes: text.length, truncated: true });
  });

  test('of what no provider has: the question and the error', async () => {
    await start();
    const { id, text, status } = await ask(question('hi', { model: 'nowhere' }));
    expect(status).toBe(404);
    expect((await kept(id)).answer?.text).toBe(text);
  });

  test('of a client that leaves: what it had got', async () => {
    await start();
    upstream.queue(say('one two three', { fragment: 3, breakAfter: { frames: 4, how: 'hang' } }));
    const leave = new AbortController();
    const reply = await running.ask(question('hi', { stream: true }), { signal: leave.signal });
    const id = reply.headers.get('x-cproxy-request-id') ?? '';
    const reader = reply.body?.getReader();
    const first = await reader?.read();
    leave.abort();
    const view = await kept(id);
    expect(view.isComplete).toBe(false);
    expect(view.answer?.text).toContain(
      Buffer.from(first?.value ?? [])
        .toString()
        .slice(0, 50),
    );
  });

  test('of an answer from the response cache, beside the cache itself', async () => {
    await start();
    const session = { 'x-claude-code-session-id': 'cached' };
    const first = await ask(question('again', { stream: true }), '/v1/messages', session);
    const second = await ask(question('again', { stream: true }), '/v1/messages', session);
    expect(upstream.asked).toHaveLength(1);
    expect((await kept(second.id)).answer?.text).toBe(first.text);
    expect((await kept(first.id)).answer?.text).toBe(first.text);
  });

  test('the newest, each up to its bound; none where none is asked for', async () => {
    await start({ memory: 2, maxBodyBytes: 2_000 });
    upstream.script(() => say('y'.repeat(9_000)));
    const ids: string[] = [];
    for (const text of ['one', 'two', `three ${'z'.repeat(4_000)}`]) ids.push((await ask(question(text))).id);
    const view = await kept(ids[2] ?? '');
    expect(view.request).toMatchObject({ truncated: true });
    expect(view.request.bytes).toBeGreaterThan(4_000);
    expect(view.request.text.length).toBeLessThan(2_000);
    expect(view.answer).toMatchObject({ truncated: true });
    expect(view.answer?.bytes).toBeGreaterThan(9_000);
    const control = await controlOf();
    expect(await control.requests.bodies({ id: ids[0] ?? '' })).toMatchObject({
      state: 'not_kept',
      reason: expect.stringContaining('cproxy record'),
    });
    await running.reconfigure(config({ memory: 0 }));
    expect((await control.recording.view()).memory).toMatchObject({ requests: 0, bytes: 0 });
    const { id } = await ask(question('four'));
    expect(await control.requests.bodies({ id })).toMatchObject({ state: 'not_kept' });
  });
});

describe('on the disk', () => {
  test('nothing, unless somebody asks for it', async () => {
    await start();
    await kept((await ask(question())).id);
    const files = readdirSync(path.join(home, 'data'));
    expect(files.filter((name) => name.startsWith('bodies'))).toEqual([]);
    expect((await (await controlOf()).recording.view()).record).toBe('off');
  });

  test('only what failed, where only that is asked for', async () => {
    await start({ record: 'errors', memory: 0 });
    const good = await ask(question());
    upstream.queue(fail(400));
    const bad = await ask(question('bad'));
    const view = await kept(bad.id, 'disk');
    expect(view.request.text).toContain('bad');
    expect(view.answer?.text).toBe(bad.text);
    const control = await controlOf();
    expect(await control.requests.bodies({ id: good.id })).toMatchObject({ state: 'not_kept' });
    expect((await control.health.snapshot()).system.stores).toContainEqual(
      expect.objectContaining({ name: 'bodies', state: 'disk', reason: null }),
    );
  });

  test('for a while, also after a restart, and it is said; until it is stopped', async () => {
    await start({ memory: 0 });
    let control = await controlOf();
    expect((await control.status()).warnings).toEqual([]);
    await control.recording.start({ forMs: 3_600_000, errorsOnly: false });
    const { id } = await ask(question('kept'));
    await kept(id, 'disk');
    expect((await control.status()).warnings.join()).toContain('cproxy record --stop');
    await running.stop();
    await start({ memory: 0 });
    control = await controlOf();
    expect((await control.status()).warnings.join()).toContain('cproxy record --stop');
    const after = await ask(question('kept as well'));
    await kept(after.id, 'disk');
    expect((await kept(id, 'disk')).request.text).toContain('kept');
    expect(await control.recording.stop()).toMatchObject({ record: 'off', until: null });
    const { id: later } = await ask(question('not kept'));
    expect(await control.requests.bodies({ id: later })).toMatchObject({ state: 'not_kept' });
    expect(await control.recording.clear()).toEqual({ cleared: 2 });
    expect(await control.requests.bodies({ id })).toMatchObject({ state: 'not_kept' });
  });
});

describe('keys', () => {
  test('are nowhere: not in the database, a view, an export, a replay', async () => {
    await start({ record: 'all' });
    const control = await controlOf();
    upstream.script(() => say(`it was ${KEY}, ${GATEWAY} and ${PASTED}`));
    const said = `my key ${PASTED} and ${KEY} and ${GATEWAY}`;
    const headers = { 'x-api-key': '', 'x-secret-of-mine': HEADER, 'user-agent': `tool ${PASTED}` };
    const { 'x-api-key': _, ...rest } = headers;
    for (const model of ['a/m', 'o/gpt'])
      for (const stream of [true, false])
        await ask(question(said, { model, stream }), `/v1/messages?key=${PASTED}`, rest);
    upstream.queue(fail(400, { message: `refused ${KEY} ${PASTED}` }));
    await ask(question(said, { model: 'o/gpt' }), '/v1/messages', rest);
    await onDisk(5);
    const texts: string[] = [];
    const { rows } = await control.requests.page({});
    for (const { id } of rows) texts.push(JSON.stringify(await control.requests.bodies({ id })));
    for (const format of ['jsonl', 'har'] as const)
      texts.push((await control.recording.export({ format, bodies: true })).text);
    const again = rows.find(({ state }) => state === 'answered');
    texts.push(JSON.stringify(await control.requests.replay({ id: again?.id ?? '' })));
    await onDisk(6);
    await running.stop();
    texts.push(...(await databaseTexts()));
    expect(texts.join().match(/\[redacted\]/g)?.length).toBeGreaterThan(30);
    const secrets = [KEY, GATEWAY, JSON.stringify(GATEWAY).slice(1, -1), PASTED, HEADER, token];
    // Inside of JSON inside of JSON, quotes are escaped twice.
    secrets.push(JSON.stringify(JSON.stringify(GATEWAY).slice(1, -1)).slice(1, -1));
    for (const secret of secrets) for (const text of texts) expect(text.includes(secret), secret).toBe(false);
    await start({ record: 'all' });
  });
});

/** Every text and body of the database, unpacked, and its bytes. */
async function databaseTexts(): Promise<string[]> {
  const { DatabaseSync } = await import('node:sqlite');
  const file = path.join(home, 'data', 'bodies.db');
  const texts = [file, `${file}-wal`].flatMap((one) => {
    try {
      return [readFileSync(one, 'latin1')];
    } catch {
      return [];
    }
  });
  using db = new DatabaseSync(file);
  const heads = db.prepare('SELECT head FROM request').all();
  const bodies = db.prepare('SELECT data FROM body').all();
  expect(bodies.length).toBeGreaterThan(heads.length);
  return [
    ...texts,
    ...heads.map(({ head }) => String(head)),
    ...bodies.map(({ data }) => inflateRawSync(data as Uint8Array).toString()),
  ];
}

describe('a request that is made again', () => {
  test('is a new one, asks the provider, and says which it repeats', async () => {
    await start();
    const control = await controlOf();
    const { id, text } = await ask(question('how many?', { stream: true }), '/v1/messages?beta=true', {
      'x-claude-code-session-id': 'cached',
    });
    await kept(id);
    const again = await control.requests.replay({ id });
    expect(again.request).toMatchObject({ replayOf: id, state: 'answered', cache: null, client: null });
    expect(again.request.id).not.toBe(id);
    expect(again.answer.text.replace(/msg_\w+/g, '')).toBe(text.replace(/msg_\w+/g, ''));
    expect(upstream.asked).toHaveLength(2);
    expect(upstream.asked[1]?.body).toEqual(upstream.asked[0]?.body);
    expect((await kept(again.request.id)).request.text).toContain('how many?');
  });

  test('of another model, and another dialect', async () => {
    await start();
    const { id } = await ask(question('how many?'));
    await kept(id);
    upstream.queue(say('seven'));
    const again = await (await controlOf()).requests.replay({ id, model: 'o/gpt' });
    expect(again.request.attempts).toMatchObject([{ provider: 'o', model: 'gpt', mode: 'translated' }]);
    expect(again.answer.text).toContain('seven');
  });

  test('from the disk, after a restart; not where it is not kept, or cut', async () => {
    await start({ record: 'all', memory: 0 });
    const { id } = await ask(question('from the disk'));
    await onDisk(1);
    await running.stop();
    await start({ record: 'all', memory: 0, maxBodyBytes: 1_024 });
    const control = await controlOf();
    expect((await control.requests.replay({ id })).request.replayOf).toBe(id);
    const { id: long } = await ask(question('l'.repeat(3_000)));
    await onDisk(3);
    await expect(control.requests.replay({ id: long })).rejects.toMatchObject({
      code: 'body_not_kept',
      message: expect.stringContaining('maxBodyBytes'),
    });
    await expect(control.requests.replay({ id: 'req_none' })).rejects.toMatchObject({
      code: 'body_not_kept',
      status: 404,
      message: expect.stringContaining('cproxy record'),
    });
  });
});

describe('an export', () => {
  test('has every request once, page by page, with what was said', async () => {
    await start({ record: 'all' });
    const control = await controlOf();
    upstream.script(() => say('long '.repeat(80_000)));
    const ids: string[] = [];
    for (let number = 0; number < 5; number += 1) ids.push((await ask(question(`number ${number}`))).id);
    await onDisk(5);
    for (const format of ['jsonl', 'har'] as const) {
      const pages = [];
      let after: string | null = null;
      do {
        const page = await control.recording.export({ format, bodies: true, ...(after === null ? {} : { after }) });
        pages.push(page);
        after = page.next;
      } while (after !== null);
      expect(pages.length).toBeGreaterThan(1);
      const text = pages.map((page) => page.text).join('');
      const entries =
        format === 'har'
          ? JSON.parse(text).log.entries.map((entry: { _cproxy: { id: string } }) => entry._cproxy.id)
          : text
              .trimEnd()
              .split('\n')
              .map((line) => JSON.parse(line).id);
      expect(entries).toEqual([...ids].reverse());
      expect(pages.reduce((sum, { withBodies }) => sum + withBodies, 0)).toBe(5);
    }
    const two = await control.recording.export({ format: 'jsonl', ids: ids.slice(1, 3) });
    expect(two).toMatchObject({ requests: 2, withBodies: 0, next: null });
    const none = await control.recording.export({ format: 'har', model: 'none' });
    expect(JSON.parse(none.text).log.entries).toEqual([]);
  });
});
