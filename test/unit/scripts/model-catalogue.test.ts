import { describe, expect, it } from 'vitest';
import { catalogueFile, catalogueOf } from '../../../scripts/lib/model-catalogue.ts';

const model = (id: string, rest: Record<string, unknown> = {}) => ({
  id,
  type: 'chat',
  reasoning: true,
  input: ['text'],
  cost: { input: 1, output: 2, cacheRead: 0, cacheWrite: 0 },
  contextWindow: 1000,
  maxTokens: 100,
  ...rest,
});
const only = (rest: Record<string, unknown>) => catalogueOf({ api: { 'chat:m': model('m', rest) } }).get('m');

describe('an entry of the catalogue', () => {
  it('is made of chat models alone, in order', () => {
    const file = {
      b: { 'chat:z': model('z'), 'image:i': model('i', { type: 'image' }), 'chat:y:batch': model('y:batch') },
      a: { 'chat:a': model('a', { type: undefined }) },
    };
    expect([...catalogueOf(file).keys()]).toEqual(['a', 'z']);
  });

  it('leaves out what is unknown', () => {
    expect(
      only({ contextWindow: 0, maxTokens: 0, cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } }),
    ).toEqual({
      reasoning: true,
      images: false,
    });
    expect(only({ maxTokens: 1000 })?.maxOutput).toBeUndefined();
    expect(only({})?.cost).toEqual({ input: 1, output: 2 });
  });

  it('takes no window from a source that states its cheap part', () => {
    const tier = { inputTokensAbove: 1000, input: 2, output: 4, cacheRead: 0.1, cacheWrite: 0 };
    const cost = { input: 1, output: 2, cacheRead: 0.05, cacheWrite: 0, tiers: [tier] };
    expect(only({ cost })).toMatchObject({
      cost: { input: 1, cacheRead: 0.05, tiers: [{ inputTokensAbove: 1000, input: 2, output: 4, cacheRead: 0.1 }] },
    });
    expect(only({ cost })?.contextWindow).toBeUndefined();
    expect(only({ cost, contextWindow: 1001 })?.contextWindow).toBe(1001);
  });

  it.each([
    ['nothing', undefined, undefined],
    [
      'levels by their values',
      { off: null, minimal: 'low', low: 'low', medium: null, high: 'HIGH', xhigh: null },
      ['low', 'high'],
    ],
    ['off as none', { off: 'off', minimal: null, low: null, medium: null, high: 'high' }, ['none', 'high']],
    ['what it leaves out by the package’s rule', { xhigh: 'xhigh' }, ['none', 'low', 'medium', 'high', 'xhigh']],
    ['nothing by exclusion alone', { off: null, minimal: null }, undefined],
    ['nothing where only off is named', { off: 'none', low: null, medium: null, high: null }, undefined],
    ['nothing where a value is no effort', { off: 'none', low: null, medium: null, high: 'default' }, undefined],
  ])('takes of efforts %s', (_what, thinkingLevelMap, efforts) => {
    expect(only({ thinkingLevelMap })?.efforts).toEqual(efforts);
  });

  it('has no efforts where the model does not think', () => {
    expect(only({ reasoning: false, thinkingLevelMap: { high: 'high' } })?.efforts).toBeUndefined();
  });
});

it('the file is JSON with a line for each model', () => {
  const file = catalogueFile(
    { source: 'x' },
    new Map([['k', catalogueOf({ api: { 'chat:a': model('a'), 'chat:b': model('b') } })]]),
  );
  expect(JSON.parse(file)).toMatchObject({ source: 'x', models: { k: { a: { contextWindow: 1000 }, b: {} } } });
  expect(file.split('\n').filter((line) => /^ {6}"[ab]":/.test(line))).toHaveLength(2);
});
