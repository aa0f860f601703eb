import { expect, test } from 'vitest';
import { nearName } from '../../../src-main/config/near-name.ts';

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
