import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { findRunning } from '../../src-main/config/lock-file.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { connectMcp } from '../helpers/mcp-client.ts';
import { startMcpDoor } from '../helpers/mcp-door.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { answer, hang, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;

const config = (rest: ConfigInput = {}): ConfigInput => ({
  providers: [{ id: 'one', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['a'] }],
  server: { bodyLimitBytes: 100_000 },
  ...rest,
});

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine(config(), { reloads: true });
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const list = (id = 2) => ({ jsonrpc: '2.0', id, method: 'tools/list' });

const headers = (rest: Record<string, string | null> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${running.token}`,
      ...rest,
    }).filter((pair): pair is [string, string] => pair[1] !== null),
  );
const post = (body: unknown, rest: Record<string, string | null> = {}, url = running.url): Promise<Response> =>
  fetch(`${url}/mcp`, {
    method: 'POST',
    headers: headers(rest),
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
/** Begins a session. @returns its id */
async function begin(rest: Record<string, string | null> = {}, url = running.url): Promise<string> {
  const response = await post(initialize, rest, url);
  expect(response.status).toBe(200);
  await response.text();
  const id = response.headers.get('mcp-session-id') ?? '';
  const accepted = await post(
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { ...rest, 'mcp-session-id': id },
    url,
  );
  expect(accepted.status).toBe(202);
  return id;
}
const errorOf = async (response: Response): Promise<unknown> => ({
  status: response.status,
  body: await response.json(),
});
const rpcError = (status: number, code: number, name: string) => ({
  status,
  body: { jsonrpc: '2.0', id: null, error: { code, data: { code: name } } },
});

describe('who is let in', () => {
  it('needs a client token, and is told so without a place to log in', async () => {
    const without = await post(initialize, { authorization: null });
    expect(without.headers.get('www-authenticate')).toBe('Bearer realm="CProxy"');
    expect(await errorOf(without)).toMatchObject(rpcError(401, -32600, 'missing_token'));
    const wrong = await post(initialize, { authorization: 'Bearer cpx_wrong' });
    expect(await errorOf(wrong)).toMatchObject(rpcError(401, -32600, 'wrong_token'));
    for (const path of ['oauth-protected-resource', 'oauth-protected-resource/mcp', 'oauth-authorization-server'])
      expect((await fetch(`${running.url}/.well-known/${path}`)).status, path).toBe(404);
    await expect(connectMcp(running, { token: null })).rejects.toThrow();
  });

  it('is refused with a foreign host or origin', async () => {
    const host = await new Promise<number>((resolve, reject) => {
      const told = { ...headers(), host: 'evil.example' };
      const request = httpRequest(`${running.url}/mcp`, { method: 'POST', headers: told }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject).end(JSON.stringify(initialize));
    });
    expect(host).toBe(403);
    const origin = await post(initialize, { origin: 'https://evil.example' });
    expect(await errorOf(origin)).toMatchObject(rpcError(403, -32600, 'foreign_origin'));
  });

  it('is the command line, by the secret of the lock file, at this door alone', async () => {
    const lock = await findRunning(resolveFolders({ CPROXY_HOME: running.home }).data);
    const authorization = `Bearer ${lock?.secret}`;
    const id = await begin({ authorization });
    const called = await post(
      {
        jsonrpc: '2.0',
        id: 3,
        method: 'tools/call',
        params: { name: 'proxy_completion', arguments: { prompt: 'hi' } },
      },
      { authorization, 'mcp-session-id': id },
    );
    expect(await called.json()).toMatchObject({ result: { structuredContent: { text: 'ok' } } });
    const models = await fetch(`${running.url}/v1/models`, { headers: { authorization } });
    expect(models.status).toBe(401);
    // Nor does a token go on with its session.
    expect((await post(list(), { 'mcp-session-id': id })).status).toBe(404);
    const admin = await fetch(`${running.url}/api/status`, { headers: { authorization: `Bearer ${running.token}` } });
    expect(admin.status).toBe(401);
  });
});

describe('what is no message of a session', () => {
  it('is refused, in the form of JSON-RPC', async () => {
    const id = await begin();
    const told = { 'mcp-session-id': id };
    expect(await errorOf(await post('{', told))).toMatchObject(rpcError(400, -32700, 'invalid_json'));
    expect(await errorOf(await post({ hello: 1 }, told))).toMatchObject(rpcError(400, -32602, 'invalid_field'));
    expect(await errorOf(await post([], told))).toMatchObject(rpcError(400, -32602, 'invalid_field'));
    expect(await errorOf(await post(list()))).toMatchObject(rpcError(400, -32602, 'invalid_field'));
    expect(await errorOf(await post([initialize, list()]))).toMatchObject(rpcError(400, -32602, 'invalid_field'));
    expect(await errorOf(await post(list(), { 'mcp-session-id': 'nobody' }))).toMatchObject(
      rpcError(404, -32600, 'mcp_session_unknown'),
    );
    const version = { 'mcp-protocol-version': '1999-01-01' };
    expect((await post(list(), { ...told, ...version })).status).toBe(400);
    expect((await post(list(), { ...told, accept: 'application/json' })).status).toBe(406);
    expect((await post(list(), { ...told, 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(' '.repeat(200_000), told)).status).toBe(413);
    expect((await fetch(`${running.url}/mcp`, { headers: headers({ ...told, accept: 'text/html' }) })).status).toBe(
      406,
    );
    const put = await fetch(`${running.url}/mcp`, { method: 'PUT', headers: headers(), body: '{}' });
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toBe('GET, POST, DELETE');
    // None of that has ended it.
    expect((await post(list(), { ...told, 'mcp-protocol-version': '2025-06-18' })).status).toBe(200);
    const unknown = await post({ jsonrpc: '2.0', id: 9, method: 'no/such' }, told);
    expect(await unknown.json()).toMatchObject({ id: 9, error: { code: -32601 } });
  });

  it('ends with DELETE', async () => {
    const id = await begin();
    const deleted = await fetch(`${running.url}/mcp`, { method: 'DELETE', headers: headers({ 'mcp-session-id': id }) });
    expect(deleted.status).toBe(200);
    expect((await post(list(), { 'mcp-session-id': id })).status).toBe(404);
  });

  it('may be several messages at once', async () => {
    const id = await begin();
    const response = await post([list(5), { jsonrpc: '2.0', id: 6, method: 'ping' }], { 'mcp-session-id': id });
    const answers = (await response.json()) as { id: number }[];
    expect(answers.map((one) => one.id).sort()).toEqual([5, 6]);
  });
});

describe('a cancelled call', () => {
  it('is cancelled at the provider', async () => {
    upstream.reset();
    upstream.queue(hang());
    await using mcp = await connectMcp(running);
    const cancel = new AbortController();
    const call = mcp.client.callTool(
      { name: 'proxy_completion', arguments: { prompt: 'hi', model: 'one/a' } },
      undefined,
      { signal: cancel.signal },
    );
    const failed = expect(call).rejects.toThrow();
    const [asked] = await upstream.waitFor(1);
    cancel.abort(new Error('no longer wanted'));
    await failed;
    await waitUntil('the provider is told', () => asked?.aborted);
    await waitUntil('the row', async () => {
      const { requests } = await mcp.value('recent_requests', { limit: 1 });
      return (requests as { state: string }[])[0]?.state === 'aborted';
    });
  });

  it('of a client that is gone without a way back, too', async () => {
    upstream.reset();
    upstream.queue(hang());
    const mcp = await connectMcp(running);
    const call = mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' }).catch(() => undefined);
    const [asked] = await upstream.waitFor(1);
    await mcp.client.close();
    await call;
    await waitUntil('the provider is told', () => asked?.aborted);
  });
});

describe('a stream whose connection is cut', () => {
  it('is taken up again by the client, with the answer', async () => {
    upstream.reset();
    const gate = Promise.withResolvers<void>();
    upstream.script(async () => {
      await gate.promise;
      return say('late, but whole');
    });
    let cuts = 0;
    const resumed: string[] = [];
    await using mcp = await connectMcp(running, {
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        const last = new Headers(init?.headers).get('last-event-id');
        if (last !== null) resumed.push(last);
        const isStream = response.headers.get('content-type') === 'text/event-stream';
        if (!isStream || init?.method !== 'POST' || response.body === null) return response;
        cuts += 1;
        return new Response(cutAfterFirst(response.body), response);
      },
    });
    const call = mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await waitUntil('it comes back', () => resumed.length > 0);
    gate.resolve();
    expect((await call).structuredContent).toMatchObject({ text: 'late, but whole' });
    expect(cuts).toBe(1);
    expect(resumed[0]).toMatch(/^\d+-0$/);
    upstream.script(() => say('ok'));
  });

  it('gives what was missed, and nothing twice', async () => {
    upstream.reset();
    upstream.queue(answer([{ type: 'text', text: 'x'.repeat(100) }]));
    const id = await begin();
    const told = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
    const response = await post(
      {
        ...{ jsonrpc: '2.0', id: 7, method: 'tools/call' },
        params: { name: 'proxy_completion', arguments: { prompt: 'hi' }, _meta: { progressToken: 'p' } },
      },
      told,
    );
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const ids = [...(await response.text()).matchAll(/^id: (.*)$/gm)].map(([, eventId]) => eventId ?? '');
    const get = (lastEventId: string): Promise<Response> =>
      fetch(`${running.url}/mcp`, { headers: headers({ ...told, 'last-event-id': lastEventId }) });
    const rest = await get(ids[1] ?? '');
    const again = [...(await rest.text()).matchAll(/^id: (.*)$/gm)].map(([, eventId]) => eventId);
    expect(again).toEqual(ids.slice(2));
    // All of it was had: there is nothing to come back for.
    expect((await get(ids.at(-1) ?? '')).status).toBe(204);
    expect((await get('not-ours')).status).toBe(400);
  });

  it('of what the server says by itself gives it when somebody listens', async () => {
    const id = await begin();
    const told = { 'mcp-session-id': id };
    const subscribe = { jsonrpc: '2.0', id: 8, method: 'resources/subscribe', params: { uri: 'cproxy://usage/today' } };
    expect((await post(subscribe, told)).status).toBe(200);
    await running.ask({ model: 'one/a', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
    const stream = await fetch(`${running.url}/mcp`, { headers: headers(told) });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    await waitUntil('the notification', async () => {
      const { value = '' } = (await reader?.read()) ?? {};
      text += value;
      return text.includes('notifications/resources/updated');
    });
    await reader?.cancel();
  });
});

describe('many sessions', () => {
  it('at the same time, half of them cancelled, leave nothing open', async () => {
    upstream.reset();
    await using door = await startMcpDoor(await running.engine.mcpEngine());
    const COUNT = 100;
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const timersBefore = timers();
    const gate = Promise.withResolvers<void>();
    upstream.script(async (request) => {
      if (request.text.includes('cancel me')) return hang();
      await gate.promise;
      return say('here you are');
    });
    const clients = await Promise.all(Array.from({ length: COUNT }, () => connectMcp(door)));
    expect(door.sessions.size).toBe(COUNT);
    const calls = clients.map(({ client }, index) => {
      const cancel = new AbortController();
      const prompt = index % 2 === 0 ? 'cancel me' : 'answer me';
      const params = { name: 'proxy_completion', arguments: { prompt, model: 'one/a' } };
      const call = client.callTool(params, undefined, {
        ...{ signal: cancel.signal, timeout: 60_000 },
        ...(index % 4 < 2 ? { onprogress: () => undefined } : {}),
      });
      return {
        cancel,
        result: call.then(
          ({ structuredContent }) => structuredContent,
          () => null,
        ),
      };
    });
    const asked = await upstream.waitFor(COUNT, 30_000);
    for (const [index, { cancel }] of calls.entries()) if (index % 2 === 0) cancel.abort();
    await waitUntil(
      'the cancelled ones are cancelled upstream',
      () => asked.filter(({ aborted }) => aborted).length === COUNT / 2,
      30_000,
    );
    gate.resolve();
    const results = await Promise.all(calls.map(({ result }) => result));
    for (const [index, result] of results.entries())
      if (index % 2 === 0) expect(result).toBeNull();
      else expect(result).toMatchObject({ text: 'here you are' });
    // Those that were to be cancelled, and no others.
    for (const { aborted, text } of asked) expect(aborted).toBe(text.includes('cancel me'));
    // Requests leave nothing behind, whatever has become of them; sessions stay until they are ended.
    await waitUntil('no request is under way', () => door.sessions.running === 0);
    expect(door.sessions.size).toBe(COUNT);
    // Each listens to what its session says by itself.
    await waitUntil('all listen', async () => (await door.connections()) >= COUNT);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await waitUntil('no session is open', () => door.sessions.size === 0);
    expect(door.server.sessions).toBe(0);
    await waitUntil('nothing is watched', () => door.server.watched === 0);
    await waitUntil('no connection is in use', async () => {
      door.closeIdleConnections();
      return (await door.connections()) === 0;
    });
    expect(running.engine.status().requests.running).toBe(0);
    // Ends at all: a request that stays open upstream would hold it up until the test's limit.
    await Promise.all(asked.map(({ ended }) => ended));
    await waitUntil('no timer is left', () => timers() <= timersBefore + 1);
    expect(door.problems).toEqual([]);
    upstream.script(() => say('ok'));
  }, 60_000);

  it('are bounded: one that is idle makes way, else the next is refused and told so', async () => {
    let now = 0;
    await using door = await startMcpDoor(await running.engine.mcpEngine(), {
      most: 2,
      idleMs: 1_000_000,
      now: () => now,
    });
    const rest = { authorization: `Bearer ${door.token}` };
    const first = await begin(rest, door.url);
    now = 30_000;
    await begin(rest, door.url);
    expect(await errorOf(await post(initialize, rest, door.url))).toMatchObject(
      rpcError(503, -32001, 'mcp_sessions_full'),
    );
    now = 60_000;
    await begin(rest, door.url);
    expect((await post(list(), { ...rest, 'mcp-session-id': first }, door.url)).status).toBe(404);
    now += 1_000_000;
    door.sessions.endIdle();
    await waitUntil('all are ended', () => door.sessions.size === 0 && door.server.watched === 0);
  });

  it('belong each to the client that has begun it', async () => {
    await using door = await startMcpDoor(await running.engine.mcpEngine(), { clients: { other: 'cpx_other' } });
    const id = await begin({ authorization: `Bearer ${door.token}` }, door.url);
    const told = { authorization: 'Bearer cpx_other', 'mcp-session-id': id };
    expect((await post(list(), told, door.url)).status).toBe(404);
  });
});

describe('the configuration', () => {
  it('switches it off and on, and ends what is open', async () => {
    const id = await begin();
    await running.reconfigure(config({ mcp: { enabled: false } }));
    expect(await errorOf(await post(initialize))).toMatchObject(rpcError(404, -32600, 'mcp_off'));
    await running.reconfigure(config());
    expect((await post(list(), { 'mcp-session-id': id })).status).toBe(404);
    await begin();
  });
});

describe('a stop', () => {
  it('ends sessions and their streams once answers in flight are given', async () => {
    const other = await runEngine(config());
    const mcp = await connectMcp(other);
    const gate = Promise.withResolvers<void>();
    upstream.reset();
    upstream.script(async () => {
      await gate.promise;
      return say('in time');
    });
    const call = mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await upstream.waitFor(1);
    const stopped = other.stop();
    gate.resolve();
    expect((await call).structuredContent).toMatchObject({ text: 'in time' });
    await stopped;
    await mcp.client.close();
    upstream.script(() => say('ok'));
  });
});

/** The first piece of a stream, and then an end as when its connection breaks. */
function cutAfterFirst(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isFirst = true;
  return new ReadableStream({
    async pull(controller) {
      if (!isFirst) {
        await reader.cancel();
        controller.error(new Error('cut'));
        return;
      }
      isFirst = false;
      const { value } = await reader.read();
      if (value !== undefined) controller.enqueue(value);
    },
  });
}
