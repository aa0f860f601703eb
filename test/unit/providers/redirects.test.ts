import { expect, it } from 'vitest';
import { redirectAdvice, redirectTarget } from '../../../src-main/providers/redirects.ts';

it.each([
  ['http://a.com/v1', 'https://a.com/v1?key=canary', /to https:\/\/a\.com\/v1\. Write https:\/\//],
  ['https://a.com/v1', 'https://b.com/v1?key=canary', /to https:\/\/b\.com\/v1\. .*new address/],
  ['https://a.com/v1', '/login?next=canary', /login page/],
  ['https://a.com/v1', '/v1/', /to https:\/\/a\.com\/v1\/\. Correct the path/],
  ['https://a.com/v1', undefined, /without saying where/],
])('a redirect from %s to %s', (from, location, words) => {
  const url = new URL(from);
  const advice = redirectAdvice(url, redirectTarget(url, location));
  expect(advice).toMatch(words);
  expect(advice).not.toContain('canary');
});
