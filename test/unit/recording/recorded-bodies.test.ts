import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RecentBodies } from '../../../src-main/recording/recent-bodies.ts';
import { RecordedBodies } from '../../../src-main/recording/recorded-bodies.ts';
import { heard } from '../../../src-main/recording/request-bodies.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-recorded-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('forgets what is on its way to the disk for the first time', async () => {
  const recent = new RecentBodies(() => ({ memory: 5, memoryBytes: 1024 * 1024, maxBodyBytes: 1024 * 1024 }));
  const disk = new RecordedBodies({
    ...{ folder, recent, now: Date.now, onWarning: () => undefined },
    limits: () => ({ days: 7, maxBytes: 64 * 1024 * 1024 }),
    secrets: () => [],
  });
  const about = { id: 'req_1', at: Date.now(), protocol: 'anthropic', path: '/v1/messages', query: '' } as const;
  const said = { requestHeaders: {}, request: heard('private'), answerHeaders: {}, answer: null } as const;
  recent.add({ ...about, ...said, isComplete: true, attempts: [] }, true);
  const writing = disk.write();
  recent.clear();
  expect(await disk.clear()).toBe(1);
  await writing;
  expect(await disk.read('req_1')).toBeNull();
  await disk.close();
});
