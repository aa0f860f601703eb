import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Logger } from '../../src-main/observability/logger.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, raw, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

/** Planted where a user would put them; found nowhere else. */
const providerKey = 'sk-ant-canary-provider-0123456789';
const headerSecret = 'gateway-canary-9876543210';
const storedKey = 'plain-canary-stored-0123456789';
const fileKey = 'plain-canary-file-0123456789';
const clientLogin = 'sk-ant-oat01-canary-client-login';

let upstream: ScriptableUpstream;
let running: RunningEngine;
let keyFolder: string;
let echo: Server;
let echoed = 0;
const logged: string[] = [];
const answers: string[] = [];

beforeAll(async () => {
  upstream = await startUpstream();
  // Whatever it is asked, it says what it was asked with.
  echo = createServer((request, response) => {
    echoed += 1;
    const said = JSON.stringify(request.headers);
    response.writeHead(401, { 'content-type': 'application/json', 'x-echo': said });
    response.end(JSON.stringify({ type: 'error', error: { type: 'authentication_error', message: said } }));
  });
  await new Promise<void>((listening) => echo.listen(0, '127.0.0.1', listening));
  const echoUrl = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  keyFolder = await mkdtemp(path.join(tmpdir(), 'cproxy-secrets-'));
  const keyFile = path.join(keyFolder, 'key');
  await writeFile(keyFile, fileKey, { mode: 0o600 });
  const note = (message: string, fields?: Record<string, unknown>): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: Logger = { error: note, warn: note, info: note, debug: note };
  const gateway = { 'x-gateway-key': headerSecret };
  running = await runEngine(
    {
      logging: { level: 'debug' },
      providers: [
        {
          id: 'claude',
          type: 'anthropic',
          baseUrl: upstream.url,
          models: ['native'],
          key: 'env:KEY',
          headers: gateway,
        },
        {
          id: 'chat',
          type: 'openai-compatible',
          baseUrl: upstream.url,
          models: ['other'],
          key: 'env:KEY',
          headers: gateway,
        },
        {
          id: 'pool',
          type: 'anthropic',
          baseUrl: upstream.url,
          models: ['pooled'],
          keys: [
            { name: 'stored', key: 'keychain:work' },
            { name: 'file', key: `file:${keyFile}` },
            { name: 'variable', key: 'env:KEY' },
          ],
        },
        // Asked for its models and probed, and echoes its key then, too.
        { id: 'listed', type: 'anthropic-compatible', baseUrl: echoUrl, key: 'keychain:listed' },
        { id: 'own', type: 'anthropic', baseUrl: upstream.url, models: ['own'], key: 'client' },
      ],
    },
    {
      env: { KEY: providerKey },
      log,
      secrets: memoryStore({
        work: { key: storedKey, origin: new URL(upstream.url).origin },
        listed: { key: storedKey, origin: echoUrl },
      }),
    },
  );
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
  await new Promise((closed) => echo.close(closed));
  await rm(keyFolder, { recursive: true });
});

const doors = ['/v1/messages', '/v1/chat/completions', '/v1/responses'];

async function ask(model: string, stream: boolean, door: string): Promise<void> {
  const body = question('hello', { model, stream, input: 'hello' });
  const response = await running.ask(body, {
    path: door,
    headers: { authorization: `Bearer ${clientLogin}`, 'x-cproxy-token': running.token },
  });
  answers.push(JSON.stringify(Object.fromEntries(response.headers)), await response.text());
}

it('no key, header secret, login or token is in any answer, row, view, log or file', async () => {
  const echo = JSON.stringify({
    error: {
      type: 'api_error',
      message: `key ${providerKey}, ${storedKey}, ${fileKey} and ${headerSecret} and Bearer ${clientLogin}`,
    },
  });
  const headers = { 'x-echo': `${providerKey}, ${headerSecret}`, 'request-id': providerKey, 'x-request-id': storedKey };
  for (const model of ['native', 'other', 'own', 'pooled']) {
    for (const [stream, door] of [true, false].flatMap((stream) => doors.map((door) => [stream, door] as const))) {
      for (const status of [400, 401, 403, 429, 500]) {
        upstream.queue(raw(status, echo, { 'content-type': 'application/json', ...headers }));
        await ask(model, stream, door);
      }
      upstream.queue(
        say('fine', { headers, errorAfter: { frames: 3, message: `broke with ${providerKey}` } }),
        fail(500),
      );
      await ask(model, stream, door);
    }
  }
  const client = createRouterClient(await running.engine.controlRouter());
  const before = echoed;
  await client.models.refresh({ provider: 'listed' });
  await client.health.probe({ provider: 'listed' });
  expect(echoed).toBeGreaterThan(before + 1);
  for (const key of [storedKey, fileKey, providerKey])
    expect(upstream.asked.some(({ headers: sent }) => sent['x-api-key'] === key)).toBe(true);
  const views = [
    await client.status(),
    await client.config.view(),
    await client.requests.list({}),
    await client.tokens.list(),
    await client.keys.list(),
  ];
  // Everything on disk: the configuration, the data, and lists of models that are kept.
  const entries = await readdir(running.home, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(path.join(entry.parentPath, entry.name), 'latin1')),
  );
  // The configuration is its user's own, and names the header's secret.
  const written = files.filter((text) => !text.includes(`"x-gateway-key":"${headerSecret}"`));
  const shown = [...answers, ...logged, ...written, JSON.stringify(views)].join('\n');
  const secrets = { providerKey, storedKey, fileKey, headerSecret, clientLogin, token: running.token };
  expect(Object.entries(secrets).flatMap(([name, secret]) => (shown.includes(secret) ? [name] : []))).toEqual([]);
  expect(shown.includes('[redacted]')).toBe(true);
  expect(logged.length).toBeGreaterThan(10);
});

it("the client's own login goes to Anthropic's own address and nowhere else", async () => {
  const before = upstream.asked.length;
  const response = await running.ask(question('hello', { model: 'own' }), {
    headers: { authorization: `Bearer ${clientLogin}`, 'x-cproxy-token': running.token },
  });
  expect(response.status).toBe(502);
  expect(await response.text()).toContain("vendor's own address only");
  expect(upstream.asked).toHaveLength(before);
});
