import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Logger } from '../../src-main/observability/logger.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, raw, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

/** Planted where a user would put them; found nowhere else. */
const providerKey = 'sk-ant-canary-provider-0123456789';
const headerSecret = 'gateway-canary-9876543210';
const clientLogin = 'sk-ant-oat01-canary-client-login';

let upstream: ScriptableUpstream;
let running: RunningEngine;
const logged: string[] = [];
const answers: string[] = [];

beforeAll(async () => {
  upstream = await startUpstream();
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
        { id: 'own', type: 'anthropic', baseUrl: upstream.url, models: ['own'], key: 'client' },
      ],
    },
    { env: { KEY: providerKey }, log },
  );
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
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
    error: { type: 'api_error', message: `key ${providerKey} and ${headerSecret} and Bearer ${clientLogin}` },
  });
  const headers = { 'x-echo': `${providerKey}, ${headerSecret}`, 'request-id': providerKey };
  for (const model of ['native', 'other', 'own']) {
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
  const views = [
    await client.status(),
    await client.config(),
    await client.requests.list({}),
    await client.tokens.list(),
  ];
  const data = path.join(running.home, 'data');
  const files = await Promise.all((await readdir(data)).map((name) => readFile(path.join(data, name), 'utf8')));
  const shown = [...answers, ...logged, ...files, JSON.stringify(views)].join('\n');
  const secrets = { providerKey, headerSecret, clientLogin, token: running.token };
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
