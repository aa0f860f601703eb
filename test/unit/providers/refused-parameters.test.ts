import { expect, it } from 'vitest';
import { RefusedParameters } from '../../../src-main/providers/refused-parameters.ts';

it('remembers for each model what it has refused, each once', () => {
  const refused = new RefusedParameters();
  expect(refused.add('m', 'temperature')).toBe(true);
  expect(refused.add('m', 'temperature')).toBe(false);
  expect(refused.add('m', 'top_p')).toBe(true);
  expect([...refused.of('m')]).toEqual(['temperature', 'top_p']);
  expect(refused.of('other').size).toBe(0);
});

it('does not grow without end', () => {
  const refused = new RefusedParameters();
  for (let index = 0; index <= 1000; index += 1) refused.add(`m${index}`, 'temperature');
  expect([refused.of('m0').size, refused.of('m1').size, refused.of('m1000').size]).toEqual([0, 1, 1]);
});
