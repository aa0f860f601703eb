import { expect, test } from 'vitest';
import { configSchema } from '../../../src-shared/config.ts';

const problems = (rates: object[]): string[] =>
  configSchema
    .safeParse({ limits: { rates } })
    .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

test('a rate limits something, under an id of its own', () => {
  expect(
    problems([
      { id: 'a', concurrent: 1 },
      { id: 'b', tokensPerMinute: 1 },
    ]),
  ).toEqual([]);
  expect(problems([{ id: 'a' }])).toEqual([
    'limits.rates.0: limits nothing: set requestsPerMinute, tokensPerMinute or concurrent',
  ]);
  expect(
    problems([
      { id: 'a', concurrent: 1 },
      { id: 'a', tokensPerMinute: 1 },
    ]),
  ).toEqual(["limits.rates.1.id: another rate has the id 'a' already"]);
});
