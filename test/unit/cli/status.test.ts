import { describe, expect, test } from 'vitest';
import { wrapped } from '../../../src-main/cli/output.ts';
import { statusLines } from '../../../src-main/cli/status.ts';
import type { EngineStatus, HealthView, KeyView, ProviderView } from '../../../src-shared/control.ts';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const now = 3 * 3_600_000 + 300_000;
const health = (changes: Partial<HealthView>): HealthView => ({
  state: 'healthy',
  reason: null,
  since: now - 120_000,
  checkedAt: now,
  attempts: 0,
  failures: 0,
  firstContentMs: null,
  totalMs: null,
  tokensPerSecond: null,
  ...changes,
});
const key = (changes: Partial<KeyView> = {}): KeyView => ({
  id: 'key',
  reference: 'env:A',
  state: 'ready',
  reason: null,
  until: null,
  limits: [],
  ...changes,
});
const provider = (changes: Partial<ProviderView>): ProviderView => ({
  id: 'a',
  name: 'a',
  type: 'openai',
  baseUrl: null,
  models: { source: 'none', count: 0, ids: [], fetchedAt: null, error: null },
  priority: 1,
  enabled: true,
  keys: [key()],
  health: health({}),
  circuits: [],
  ...changes,
});
const status = (changes: Partial<EngineStatus> = {}): EngineStatus => ({
  version: '1.2.3',
  state: 'running',
  pid: 42,
  startedAt: 0,
  endpoint: 'http://127.0.0.1:4777',
  auth: 'token',
  configFile: null,
  config: { file: null, version: null, since: 0, problems: [], afterRestart: [] },
  host: 'headless',
  providers: [],
  aliases: {},
  requests: { running: 0, total: 0, failed: 0 },
  memoryBytes: 90_000_000,
  telemetry: null,
  warnings: [],
  ...changes,
});
const providerLines = (...providers: ProviderView[]): string[] => {
  const lines = statusLines(status({ providers }), now);
  const from = lines.indexOf('Providers:') + 2;
  return lines.slice(from, lines.indexOf('', from));
};

test('what is left alone after failures, or tried again, is told with its reason', () => {
  const circuit = { provider: 'a', model: 'm', failures: 5, since: now - 9_000, reason: 'it answered HTTP 500' };
  const lines = providerLines(
    provider({
      circuits: [
        { ...circuit, state: 'open', until: now + 20_000 },
        { ...circuit, model: null, state: 'half-open', until: null, failures: 1 },
      ],
    }),
  );
  expect(lines).toContain('    m is left alone for 20 s more after 5 failures: it answered HTTP 500');
  expect(lines).toContain('    all of it is tried again with the next request: it answered HTTP 500');
});

test('the endpoint first, then all that runs, aliases and warnings', () => {
  const text = statusLines(status({ aliases: { s: ['a/m', 'b/n'] }, warnings: ['Look out.'] }), now).join('\n');
  expect(text).toMatch(/^CProxy 1\.2\.3 is running at http:\/\/127\.0\.0\.1:4777\n/);
  expect(text).toContain('process 42 (headless), up 3 h 5 min, 90 MB');
  expect(text).toContain('Providers: only the built-in demo');
  expect(text).toContain('\n  s: a/m, then b/n');
  expect(text).toContain('\n  Look out.');
});

test.each([
  [1_000, 'up 1 s'],
  [10 * 60_000, 'up 10 min'],
  [50 * 3600_000, 'up 2 d 2 h'],
])('%d ms', (ms, text) => {
  expect(statusLines(status(), ms).join('\n')).toContain(text);
});

describe('providers', () => {
  test('are rows with a word, not a colour alone, and what is to be done below', () => {
    const failing = { state: 'down', reason: 'It could not be reached: nothing listens there.' } as const;
    const lines = providerLines(
      provider({
        health: health({ firstContentMs: 640, tokensPerSecond: 52 }),
        models: { source: 'fetched', count: 312, ids: [], fetchedAt: now - 600_000, error: null },
      }),
      provider({ id: 'local', type: 'ollama', health: health(failing), keys: [key({ state: 'not-needed' })] }),
      provider({ id: 'rest', enabled: false, health: health(failing) }),
    );
    expect(lines).toEqual([
      '  + healthy  a (openai)      2 min  0.6 s 52 tok/s  312     10 min old',
      '  x down     local (ollama)  2 min',
      '    It could not be reached: nothing listens there.',
      '  - off      rest (openai)',
    ]);
  });

  test('whose keys are several, or not usable, show them; a reason is said once', () => {
    const refused = key({
      id: 'b',
      reference: 'keychain:b',
      state: 'refused',
      until: now + 240_000,
      reason: 'was refused (no)',
    });
    const lines = providerLines(
      provider({
        keys: [key({ id: 'a' }), refused],
        health: health({ state: 'degraded', reason: "1 of 2 keys cannot be used: 'b' was refused." }),
      }),
      provider({
        id: 'z',
        keys: [key({ state: 'missing', reason: 'z is not set.' })],
        health: health({ state: 'down', reason: 'Z is not set.' }),
      }),
    );
    expect(lines.slice(1, 4)).toEqual([
      "    1 of 2 keys cannot be used: 'b' was refused.",
      '    key a (env:A) ready',
      '    key b (keychain:b) refused, for 4 min more: was refused (no)',
    ]);
    expect(lines.slice(5)).toEqual(['    Z is not set.', '    key (env:A) missing']);
  });

  test('tell of limits that a vendor has named', () => {
    const limits = [
      { name: '5h', limit: null, remaining: null, used: 0.62, resetsAt: now + 7_200_000 },
      { name: 'requests', limit: 50, remaining: 49, used: null, resetsAt: null },
      { name: 'tokens', limit: 50, remaining: null, used: null, resetsAt: null },
    ];
    expect(providerLines(provider({ keys: [key({ limits })] })).slice(1)).toEqual([
      '    limit 5h: 62 % used, resets in 2 h 0 min',
      '    limit requests: 49 of 50 left',
    ]);
  });

  test('say why a list of models is old, unless the provider is down anyway', () => {
    const models = { source: 'fetched', count: 1, ids: ['m'], fetchedAt: now, error: 'No list came.' } as const;
    expect(providerLines(provider({ models: { ...models, ids: ['m'] } }))).toContain(
      '    list of models: No list came.',
    );
    const down = provider({ models: { ...models, ids: ['m'] }, health: health({ state: 'down', reason: 'Gone.' }) });
    expect(providerLines(down)).not.toContain('    list of models: No list came.');
  });

  test.each([60, 80, 120])('fit into %d columns', (width) => {
    const reason = 'It is a long way down, and there is much to be said of it, more than one line of a terminal takes.';
    const providers = [
      provider({
        id: 'a-provider-with-quite-a-name',
        health: health({ state: 'degraded', reason, firstContentMs: 12_000, tokensPerSecond: 120 }),
        models: { source: 'fetched', count: 5_000, ids: [], fetchedAt: 0, error: null },
      }),
    ];
    const lines = statusLines(status({ providers, warnings: [reason] }), now, width);
    const own = lines.slice(lines.indexOf('Providers:') + 1).filter((line) => !line.startsWith('Requests:'));
    for (const line of own) expect([line, line.length <= width]).toEqual([line, true]);
    expect(lines.join(' ').replace(/\s+/g, ' ')).toContain(reason);
  });
});

const requestRow = (changes: Partial<RequestRow>): RequestRow =>
  makeRow({ startedAt: now - 5_000, askedModel: 'sonnet', ...changes });
const attempt = (provider: string, model: string): AttemptRow =>
  makeAttempt({ provider, model, status: 200, outcome: 'answered' });

describe('the newest requests', () => {
  test('say what became of them, when, how long it took, and who answered', () => {
    const lastRequests = [
      requestRow({}),
      requestRow({ state: 'answered', endedMs: 4_210, attempts: [attempt('a', 'x'), attempt('b', 'y')] }),
      requestRow({ state: 'failed', endedMs: 90, askedModel: 'm'.repeat(100) }),
    ];
    const lines = statusLines({ ...status({ requests: { running: 1, total: 3, failed: 1 } }), lastRequests }, now, 80);
    const from = lines.indexOf('Requests: 1 running, 3 in all, 1 failed');
    expect(lines.slice(from + 1)).toEqual([
      expect.stringMatching(/^ {2}> running {3}\d\d:\d\d:\d\d {9}sonnet → nobody$/),
      expect.stringMatching(/^ {2}\+ answered {2}\d\d:\d\d:\d\d {2}4\.2 s {2}sonnet → b\/y$/),
      expect.stringMatching(/^ {2}x failed {4}\d\d:\d\d:\d\d {2}0\.1 s {2}m+…$/),
    ]);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('and all of an ordinary set-up stand on one screen', () => {
    const lastRequests = Array.from({ length: 5 }, () =>
      requestRow({ attempts: [attempt('openrouter', 'qwen/qwen3')] }),
    );
    const providers = ['anthropic', 'openrouter', 'local'].map((id) => provider({ id }));
    const file = '/home/ada/.config/cproxy/config.yaml';
    const config = { file, version: 'a', since: now, problems: [], afterRestart: [] };
    const aliases = { best: ['anthropic/claude-opus-5-5', 'local/qwen3'] };
    const lines = statusLines({ ...status({ providers, aliases, config }), lastRequests }, now, 80);
    expect(lines.length).toBeLessThanOrEqual(23);
    for (const line of lines) expect([line, line.length <= 80]).toEqual([line, true]);
  });
});

test('a file that cannot be used is told of with every problem, and what waits for the next start', () => {
  const problems = ['/c.yaml:3:12 server.port: must be a number; found "x"', '/c.yaml:9:1 rules: unknown'];
  const config = {
    file: '/c.yaml',
    version: 'a',
    since: now,
    problems,
    afterRestart: ['server.host', 'secrets.store'],
  };
  const text = statusLines(status({ config }), now).join('\n');
  expect(text).toContain(
    `\n\nThe file has been changed, and cannot be used:\n  ${problems[0]}\n  ${problems[1]}\n\nProviders:`,
  );
  expect(text).toMatch(/\nconfiguration: \/c\.yaml, in force since \d\d:\d\d:\d\d\n/);
  expect(text).toContain('\nafter the next start: server.host; secrets.store\n');
});

test('words that are longer than a line stay whole', () => {
  const url = `http://${'x'.repeat(100)}`;
  expect(wrapped(`See ${url} for more`, 40, '  ')).toEqual(['  See', `    ${url}`, '    for more']);
});

test('where traces and metrics go is told, and that they do not arrive', () => {
  const telemetry = { endpoint: 'http://127.0.0.1:4318', traces: true, metrics: true, trouble: null };
  expect(statusLines(status({ telemetry }), now)).toContain('traces and metrics: sent to http://127.0.0.1:4318');
  const failing = { ...telemetry, metrics: false, trouble: 'it answered HTTP 401' };
  expect(statusLines(status({ telemetry: failing }), now)).toContain(
    'traces: sent to http://127.0.0.1:4318, which does not take them now',
  );
  expect(statusLines(status(), now).join('\n')).not.toContain('sent to');
});
