import { expect, test } from 'vitest';
import { question, runEngine } from '../helpers/running-engine.ts';
import { answer, fail, startUpstream } from '../helpers/scriptable-upstream.ts';

async function seriesOf(url: string, token: string): Promise<Map<string, number>> {
  const reply = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await reply.text();
  const series = new Map<string, number>();
  for (const line of text.trimEnd().split('\n')) {
    if (line === '' || /^# (HELP|TYPE) cproxy_/.test(line)) continue;
    const [, name = '', value = ''] =
      /^(cproxy_[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line) ?? [];
    expect([line, name]).not.toContain('');
    series.set(name, Number(value));
  }
  return series;
}

test('requests, attempts, tokens and cost are counted; only a client token opens them', async () => {
  await using first = await startUpstream();
  await using second = await startUpstream();
  const price = { input: 1_000_000, output: 2_000_000 };
  const provider = (id: string, baseUrl: string) => ({
    ...{ id, type: 'anthropic-compatible' as const, baseUrl, key: 'env:K' as const },
    models: [{ id: 'm', price }],
  });
  await using running = await runEngine(
    { providers: [provider('a', first.url), provider('b', second.url)], aliases: { both: ['a/m', 'b/m'] } },
    { env: { K: 'sk-canary-of-metrics' } },
  );
  first.queue(fail(529));
  second.queue(answer([{ type: 'text', text: 'hi' }], { usage: { input: 3, cacheRead: 2, output: 4 } }));
  await (await running.ask(question('hello', { model: 'both' }))).text();
  await (await running.ask(question('hello', { model: 'nobody/x' }))).text();
  const series = await seriesOf(running.url, running.token);
  expect(Object.fromEntries(series)).toMatchObject({
    'cproxy_requests_total{protocol="anthropic",state="answered",status="2xx"}': 1,
    'cproxy_requests_total{protocol="anthropic",state="failed",status="4xx"}': 1,
    cproxy_fallbacks_total: 1,
    'cproxy_attempts_total{provider="a",model="m",outcome="failed",error="provider_error"}': 1,
    'cproxy_attempts_total{provider="b",model="m",outcome="answered",error=""}': 1,
    'cproxy_tokens_total{provider="b",model="m",kind="input"}': 3,
    'cproxy_tokens_total{provider="b",model="m",kind="cache_read"}': 2,
    'cproxy_tokens_total{provider="b",model="m",kind="output"}': 4,
    'cproxy_cost_usd_total{provider="b",model="m"}': 13,
    'cproxy_first_content_seconds_count{provider="b",model="m"}': 1,
    cproxy_overhead_seconds_count: 2,
    cproxy_requests_running: 0,
    'cproxy_provider_health{provider="b"}': 3,
    'cproxy_keys{provider="a",state="ready"}': 1,
    cproxy_history_dropped: 0,
  });
  expect(series.get('cproxy_memory_bytes')).toBeGreaterThan(1e6);
  expect(JSON.stringify([...series])).not.toContain('canary');
  expect((await fetch(`${running.url}/metrics`)).status).toBe(401);
});

test('models that clients make up do not fill the memory', async () => {
  await using upstream = await startUpstream();
  await using running = await runEngine({
    providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url }],
    routing: { defaultProvider: 'p' },
  });
  for (let index = 0; index < 230; index += 1)
    await (await running.ask(question('x', { model: `p/made-up-${index}` }))).text();
  const names = [...(await seriesOf(running.url, running.token)).keys()];
  const attempts = names.filter((name) => name.startsWith('cproxy_attempts_total'));
  expect(attempts).toHaveLength(201);
  expect(attempts.filter((name) => name.includes('model="other"'))).toHaveLength(1);
});
