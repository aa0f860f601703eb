import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type StartMessage, startMessage } from '../../../src-main/cli/start-message.ts';
import type { EngineStatus, KeyView, ProviderView } from '../../../src-shared/control.ts';

const status: EngineStatus = {
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
};
const key = (changes: Partial<KeyView>): KeyView => ({
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
  keys: [key({})],
  health: {
    state: 'unknown',
    reason: null,
    since: 0,
    checkedAt: null,
    attempts: 0,
    failures: 0,
    firstContentMs: null,
    totalMs: null,
    tokensPerSecond: null,
  },
  circuits: [],
  ...changes,
});
const say = (changes: Partial<Omit<StartMessage, 'status'>> = {}, state: Partial<EngineStatus> = {}): string =>
  startMessage({
    status: { ...status, ...state },
    firstToken: null,
    startNote: null,
    command: 'cproxy',
    configFolder: path.join('/home/me', 'cproxy'),
    environment: null,
    sources: [],
    platform: 'linux',
    ...changes,
  }).join('\n');

describe('lines for Claude Code', () => {
  test('with the token, this once', () => {
    expect(say({ firstToken: 'cpx_abc' })).toContain(
      '\n  export ANTHROPIC_BASE_URL=http://127.0.0.1:4777\n  export ANTHROPIC_AUTH_TOKEN=cpx_abc\n  claude\n',
    );
  });

  test('and where clients of OpenAI go', () => {
    expect(say({ firstToken: 'cpx_abc' })).toContain('same token, and http://127.0.0.1:4777/v1 as their base URL');
  });

  test('later without it, and how to make another', () => {
    const text = say({ command: 'npx cproxy' });
    expect(text).toContain('`npx cproxy claude` starts it with everything set');
    expect(text).toContain('`npx cproxy setup claude-code` sets it up for good');
    expect(text).toContain('`npx cproxy token new NAME` makes one.');
    expect(text).toContain('`npx cproxy login`');
  });

  test('where no token is needed, and for PowerShell', () => {
    const text = say({ platform: 'win32' }, { auth: 'none' });
    expect(text).toContain('  $env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4777"');
    expect(text).toContain('No token is needed');
    expect(text).not.toContain('token new');
  });

  test('where no token is needed, none is shown, even on the first start', () => {
    const text = say({ firstToken: 'cpx_abc' }, { auth: 'none' });
    expect(text).toContain('  export ANTHROPIC_AUTH_TOKEN=none\n');
    expect(text).not.toContain('cpx_abc');
  });
});

describe('providers', () => {
  test('none: only the demo answers, and how to add a real one', () => {
    const text = say();
    expect(text).toContain('Only the built-in demo provider answers');
    expect(text).toContain(`or write ${path.join('/home/me', 'cproxy', 'config.yaml')}:`);
    expect(text).toContain('\n  providers:\n    - { id: ');
  });

  test('each with what it has or lacks', () => {
    const text = say(
      {},
      {
        configFile: '/etc/cproxy.yaml',
        providers: [
          provider({}),
          provider({ id: 'bb', keys: [key({ reference: 'env:B', state: 'missing', reason: 'B is not set.' })] }),
          provider({ id: 'c', enabled: false }),
          provider({ id: 'd', type: 'anthropic', keys: [key({ reference: 'client', state: 'from-client' })] }),
          provider({ id: 'e', type: 'openai-compatible', keys: [key({ reference: null, state: 'not-needed' })] }),
          provider({ id: 'f', keys: [key({ id: '1' }), key({ id: '2', state: 'missing', reason: 'F is not set.' })] }),
        ],
      },
    );
    expect(text).toContain(
      [
        'Providers:',
        '  ready   a (openai)             key env:A',
        '  no key  bb (openai)            B is not set.',
        '  off     c (openai)             not enabled',
        "  ready   d (anthropic)          the client's own login",
        '  ready   e (openai-compatible)  no key needed',
        "  ready   f (openai)             2 keys, 1 missing – '2': F is not set.",
      ].join('\n'),
    );
    expect(text).not.toContain('demo');
    expect(text).toContain('Configuration: /etc/cproxy.yaml');
  });

  test('all without a key: how the demo is asked, and how to add one', () => {
    const keys = [key({ reference: 'env:B', state: 'missing', reason: 'B is not set.' })];
    const text = say({}, { providers: [provider({ keys })] });
    expect(text).toContain('ask for the model demo/demo');
    expect(text).toContain('To add a real one');
  });
});

test('why there is no window, where values come from, and warnings', () => {
  const text = say(
    {
      startNote: 'Started without a window: no display.',
      sources: ['server.port comes from --port'],
      environment: 'staging',
    },
    { configFile: '/c.yaml', warnings: ['Look out.'] },
  );
  expect(text.startsWith('Started without a window: no display.\n')).toBe(true);
  expect(text).toContain('Configuration: /c.yaml (staging)\n  server.port comes from --port\n');
  expect(text).toContain('Warnings:\n  Look out.\n');
});
