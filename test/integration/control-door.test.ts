import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/fetch';
import { RPCLink as WebSocketLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ControlContract, RequestEvent } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { type ControlEngine, canary, rawRequest, startControlEngine, until } from '../helpers/control-engine.ts';
import { makeRow } from '../helpers/rows.ts';

type ControlClient = ContractRouterClient<ControlContract>;

let folder: string;
let uiFolder: string;
let engine: ControlEngine;
const clock = { offset: 0 };
const seen: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cproxy-door-'));
  uiFolder = join(folder, 'renderer');
  await mkdir(join(uiFolder, 'assets'), { recursive: true });
  await writeFile(join(uiFolder, 'index.html'), '<!doctype html><title>GUI</title>');
  await writeFile(join(uiFolder, 'assets', 'index-1a2b.js'), 'export {};');
  await writeFile(join(uiFolder, 'notes.txt'), canary);
  await writeFile(join(folder, 'secret.html'), canary);
  await symlink(join(folder, 'secret.html'), join(uiFolder, 'link.html'));
  await symlink(folder, join(uiFolder, 'assets', 'up'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  clock.offset = 0;
  seen.length = 0;
  engine = await startControlEngine({ uiFolder, now: () => Date.now() + clock.offset });
});
afterEach(async () => {
  await engine.close();
  // Whatever a test asked for: nothing secret was in an answer or in the log.
  for (const text of [...seen, ...engine.logged]) {
    expect(text).not.toContain(canary);
    expect(text).not.toContain(engine.secret);
    expect(text).not.toMatch(/\bat .*\.ts:\d+/);
  }
});

async function ask(path: string, init: RequestInit = {}) {
  const answer = await fetch(engine.url + path, { redirect: 'manual', ...init });
  const text = await answer.text();
  seen.push(text);
  return { status: answer.status, headers: answer.headers, text, code: () => JSON.parse(text).error?.code };
}

const bearer = () => ({ authorization: `Bearer ${engine.secret}` });
const call = (headers: Record<string, string>, input: unknown = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ json: input }),
});
const httpClient = (): ControlClient => createORPCClient(new RPCLink({ url: `${engine.url}/api`, headers: bearer() }));

describe('without an admin session', () => {
  it.each<[string, () => Record<string, string>]>([
    ['nothing', () => ({})],
    ['a client token as x-api-key', () => ({ 'x-api-key': 'cpx_client_token' })],
    ['a client token as bearer', () => ({ authorization: 'Bearer cpx_client_token' })],
    ['a client token as x-cproxy-token', () => ({ 'x-cproxy-token': 'cpx_client_token' })],
    ['the secret in the wrong header', () => ({ 'x-api-key': engine.secret, 'x-cproxy-token': engine.secret })],
    ['a made-up cookie', () => ({ cookie: 'cproxy_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' })],
    ['an empty cookie and bearer', () => ({ cookie: 'cproxy_session=', authorization: 'Bearer ' })],
  ])('%s opens no call, no stream and no file', async (_name, headers) => {
    for (const [path, init] of [
      ['/api/status', {}],
      ['/api/status', { method: 'POST' }],
      ['/api/tokens/create', call({}, { name: 'x' })],
      ['/api/requests/live', {}],
      ['/api/ws', {}],
      ['/api/', {}],
      ['/api/nothing/here', {}],
      ['/ui/assets/index-1a2b.js', {}],
      ['/ui/nothing.js', {}],
      ['/ui/logout', { method: 'POST' }],
    ] as [string, RequestInit][]) {
      const answer = await ask(path, {
        ...init,
        headers: { ...headers(), ...(init.headers as Record<string, string>) },
      });
      expect([path, answer.status, answer.code()]).toEqual([path, 401, 'admin_session_required']);
    }
    expect(engine.context.tokens.list()).toEqual([]);
  });

  it('the page is a login form without script', async () => {
    const answer = await ask('/ui/');
    expect(answer.status).toBe(401);
    expect(answer.text).toContain('cproxy login');
    expect(answer.text).toContain('action="/ui/login"');
    expect(answer.text).not.toContain('<script');
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri/,
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it("the configuration's JSON Schema is there, for editors", async () => {
    const answer = await fetch(`${engine.url}/api/config/schema`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/schema+json']);
    expect(await answer.json()).toEqual(JSON.parse(await readFile('resources/config.schema.json', 'utf8')));
  });

  it('a WebSocket is refused with the same answer', async () => {
    const socket = new WebSocket(`ws://${engine.host}/api/ws`);
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', resolve);
    });
    expect(status).toBe(401);
    socket.terminate();
  });
});

describe('login', () => {
  const login = (code: string, headers: Record<string, string> = {}) =>
    ask('/ui/login', { method: 'POST', body: new URLSearchParams({ code }), headers });

  it('takes a code once and gives a cookie that opens the page', async () => {
    const { code } = await httpClient().sessions.createLoginCode();
    const answer = await login(code.toLowerCase(), { origin: engine.url });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/ui/');
    const [cookie] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^cproxy_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);

    const page = await ask('/ui/', { headers: { cookie: cookie?.split(';')[0] ?? '' } });
    expect(page.text).toContain('<title>GUI</title>');
    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(page.headers.get('cache-control')).toBe('no-store');

    const again = await login(code);
    expect(again.status).toBe(401);
    expect(again.text).toContain('wrong, used or expired');
    expect(again.headers.getSetCookie()).toEqual([]);
  });

  it('refuses a wrong and an expired code, and every code after too many', async () => {
    const { code } = engine.sessions.createLoginCode();
    clock.offset = 5 * 60_000;
    expect((await login(code)).status).toBe(401);
    for (const wrong of ['', 'ABCDEFGH', 'x'.repeat(500), '<script>alert(1)</script>']) {
      const answer = await login(wrong);
      expect(answer.status).toBe(401);
      expect(answer.text).not.toContain('<script');
    }
    const fresh = engine.sessions.createLoginCode();
    const blocked = await login(fresh.code);
    expect(blocked.status).toBe(429);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(50);
    clock.offset += 61_000;
    expect((await login(fresh.code)).status).toBe(303);
  });

  it('refuses other pages, whose tries do not count', async () => {
    for (let i = 0; i < 6; i += 1)
      expect((await login('WRONGONE', { origin: 'http://127.0.0.1:1' })).code()).toBe('admin_origin_refused');
    const { code } = engine.sessions.createLoginCode();
    expect((await login(code, { origin: 'null' })).code()).toBe('admin_origin_refused');
    expect((await login(code, { origin: engine.url })).status).toBe(303);
  });

  it('takes a form of reasonable size only', async () => {
    expect((await login('x'.repeat(5000))).status).toBe(413);
    expect((await ask('/ui/login', { ...call({}) })).status).toBe(415);
  });

  it('ends with logout, the browser forgets the cookie and open streams end', async () => {
    const cookie = await engine.login();
    const socket = new WebSocket(`ws://${engine.host}/api/ws`, { headers: { cookie, origin: engine.url } });
    await new Promise((resolve) => socket.on('open', resolve));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const stream = await fetch(`${engine.url}/api/requests/live`, { headers: { cookie } });
    const streamEnd = stream.text().catch(() => 'cut');

    const answer = await ask('/ui/logout', { method: 'POST', headers: { cookie, origin: engine.url } });
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()[0]).toMatch(/^cproxy_session=; .*Max-Age=0$/);
    expect((await ask('/api/status', { headers: { cookie } })).status).toBe(401);
    expect(await closed).toBe(4401);
    expect(await streamEnd).toBe('cut');
    await until(() => engine.requests.readers === 0);
  });
});

describe('a browser session', () => {
  it('changes something only from our own page', async () => {
    const cookie = await engine.login();
    for (const origin of [undefined, 'null', 'https://evil.example', 'http://127.0.0.1:1', `https-${engine.url}`]) {
      const headers = { cookie, ...(origin !== undefined && { origin }) };
      for (const path of ['/api/tokens/create', '/api/status', '/ui/logout']) {
        const answer = await ask(
          path,
          path.startsWith('/ui') ? { method: 'POST', headers } : call(headers, { name: 'x' }),
        );
        expect([path, origin, answer.status, answer.code()]).toEqual([path, origin, 403, 'admin_origin_refused']);
      }
    }
    expect(engine.context.tokens.list()).toEqual([]);
    expect((await ask('/api/tokens/create', call({ cookie, origin: engine.url }, { name: 'x' }))).status).toBe(200);
    const named = `http://localhost:${engine.host.split(':')[1]}`;
    expect((await ask('/api/tokens/create', call({ cookie, origin: named }, { name: 'x' }))).status).toBe(403);
  });

  it('reads without Origin, and not with a foreign one', async () => {
    const cookie = await engine.login();
    expect((await ask('/api/status', { headers: { cookie } })).status).toBe(200);
    expect((await ask('/api/status', { headers: { cookie, origin: 'https://evil.example' } })).status).toBe(403);
  });

  it('changes nothing with GET', async () => {
    const cookie = await engine.login();
    const data = encodeURIComponent(JSON.stringify({ json: { name: 'x' } }));
    const answer = await ask(`/api/tokens/create?data=${data}`, { headers: { cookie } });
    expect(answer.status).toBe(405);
    expect(engine.context.tokens.list()).toEqual([]);
  });

  it('calls nothing with HEAD, which any page may send along with the cookie and without an Origin', async () => {
    const cookie = await engine.login();
    const data = encodeURIComponent(JSON.stringify({ json: { name: 'x' } }));
    for (const path of [`/api/tokens/create?data=${data}`, '/api/engine/stop'])
      for (const headers of [{ cookie }, bearer()])
        expect((await ask(path, { method: 'HEAD', headers })).status).toBeGreaterThanOrEqual(400);
    expect(engine.context.tokens.list()).toEqual([]);
    expect(engine.stops).toBe(0);
  });

  it('opens a WebSocket only from our own page', async () => {
    const cookie = await engine.login();
    const open = (origin: string | undefined) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://${engine.host}/api/ws`, { headers: { cookie, ...(origin && { origin }) } });
        socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
        socket.on('open', () => resolve('open'));
        socket.on('error', resolve);
      });
    expect(await open(undefined)).toBe(403);
    expect(await open('null')).toBe(403);
    expect(await open('http://127.0.0.1:1')).toBe(403);
    expect(await open(engine.url)).toBe('open');
  });
});

describe('the control API over HTTP', () => {
  it('answers the typed client', async () => {
    const client = httpClient();
    expect(await client.status()).toMatchObject({ endpoint: engine.url, state: 'running', providers: [] });
    expect((await client.config.view()).sources).toEqual(['defaults']);
    const made = await client.tokens.create({ name: ' my laptop ' });
    expect(made).toMatchObject({ name: 'my laptop', token: 'cpx_my-laptop_fresh' });
    expect(JSON.stringify(await client.tokens.list())).not.toContain('fresh');
    expect(await client.tokens.revoke({ id: made.id })).toEqual({ revoked: true });
    expect(await client.tokens.revoke({ id: made.id })).toEqual({ revoked: false });
    const row = makeRow();
    engine.bus.emit('request.started', row);
    expect((await client.requests.list()).map(({ id }) => id)).toEqual([row.id]);
    expect((await client.requests.find({ id: row.id }))?.id).toBe(row.id);
    expect(await client.requests.find({ id: 'none' })).toBeNull();
    expect(await client.engine.stop()).toEqual({ stopping: true });
    expect(engine.stops).toBe(1);
  });

  it('answers a plain GET', async () => {
    const answer = await ask('/api/status', { headers: bearer() });
    expect(JSON.parse(answer.text).json.state).toBe('running');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('names what is wrong with an input, and never the inside of a failure', async () => {
    const client = httpClient();
    await expect(client.tokens.create({ name: '' })).rejects.toMatchObject({ code: 'invalid_field', status: 400 });
    await expect(client.requests.list({ limit: 5000 })).rejects.toThrow(/^limit: /);
    engine.context.status = () => {
      throw ProxyError.of('draining', {});
    };
    await expect(client.status()).rejects.toMatchObject({ code: 'draining', status: 503 });
    engine.context.config.view = () => {
      throw new TypeError(`cannot read ${'x'.repeat(3)}`);
    };
    await expect(client.config.view()).rejects.toMatchObject({ code: 'internal', status: 500 });
    const answer = await ask('/api/config/view', { headers: bearer() });
    expect(answer.text).not.toContain('cannot read');
    // The stack is in the log, and nowhere else.
    expect(engine.logged.splice(0).join()).toContain('cannot read xxx');
  });

  it('refuses what is no call', async () => {
    expect((await ask('/api/nothing', { headers: bearer() })).code()).toBe('no_such_path');
    expect((await ask('/api/', { headers: bearer() })).code()).toBe('no_such_path');
    expect((await ask('/api/ws', { headers: bearer() })).status).toBe(426);
    const post = (body: string, type: string) =>
      ask('/api/status', { method: 'POST', headers: { ...bearer(), 'content-type': type }, body });
    expect((await post('{', 'application/json')).code()).toBe('invalid_json');
    expect((await post('a=b', 'application/x-www-form-urlencoded')).status).toBe(415);
    expect((await post(`"${'x'.repeat(1024 * 1024)}"`, 'application/json')).code()).toBe('body_too_large');
    expect((await post('[1,2]', 'application/json')).status).toBe(200);
    expect((await post('', 'application/json')).status).toBe(200);
    expect((await ask('/v1/models')).status).toBe(200);
  });

  it('streams live events, and lets go of a reader that leaves', async () => {
    const client = httpClient();
    const abort = new AbortController();
    const row = makeRow();
    engine.bus.emit('request.started', row);
    const events = await client.requests.live({}, { signal: abort.signal });
    expect((await events.next()).value).toMatchObject({ type: 'snapshot', rows: [{ id: row.id }] });
    engine.bus.emit('request.finished', Object.assign(row, { state: 'failed' }));
    expect((await events.next()).value).toMatchObject({ type: 'changed', rows: [{ id: row.id, state: 'failed' }] });
    expect(engine.requests.readers).toBe(1);
    abort.abort();
    await until(() => engine.requests.readers === 0);
  });

  it('stops at once although somebody watches', async () => {
    const events = await httpClient().requests.live();
    await events.next();
    const begin = performance.now();
    await engine.server.close();
    expect(performance.now() - begin).toBeLessThan(10_000);
    await until(() => engine.requests.readers === 0);
  });
});

describe('the control API over a WebSocket', () => {
  async function open() {
    const socket = new WebSocket(`ws://${engine.host}/api/ws`, { headers: bearer() });
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    const link = new WebSocketLink({ websocket: socket as unknown as globalThis.WebSocket });
    return { socket, client: createORPCClient(link) as ControlClient };
  }

  it('answers calls and streams, and lets go of both kinds of leaving', async () => {
    const { socket, client } = await open();
    expect((await client.status()).endpoint).toBe(engine.url);
    await expect(client.tokens.create({ name: '' })).rejects.toMatchObject({ code: 'invalid_field' });

    const first = await client.requests.live();
    await first.next();
    const row = makeRow();
    engine.bus.emit('request.started', row);
    const changed: IteratorResult<RequestEvent> = await first.next();
    expect(changed.value?.rows[0]?.id).toBe(row.id);
    await first.return?.();
    await until(() => engine.requests.readers === 0);

    const second = await client.requests.live();
    await second.next();
    expect(engine.requests.readers).toBe(1);
    socket.terminate();
    await until(() => engine.requests.readers === 0);
  });

  it('closes on what cannot be read, and the engine lives on', async () => {
    for (const garbage of ['{', 'null', '[]', '{"i":1}', Buffer.from([0, 255, 1, 2])]) {
      const { socket } = await open();
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.send(garbage);
      expect([String(garbage), await closed]).toEqual([String(garbage), 1007]);
    }
    const { socket } = await open();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.send('x'.repeat(1024 * 1024 + 1));
    expect(await closed).toBe(1009);
    expect((await httpClient().status()).state).toBe('running');
  });

  it('ends when its session has been idle for too long', async () => {
    const cookie = await engine.login();
    const socket = new WebSocket(`ws://${engine.host}/api/ws`, { headers: { cookie, origin: engine.url } });
    await new Promise((resolve) => socket.on('open', resolve));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    clock.offset = 12 * 60 * 60_000;
    socket.send('{}');
    expect(await closed).toBe(4401);
  });

  it('stops at once with the engine', async () => {
    const { socket } = await open();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const begin = performance.now();
    await engine.server.close();
    expect(await closed).toBe(1001);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  it('is the only upgrade: other paths answer as if none had been offered', async () => {
    const answer = await rawRequest(engine, [
      'GET /v1/models HTTP/1.1',
      `host: ${engine.host}`,
      'connection: upgrade, close',
      'upgrade: h2c',
    ]);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it('is guarded by the checks of the whole listener', async () => {
    const guarded = await startControlEngine({
      guard: async (request) => {
        if (request.headers.host === 'evil.example') throw ProxyError.of('foreign_host', { host: 'evil.example' });
      },
    });
    const upgrade = (host: string, key: string) =>
      rawRequest(guarded, [
        'GET /api/ws HTTP/1.1',
        `host: ${host}`,
        'connection: upgrade',
        'upgrade: websocket',
        'sec-websocket-version: 13',
        `sec-websocket-key: ${key}`,
        `authorization: Bearer ${guarded.secret}`,
      ]);
    expect(await upgrade('evil.example', 'dGhlIHNhbXBsZSBub25jZQ==')).toMatch(/^HTTP\/1.1 403 [\s\S]*foreign_host/);
    expect(await upgrade(guarded.host, 'short')).toMatch(/^HTTP\/1.1 400 /);
    await guarded.close();
  });
});

describe('the files of the page', () => {
  it('are served with their type, and cached where their name has a hash', async () => {
    const answer = await ask('/ui/assets/index-1a2b.js?x=1', { headers: bearer() });
    expect(answer.text).toBe('export {};');
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    const redirect = await ask('/ui', { headers: bearer() });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([308, '/ui/']);
  });

  it.each([
    '/ui/../secret.html',
    '/ui/%2e%2e/secret.html',
    '/ui/..%2fsecret.html',
    '/ui/%2e%2e%2fsecret.html',
    '/ui/..%5csecret.html',
    '/ui/assets/../../secret.html',
    '/ui/assets/up/secret.html',
    '/ui//etc/passwd.html',
    '/ui/./notes.txt',
    '/ui/notes.txt',
    '/ui/link.html',
    '/ui/assets',
    '/ui/assets/',
    '/ui/%00.html',
    '/ui/%',
  ])('lead nowhere else: %s', async (path) => {
    const answer = await rawRequest(engine, [
      `GET ${path} HTTP/1.1`,
      `host: ${engine.host}`,
      'connection: close',
      `authorization: Bearer ${engine.secret}`,
    ]);
    seen.push(answer);
    expect(answer).toMatch(/^HTTP\/1.1 40[04] /);
  });

  it('may be missing, which is said', async () => {
    for (const missing of [null, join(folder, 'nowhere')]) {
      const bare = await startControlEngine({ uiFolder: missing });
      const answer = await fetch(`${bare.url}/ui/`, { headers: { authorization: `Bearer ${bare.secret}` } });
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain('npm run build');
      await bare.close();
    }
  });
});
