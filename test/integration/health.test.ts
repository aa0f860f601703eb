import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { EngineStatus, ProviderView } from '../../src-shared/control.ts';
import { question, runEngine } from '../helpers/running-engine.ts';
import { closedPort, fail, html, raw, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const probing = { routing: { loadBalancing: { healthCheck: true } } };
const of = (status: EngineStatus, id: string): ProviderView => {
  const found = status.providers.find((provider) => provider.id === id);
  if (found === undefined) throw new Error(`no provider ${id}`);
  return found;
};

describe('probes', () => {
  test('tell what is there, what refuses its key, what is gone and what is no API', async () => {
    await using good = await startUpstream();
    await using refusing = await startUpstream({
      other: () =>
        raw(401, '{"error":{"message":"Incorrect API key provided: sk-secret-key"}}', {
          'content-type': 'application/json',
        }),
    });
    await using page = await startUpstream({ other: () => html() });
    const port = await closedPort();
    const provider = (id: string, baseUrl: string, rest = {}) => ({
      id,
      type: 'openai-compatible' as const,
      baseUrl,
      models: ['m'],
      ...rest,
    });
    await using running = await runEngine(
      {
        ...probing,
        providers: [
          provider('good', good.url),
          provider('refusing', refusing.url, { key: 'env:K' }),
          provider('page', page.url),
          provider('gone', `http://127.0.0.1:${port}`),
          provider('keyless', good.url, { key: 'env:NOT_SET' }),
          provider('off', good.url, { enabled: false }),
        ],
      },
      { env: { K: 'sk-secret-key' } },
    );
    const status = await waitUntil('all probes', () => {
      const now = running.engine.status();
      return now.providers.filter(({ enabled }) => enabled).every(({ health }) => health.checkedAt !== null) && now;
    });
    const states = status.providers.map(({ id, health }) => `${id} ${health.state}`);
    expect(states).toEqual(['good healthy', 'refusing down', 'page down', 'gone down', 'keyless down', 'off unknown']);
    expect(of(status, 'gone').health.reason).toContain(`nothing listens at 127.0.0.1:${port}`);
    expect(of(status, 'page').health.reason).toMatch(/web page/);
    expect(of(status, 'keyless').health.reason).toContain('NOT_SET');
    expect(of(status, 'refusing').health.reason).toMatch(/refused/);
    expect(of(status, 'refusing').keys[0]?.state).toBe('refused');
    expect(JSON.stringify(status)).not.toContain('sk-secret-key');
    const health = await (await fetch(`${running.engine.endpoint}/health`)).json();
    expect(health).toMatchObject({ health: 'degraded', providers: { healthy: 1, degraded: 0, down: 4, unknown: 0 } });
    // Probes ask no model anything.
    expect([good, refusing, page].flatMap(({ asked }) => asked)).toEqual([]);
  });

  test('find a server that comes back', async () => {
    const port = await closedPort();
    await using running = await runEngine({
      ...probing,
      health: { intervalMs: 50 },
      providers: [{ id: 'p', type: 'openai-compatible', baseUrl: `http://127.0.0.1:${port}`, models: ['m'] }],
    });
    const state = () => running.engine.status().providers[0]?.health.state;
    await waitUntil('down', () => state() === 'down');
    const server = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","data":[]}'),
    );
    server.listen(port, '127.0.0.1');
    try {
      await waitUntil('healthy', () => state() === 'healthy');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

test('answers tell how a provider does, without probes', async () => {
  await using upstream = await startUpstream();
  await using running = await runEngine(
    {
      providers: [{ id: 'p', type: 'anthropic', baseUrl: upstream.url, key: 'env:K', models: ['m'] }],
    },
    { env: { K: 'sk-ant-x' } },
  );
  const health = () => of(running.engine.status(), 'p').health;
  expect(health().state).toBe('unknown');
  expect((await running.ask(question())).status).toBe(200);
  expect(health()).toMatchObject({ state: 'healthy', attempts: 1, failures: 0 });
  upstream.script(() => fail(500));
  for (let times = 0; times < 3; times += 1) await running.ask(question());
  expect(health()).toMatchObject({ state: 'down', attempts: 4, failures: 3 });
  expect(health().reason).toMatch(/^The last 3 requests failed: it answered HTTP 500/);
  upstream.script(() => fail(400));
  await running.ask(question());
  expect(health().failures).toBe(3);
  upstream.script(() => ({ kind: 'answer', content: [{ type: 'text', text: 'ok' }] }));
  await running.ask(question());
  expect(health().state).toBe('healthy');
  expect(upstream.requests.filter(({ path }) => path.endsWith('/models'))).toEqual([]);
});

test('the control API probes one now, and refuses one that is not there', async () => {
  await using upstream = await startUpstream();
  await using running = await runEngine({
    providers: [{ id: 'p', type: 'openai-compatible', baseUrl: upstream.url, models: ['m'] }],
  });
  const router = await running.engine.controlRouter();
  const { call } = await import('@orpc/server');
  const status = await call(router.health.probe, { provider: 'p' });
  expect(of(status, 'p').health.state).toBe('healthy');
  await expect(call(router.health.probe, { provider: 'q' })).rejects.toMatchObject({ code: 'invalid_field' });
});
