import { expect, test } from 'vitest';
import { cacheLines } from '../../../src-main/cli/cache.ts';
import type { CacheView } from '../../../src-shared/cache.ts';

const view: CacheView = {
  store: 'memory',
  answers: 1,
  bytes: 1024 * 1024,
  maxBytes: 64 * 1024 * 1024,
  maxAnswerBytes: 1,
  hits: 1_234,
  shared: 1,
  misses: 3,
  stored: 2,
};

test('what is kept, and what it has saved', () => {
  expect(cacheLines(view)).toEqual([
    'Kept         1 answer, 1.0 MB of 64.0 MB',
    'Given again  1,234 requests',
    'Shared       1 request that came while the same was under way',
    'Asked        3 requests, of which 2 kept',
  ]);
});

test('what Redis says, or does not', () => {
  expect(cacheLines({ ...view, store: 'redis', answers: 7, bytes: null })[0]).toBe('Kept         7 answers in Redis');
  expect(cacheLines({ ...view, store: 'redis', answers: null, bytes: null })[0]).toContain('Redis does not answer');
});
