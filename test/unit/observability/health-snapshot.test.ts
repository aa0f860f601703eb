import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { healthSnapshot, systemHealth } from '../../../src-main/observability/health-snapshot.ts';
import type { EngineStatus, HealthView, ProviderView } from '../../../src-shared/control.ts';
import type { SystemHealth } from '../../../src-shared/health.ts';

const provider = (id: string, state: HealthView['state'], changes: Partial<ProviderView> = {}): ProviderView => ({
  ...{ id, name: id, type: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/', priority: 1, enabled: true },
  models: { source: 'configured', count: 0, ids: [], fetchedAt: null, error: null },
  keys: [],
  health: {
    ...{ state, reason: state === 'healthy' ? null : `It is ${state}.`, since: 0, checkedAt: 0, attempts: 1 },
    ...{ failures: 0, firstContentMs: null, totalMs: null, tokensPerSecond: null },
  },
  circuits: [],
  ...changes,
});
const status = (changes: Partial<EngineStatus> = {}): EngineStatus => ({
  ...{ version: '1', state: 'running', pid: 1, startedAt: 1_000, endpoint: 'http://127.0.0.1:4777', auth: 'token' },
  configFile: '/c.yaml',
  config: { file: '/c.yaml', version: 'v', since: 0, problems: [], afterRestart: [] },
  host: 'headless',
  providers: [provider('a', 'healthy')],
  aliases: {},
  requests: { running: 0, total: 3, failed: 1 },
  memoryBytes: 1,
  telemetry: null,
  warnings: [],
  ...changes,
});
const system = (changes: Partial<SystemHealth> = {}): SystemHealth => ({
  ...{ memoryBytes: 1e8, heapBytes: 5e7, loopDelayMs: { p50: 0, p99: 1, max: 20 } },
  disk: { folder: '/data', freeBytes: 5e10, totalBytes: 1e11 },
  stores: [{ name: 'conversations', state: 'disk', reason: null, bytes: 1 }],
  ...changes,
});
const snapshot = (changes: Partial<EngineStatus> = {}, machine: Partial<SystemHealth> = {}) =>
  healthSnapshot(status(changes), system(machine), [], 201_000);
const codes = (changes: Partial<EngineStatus>, machine: Partial<SystemHealth> = {}) => {
  const { state, problems } = snapshot(changes, machine);
  return [state, problems.map(({ code, about }) => (about === null ? code : `${code} ${about}`))];
};

describe('a health snapshot', () => {
  test('has nothing to say where all is well', () => {
    expect(snapshot()).toMatchObject({ state: 'healthy', problems: [], uptimeMs: 200_000, requests: { total: 3 } });
    expect(codes({ providers: [provider('new', 'unknown')] })).toEqual(['healthy', []]);
  });

  test.each<[string, Partial<EngineStatus>, Partial<SystemHealth>, unknown]>([
    [
      'one of two down',
      { providers: [provider('a', 'down'), provider('b', 'healthy')] },
      {},
      ['degraded', ['provider_down a']],
    ],
    [
      'all down',
      { providers: [provider('a', 'down'), provider('b', 'down')] },
      {},
      ['down', ['provider_down a', 'provider_down b']],
    ],
    ['one that is off', { providers: [provider('a', 'down', { enabled: false })] }, {}, ['healthy', ['no_provider']]],
    ['degraded', { providers: [provider('a', 'degraded')] }, {}, ['degraded', ['provider_degraded a']]],
    [
      'a bad file',
      {
        config: {
          file: '/c.yaml',
          version: null,
          since: 0,
          problems: ['line 3: no'],
          afterRestart: ['secrets: later'],
        },
      },
      {},
      ['degraded', ['configuration_refused /c.yaml', 'restart_needed']],
    ],
    [
      'a store that is not on the disk',
      {},
      { stores: [{ name: 'history', state: 'memory', reason: 'the disk is full', bytes: 0 }] },
      ['degraded', ['store_in_memory history']],
    ],
    [
      'a store that was to be in memory',
      {},
      { stores: [{ name: 'history', state: 'memory', reason: null, bytes: 0 }] },
      ['healthy', []],
    ],
    [
      'little room',
      {},
      { disk: { folder: '/data', freeBytes: 2e8, totalBytes: 1e11 } },
      ['degraded', ['disk_nearly_full /data']],
    ],
    ['a small disk', {}, { disk: { folder: '/data', freeBytes: 2e8, totalBytes: 1e9 } }, ['healthy', []]],
    ['a late loop', {}, { loopDelayMs: { p50: 1, p99: 240, max: 900 } }, ['degraded', ['event_loop_late']]],
    ['much memory', {}, { memoryBytes: 2e9 }, ['degraded', ['memory_high']]],
    ['warnings', { warnings: ['Look here.'] }, {}, ['healthy', ['warning']]],
  ])('of %s', (_, changes, machine, expected) => {
    expect(codes(changes, machine)).toEqual(expected);
  });

  test('does not tell of a late loop while all is being loaded', () => {
    const late = system({ loopDelayMs: { p50: 1, p99: 240, max: 900 } });
    expect(healthSnapshot(status(), late, [], 61_000).problems).toEqual([]);
  });

  test('puts the worst first', () => {
    const { problems } = snapshot({ providers: [provider('a', 'down')], warnings: ['w'] }, { memoryBytes: 2e9 });
    expect(problems.map(({ severity }) => severity)).toEqual(['down', 'degraded', 'note']);
  });

  test('knows this machine', async () => {
    const found = await systemHealth(tmpdir(), { p50: 0, p99: 0, max: 0 }, []);
    expect(found.memoryBytes).toBeGreaterThan(found.heapBytes);
    expect(found.disk?.totalBytes).toBeGreaterThan(0);
    expect((await systemHealth('/no/such/folder', { p50: 0, p99: 0, max: 0 }, [])).disk).toBeNull();
  });
});
