import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { healthLines } from '../../../src-main/cli/health.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import type { HealthSnapshot } from '../../../src-shared/health.ts';

const snapshot: HealthSnapshot = {
  at: 0,
  state: 'degraded',
  version: '0.1.0',
  uptimeMs: 65_000,
  providers: [],
  requests: { running: 1, total: 40, failed: 2 },
  system: {
    memoryBytes: 123_400_000,
    heapBytes: 1,
    loopDelayMs: { p50: 0, p99: 1.5, max: 31 },
    disk: { folder: '/data', freeBytes: 12_345_000_000, totalBytes: 1e11 },
    stores: [{ name: 'history', state: 'memory', reason: 'the disk is full', bytes: 0 }],
  },
  lastErrors: [
    {
      at: 0,
      requestId: 'req_1',
      model: 'm',
      provider: 'a',
      error: ProxyError.of('provider_cut_stream', { provider: 'a' }).view(),
      recovered: true,
    },
  ],
  problems: [
    {
      ...{ severity: 'degraded', code: 'store_in_memory', about: 'history' },
      problem: 'The log of requests is in memory only: the disk is full.',
      advice: 'Make room on the disk.',
    },
    { severity: 'note', code: 'warning', about: null, problem: 'Look here.', advice: null },
  ],
};

test('what is wrong, what to do, and how the machine does', () => {
  const lines = healthLines(snapshot, 100).map((line) => stripVTControlCharacters(line));
  expect(lines.slice(0, 14)).toEqual([
    'CProxy 0.1.0 works, but not all is well',
    'up 65 s, 1 running, 40 requests in all, 2 failed',
    '',
    'To be seen to:',
    '  degraded: history: The log of requests is in memory only: the disk is full.',
    '      Make room on the disk.',
    '  Look here.',
    '',
    'This machine:',
    '  memory: 123 MB',
    '  event loop: late by 0 ms mostly, 1.5 ms in one of a hundred, 31 ms at most',
    '  disk of /data: 12,345 MB free',
    '  history: in memory only',
    '',
  ]);
  expect(lines.join('\n')).toMatch(/Last failures:\n {2}\d\d:\d\d:\d\d +a\/m +req_1 \(another attempt answered\)\n/);
  for (const line of healthLines(snapshot, 60)) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(60);
});
