import { createRouterClient } from '@orpc/server';
import { expect, onTestFinished, test, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import type { Logger } from '../../src-main/observability/logger.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../helpers/otlp-receiver.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { answer, fail, hang, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const SERVER = 2;
const CLIENT = 3;

const provider = (id: string, { url }: ScriptableUpstream) => ({
  ...{ id, type: 'anthropic-compatible' as const, baseUrl: url, key: 'env:K' as const },
  models: [{ id: 'm', price: { input: 1_000_000, output: 2_000_000 } }],
});

const config = (
  telemetry: ConfigInput['telemetry'],
  upstreams: readonly ScriptableUpstream[],
  rest: ConfigInput = {},
): ConfigInput => ({
  providers: upstreams.map((upstream, index) => provider(`p${index}`, upstream)),
  aliases: { all: upstreams.map((_, index) => `p${index}/m`) },
  telemetry: { intervalMs: 200, ...telemetry },
  ...rest,
});

const options = { env: { K: 'sk-canary-of-a-provider' } };

/** Asks, and reads the answer to its end. */
async function ask(running: RunningEngine, rest: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
  const response = await running.ask(question('the canary of what was said', { model: 'all', ...rest }), { headers });
  await response.text();
  return response;
}

const spansOf = (receiver: OtlpReceiver, count: number): Promise<readonly ReceivedSpan[]> =>
  waitUntil(`${count} spans`, () => (receiver.spans.length >= count ? receiver.spans : null), 30_000);

/** The spans of one request: its own, and those of its attempts. */
async function traced(receiver: OtlpReceiver, attempts: number) {
  const spans = await spansOf(receiver, attempts + 1);
  expect(spans).toHaveLength(attempts + 1);
  const [request, ...others] = spans;
  if (request === undefined) throw new Error('there is no span');
  for (const other of others)
    expect(other).toMatchObject({ traceId: request.traceId, parentSpanId: request.spanId, kind: CLIENT });
  return { request, attempts: others };
}

/** Lines that the user is told. */
function collectingLog(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const add =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, error: add('error'), warn: add('warn'), info: add('info'), debug: add('debug') };
}

test('a stream that is answered after a failover: a span of the request, one of each attempt, and what they cost', async () => {
  await using receiver = await startOtlpReceiver();
  await using first = await startUpstream();
  await using second = await startUpstream();
  await using running = await runEngine(config({ endpoint: receiver.url }, [first, second]), options);
  first.queue(fail(529, { message: 'the canary of a provider that quotes' }));
  second.queue(
    answer([{ type: 'text', text: 'hi' }], { usage: { input: 3, cacheRead: 20, cacheWrite: 5, output: 4 } }),
  );
  const session = 'b1946ac9-2492-4d23-87e2-6f6c6e9d2e11';
  await ask(running, { stream: true }, { 'x-claude-code-session-id': session, 'user-agent': 'claude-cli/2.1' });

  const { request, attempts } = await traced(receiver, 2);
  expect(request).toMatchObject({ name: 'chat all', kind: SERVER, status: { code: 0 } });
  expect(request.parentSpanId).toBeUndefined();
  expect(request.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic-compatible',
    'gen_ai.request.model': 'all',
    'gen_ai.response.model': 'm',
    'gen_ai.request.stream': true,
    'gen_ai.conversation.id': session,
    'gen_ai.response.finish_reasons': ['end_turn'],
    'http.response.status_code': 200,
    'url.path': '/v1/messages',
    'user_agent.original': 'claude-cli/2.1',
    'cproxy.state': 'answered',
  });
  expect(request.attributes['cproxy.steps']).toContain('attempt failed');
  expect(request.attributes).not.toHaveProperty('error.type');
  expect(attempts.map(({ name, status }) => [name, status.code])).toEqual([
    ['chat m', 2],
    ['chat m', 0],
  ]);
  expect(attempts[0]?.attributes).toMatchObject({
    ...{ 'cproxy.provider': 'p0', 'cproxy.outcome': 'failed', 'error.type': 'provider_error' },
    ...{ 'http.response.status_code': 529, 'server.address': '127.0.0.1', 'server.port': first.port },
  });
  expect(attempts[1]?.attributes).toMatchObject({
    'cproxy.provider': 'p1',
    'server.port': second.port,
    'gen_ai.usage.input_tokens': 28,
    'gen_ai.usage.cache_read.input_tokens': 20,
    'gen_ai.usage.cache_creation.input_tokens': 5,
    'gen_ai.usage.output_tokens': 4,
    'gen_ai.response.finish_reasons': ['end_turn'],
    'cproxy.outcome': 'answered',
    'cproxy.mode': 'pass-through',
  });
  for (const span of attempts) {
    expect(span.startTimeUnixNano).toBeGreaterThanOrEqual(request.startTimeUnixNano);
    expect(span.endTimeUnixNano).toBeGreaterThanOrEqual(span.startTimeUnixNano);
    expect(span.endTimeUnixNano).toBeLessThanOrEqual(request.endTimeUnixNano + 0.01);
  }

  await waitUntil('the metrics', () => receiver.points('cproxy.requests').length > 0);
  for (const { attributes } of receiver.resources)
    expect(attributes).toMatchObject({ 'service.name': 'cproxy', 'service.version': packageJson.version });
  expect(new Set(receiver.resources.map(({ attributes }) => attributes['service.instance.id'])).size).toBe(1);
  expect([...receiver.metricNames].sort()).toEqual([
    'cproxy.cost',
    'cproxy.requests',
    'gen_ai.client.operation.duration',
    'gen_ai.client.operation.time_to_first_chunk',
    'gen_ai.client.token.usage',
    'gen_ai.server.request.duration',
    'gen_ai.server.time_to_first_token',
  ]);
  const tokens = receiver.points('gen_ai.client.token.usage');
  expect(tokens.map(({ attributes, sum }) => [attributes['gen_ai.token.type'], sum])).toEqual([
    ['input', 28],
    ['output', 4],
  ]);
  expect(tokens[0]?.explicitBounds).toEqual([
    ...[1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
  ]);
  const durations = receiver.points('gen_ai.client.operation.duration');
  expect(durations.map(({ attributes }) => attributes['error.type'] ?? null)).toEqual(['provider_error', null]);
  expect(durations.map(({ count }) => count)).toEqual([1, 1]);
  expect(receiver.points('cproxy.requests')[0]).toMatchObject({
    attributes: { 'cproxy.state': 'answered', 'http.response.status_code': 200, 'cproxy.protocol': 'anthropic' },
    asDouble: 1,
  });
  const cost = receiver.points('cproxy.cost')[0]?.asDouble ?? 0;
  expect(cost).toBeGreaterThanOrEqual(3 + 8);
  expect(attempts[1]?.attributes['cproxy.cost.usd']).toBe(cost);

  const sent = JSON.stringify(receiver.requests);
  expect(sent).not.toContain('canary');
  expect(sent).not.toContain(running.token);
});

test('a whole answer, a failed request, one that its client leaves, and one from the cache', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  const rest: ConfigInput = {
    routing: { rules: [{ id: 'kept', when: { model: 'all' }, use: { cache: true } }] },
  };
  await using running = await runEngine(config({ endpoint: receiver.url }, [upstream], rest), options);
  upstream.script(() => say('an answer'));
  expect((await ask(running)).headers.get('x-cproxy-cache')).toBe('miss');
  const spans = await spansOf(receiver, 2);
  expect(spans[0]?.attributes).not.toHaveProperty('gen_ai.request.stream');
  expect(spans[0]?.attributes).not.toHaveProperty('gen_ai.response.time_to_first_chunk');

  expect((await ask(running)).headers.get('x-cproxy-cache')).toBe('hit');
  const [, , hit] = await spansOf(receiver, 3);
  expect(hit).toMatchObject({ kind: SERVER, status: { code: 0 } });
  expect(hit?.attributes).toMatchObject({ 'cproxy.cache': 'hit', 'gen_ai.provider.name': 'cproxy' });

  expect((await ask(running, { model: 'p0/gone' })).status).toBe(200);
  expect((await ask(running, { model: 'nobody/x' })).status).toBe(404);
  const refused = (await spansOf(receiver, 6)).find(({ name }) => name === 'chat nobody/x');
  expect(refused).toMatchObject({ kind: SERVER, status: { code: 2 } });
  expect(refused?.attributes).toMatchObject({ 'error.type': 'unknown_model', 'cproxy.state': 'failed' });

  upstream.script(() => hang());
  const leaves = new AbortController();
  const asked = running.ask(question('left', { model: 'p0/left', stream: true }), { signal: leaves.signal });
  await upstream.waitFor(3);
  leaves.abort();
  await expect(asked).rejects.toThrow();
  const left = (await spansOf(receiver, 8)).filter(({ name }) => name.endsWith('left'));
  expect(left.map(({ kind, status }) => [kind, status.code])).toEqual([
    [SERVER, 0],
    [CLIENT, 0],
  ]);
  expect(left[0]?.attributes['cproxy.state']).toBe('aborted');
  expect(left[1]?.attributes['cproxy.outcome']).toBe('aborted');
});

test('a trace goes through two CProxies in a row, and on to the provider', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  await using inner = await runEngine(
    config({ endpoint: receiver.url, metrics: false }, [upstream], { server: { auth: 'none' } }),
    options,
  );
  await using outer = await runEngine({
    providers: [{ id: 'inner', type: 'anthropic-compatible', baseUrl: inner.url, models: ['all'] }],
    telemetry: { endpoint: receiver.url, metrics: false },
  });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await ask(
    outer,
    { model: 'inner/all' },
    { traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: 'vendor=1' },
  );
  const spans = await spansOf(receiver, 4);
  expect(spans).toHaveLength(4);
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const way: ReceivedSpan[] = [];
  for (let parent = 'b7ad6b7169203331'; ; ) {
    const next = spans.find(({ parentSpanId }) => parentSpanId === parent);
    if (next === undefined) break;
    way.push(next);
    parent = next.spanId;
  }
  expect(way.map(({ kind }) => kind)).toEqual([SERVER, CLIENT, SERVER, CLIENT]);
  const headers = upstream.asked[0]?.headers;
  expect(headers?.traceparent).toBe(`00-${traceId}-${way[3]?.spanId}-01`);
  expect(headers?.tracestate).toBe('vendor=1');
});

test('who begins a trace says whether it is sent; what is no trace begins another', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  await using running = await runEngine(config({ endpoint: receiver.url }, [upstream]), options);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  await ask(running, {}, { traceparent: `00-${trace}-b7ad6b7169203331-00` });
  await ask(running, {}, { traceparent: `00-${trace}-b7ad6b7169203331`, tracestate: 'vendor=1' });
  const spans = await spansOf(receiver, 2);
  expect(spans).toHaveLength(2);
  expect(spans[0]?.traceId).not.toBe(trace);
  const sent = upstream.asked.map(({ headers }) => [headers.traceparent, headers.tracestate]);
  expect(sent[0]?.[0]).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-00$`));
  expect(sent[1]).toEqual([`00-${spans[0]?.traceId}-${spans[1]?.spanId}-01`, undefined]);
  await waitUntil('both in the metrics', () => receiver.points('cproxy.requests')[0]?.asDouble === 2);
});

test('without telemetry, or with a sample of none, no spans are sent, and headers go on as they came', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  await using running = await runEngine(config({}, [upstream]), { ...options, reloads: true });
  await ask(running, {}, headers);
  expect(upstream.asked[0]?.headers.traceparent).toBe(headers.traceparent);
  expect(running.engine.status().telemetry).toBeNull();
  await running.reconfigure(config({ endpoint: receiver.url, sample: 0 }, [upstream]));
  await ask(running);
  expect(upstream.asked[1]?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  await waitUntil('the metrics', () => receiver.points('cproxy.requests').length > 0);
  await running.stop();
  expect(receiver.spans).toHaveLength(0);
});

const LOGIN = 'canary-of-a-collector';

/** An engine that sends to a collector with a login, and what its user is told. */
async function watched(receiver: OtlpReceiver, upstream: ScriptableUpstream) {
  const log = collectingLog();
  const telemetry = {
    endpoint: receiver.url,
    headers: { authorization: 'Bearer env:LOGIN', 'x-tenant': 'env:TENANT' },
  };
  const running = await runEngine(config(telemetry, [upstream]), {
    log,
    env: { ...options.env, LOGIN, TENANT: 'tenant-7' },
  });
  return {
    running,
    lines: log.lines,
    said: (text: string) => log.lines.filter((line) => line.includes(text)).length,
    trouble: () => running.engine.status().telemetry?.trouble ?? null,
    warnings: () => running.engine.status().warnings.filter((warning) => warning.includes(receiver.url)),
  };
}

test('a collector that refuses is told of once, and once more when it does not any longer', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  const { running, lines, said, trouble, warnings } = await watched(receiver, upstream);
  await using _ = running;
  await ask(running);
  await spansOf(receiver, 2);
  expect([running.engine.status().telemetry, warnings()]).toEqual([
    { endpoint: receiver.url, traces: true, metrics: true, trouble: null },
    [],
  ]);

  receiver.answer(401);
  expect(await waitUntil('its refusal', trouble, 30_000)).toBe('it answered HTTP 401');
  for (let index = 0; index < 3; index += 1) {
    const asked = receiver.requests.length;
    expect((await ask(running)).status).toBe(200);
    await waitUntil('another refusal', () => receiver.requests.length > asked);
  }
  expect([said('does not take'), warnings().length]).toEqual([1, 1]);

  receiver.answer(200);
  await ask(running);
  await waitUntil('its return', () => trouble() === null, 30_000);
  expect([said('takes what it is sent again'), warnings()]).toEqual([1, []]);
  for (const { headers } of receiver.requests)
    expect(headers).toMatchObject({ authorization: `Bearer ${LOGIN}`, 'x-tenant': 'tenant-7' });
  expect(lines.join('\n')).not.toContain('canary');
  expect(lines.join('\n')).not.toContain('secret-of-the-collector');
}, 90_000);

test('a collector that is gone delays nobody, and gets what comes after its return; a silent one does not hold up a stop', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  const { running, said, trouble } = await watched(receiver, upstream);
  await using _ = running;
  await ask(running);
  await spansOf(receiver, 2);
  await receiver.close();
  expect((await ask(running)).status).toBe(200);
  expect(await waitUntil('that it is gone', trouble, 30_000)).toContain('ECONNREFUSED');
  expect(said('does not take')).toBe(1);

  await receiver.reopen();
  const before = receiver.spans.length;
  await ask(running);
  await waitUntil('new spans', () => receiver.spans.length > before, 30_000);
  await waitUntil('its return', () => trouble() === null, 30_000);
  expect(said('takes what it is sent again')).toBe(1);

  receiver.answer('hang');
  expect((await ask(running)).status).toBe(200);
  await running.stop();
}, 120_000);

test('a login that is not there is told; another configuration sends elsewhere, from then on', async () => {
  await using first = await startOtlpReceiver();
  await using second = await startOtlpReceiver();
  await using upstream = await startUpstream();
  await using running = await runEngine(
    config({ endpoint: first.url, headers: { authorization: 'env:NOT_SET' } }, [upstream]),
    { ...options, reloads: true },
  );
  await ask(running);
  const { engine } = running;
  const told = await waitUntil('what is missing', () => engine.status().telemetry?.trouble, 20_000);
  expect(told).toContain('telemetry.headers.authorization: the environment variable NOT_SET is not set');
  await running.reconfigure(config({ endpoint: second.url }, [upstream]));
  expect(engine.status().telemetry).toMatchObject({ endpoint: second.url, trouble: null });
  await ask(running);
  await spansOf(second, 2);
  expect(first.requests).toHaveLength(0);
  await running.reconfigure(config({ endpoint: second.url, traces: false }, [upstream]));
  const before = second.spans.length;
  await ask(running);
  await waitUntil('the count of the new one', () => second.points('cproxy.requests')[0]?.asDouble === 1);
  expect(second.spans).toHaveLength(before);
  await running.reconfigure(config({}, [upstream]));
  expect(engine.status().telemetry).toBeNull();
});

test('a login of the collector is kept in the keychain, for its address alone', async () => {
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  const telemetry = { endpoint: receiver.url, headers: { 'x-api-key': 'keychain:telemetry' } };
  await using running = await runEngine(config(telemetry, [upstream]), options);
  const control = createRouterClient(await running.engine.controlRouter());
  await ask(running);
  const missing = await waitUntil('what is missing', () => running.engine.status().telemetry?.trouble, 30_000);
  expect(missing).toContain('`cproxy keys set telemetry` stores one');
  const key = 'canary-of-a-collector';
  expect(await control.keys.set({ provider: 'telemetry', name: 'other', key })).toMatchObject({
    configuration: ['telemetry:', '  headers:', '    authorization: Bearer keychain:other'],
  });
  expect(await control.keys.set({ provider: 'telemetry', key })).toMatchObject({
    ...{ name: 'telemetry', origin: receiver.url, configuration: [] },
  });
  await ask(running);
  await waitUntil('the spans', () => receiver.spans.length > 0, 30_000);
  for (const { headers } of receiver.requests) expect(headers['x-api-key']).toBe(key);
});

test('what has not been sent yet is sent when CProxy stops; variables that are meant for other programs are left alone', async () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-other=canary-of-another-program');
  vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'http://127.0.0.1:9/');
  await using receiver = await startOtlpReceiver();
  await using upstream = await startUpstream();
  const running = await runEngine(config({ endpoint: receiver.url, intervalMs: 600_000 }, [upstream]), options);
  await ask(running);
  await running.stop();
  expect(receiver.spans.map(({ kind }) => kind)).toEqual([SERVER, CLIENT]);
  expect(receiver.points('cproxy.requests')[0]?.asDouble).toBe(1);
  expect(JSON.stringify(receiver.requests)).not.toContain('canary');
  expect(process.env['OTEL_EXPORTER_OTLP_HEADERS']).toBe('x-other=canary-of-another-program');
});
