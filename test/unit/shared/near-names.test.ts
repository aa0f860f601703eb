import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { nearName, nearNames } from '../../../src-shared/near-names.ts';

describe('near names', () => {
  it('finds a misspelt model, with or without its provider', () => {
    expect(nearNames('claud-opus-5-5', ['anthropic/claude-opus-5-5', 'local/qwen'])).toEqual([
      'anthropic/claude-opus-5-5',
    ]);
    expect(nearNames('qwen', ['local/qwen3-coder', 'other/llama'])).toEqual(['local/qwen3-coder']);
  });
  it('finds nothing where nothing is near', () => {
    expect(nearNames('gpt-6-astra', ['local/qwen3-coder'])).toEqual([]);
  });
  it('names only what exists, at most three, and the name itself first', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 })), fc.string({ minLength: 1 }), (names, asked) => {
        const near = nearNames(asked, [...names, asked]);
        expect(near.length).toBeLessThanOrEqual(3);
        for (const name of near) expect([...names, asked]).toContain(name);
        expect(near.length).toBeGreaterThan(0);
      }),
    );
  });
});

const fields = ['id', 'name', 'type', 'baseUrl', 'models', 'priority', 'enabled', 'key', 'headers'];

test.each([
  ['priorty', 'priority'],
  ['prioirty', 'priority'],
  ['base_url', 'baseUrl'],
  ['URL', 'baseUrl'],
  ['apiKey', 'key'],
  ['model', 'models'],
  ['Enabled', 'enabled'],
  ['zzzzzz', null],
  ['', null],
  ['___', null],
  ['x'.repeat(100_000), null],
])('%s', (written, meant) => {
  expect(nearName(written, fields)).toBe(meant);
});
