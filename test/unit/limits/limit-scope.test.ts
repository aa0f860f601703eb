import { homedir } from 'node:os';
import { expect, it } from 'vitest';
import { fitsProvider, fitsRequest } from '../../../src-main/limits/limit-scope.ts';

const inFolder = (project: string | null) => ({ client: null, project });

it('without anything said, all requests fit', () => {
  expect(fitsRequest({}, inFolder(null))).toBe(true);
  expect(fitsProvider({}, 'any')).toBe(true);
});

it('all that is said must fit', () => {
  const scope = { client: 'ci', project: '/work/shop', provider: 'p' };
  expect(fitsRequest(scope, { client: 'ci', project: '/work/shop' })).toBe(true);
  expect(fitsRequest(scope, { client: 'me', project: '/work/shop' })).toBe(false);
  expect(fitsRequest(scope, { client: 'ci', project: '/work' })).toBe(false);
  expect(fitsProvider(scope, 'p')).toBe(true);
  expect(fitsProvider(scope, 'q')).toBe(false);
});

it.each([
  ['/work/shop', '/work/shop', true],
  ['/work/shop/', '/work/shop', true],
  ['/work/shop', '/work/shop/till', true],
  ['/work/shop', '/work/shopping', false],
  ['~/shop', `${homedir()}/shop/till`, true],
  ['~/shop', '/elsewhere/shop', false],
  ['/work/*/till', '/work/shop/till', true],
  ['/work/shop', null, false],
])('%s and a request in %s', (project, folder, fits) => {
  expect(fitsRequest({ project }, inFolder(folder))).toBe(fits);
});
