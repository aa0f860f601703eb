import { expect, it } from 'vitest';
import { comparisonLines } from '../../../src-main/cli/replay.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

it('knows what a request cost that no provider was asked: nothing, and not an unknown amount', () => {
  const usage = { input: 10, cacheRead: 0, cacheWrite: 0, output: 5, reasoning: 0 };
  const before = makeRow({ state: 'answered', attempts: [makeAttempt({ usage, cost: null })] });
  const lines = comparisonLines(before, { request: makeRow({ state: 'failed' }) });
  expect(lines.find((line) => line.startsWith('Tokens'))).toMatch(/^Tokens +10 \/ 5 +-$/);
  expect(lines.find((line) => line.startsWith('Cost'))).toMatch(/^Cost +not known +-$/);
});
