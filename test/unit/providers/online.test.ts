import { expect, test } from 'vitest';
import { isElsewhere, isNetworkFailure, networkAddresses } from '../../../src-main/providers/online.ts';
import { ProxyError } from '../../../src-shared/errors.ts';

test.each([
  ['https://api.anthropic.com', true],
  ['https://8.8.8.8', true],
  ['https://[2606:4700::1111]', true],
  ['https://172.32.0.1', true],
  ['https://fcbank.example', true],
  ['https://10.example.com', true],
  ['http://127.0.0.1:8000', false],
  ['http://localhost:8000', false],
  ['http://[::1]:8000', false],
  ['http://192.168.1.20:11434', false],
  ['http://10.0.0.2', false],
  ['http://172.16.0.2', false],
  ['http://100.100.1.2', false],
  ['http://[fd12::1]', false],
  ['http://workstation:8000', false],
  ['http://nas.local', false],
])('%s is elsewhere: %s', (url, elsewhere) => {
  expect(isElsewhere(new URL(url))).toBe(elsewhere);
});

test('one that lives in this process is not', () => {
  expect(isElsewhere(null)).toBe(false);
});

test('what is missing is the network, and not the server', () => {
  const unreachable = (cause: unknown) =>
    ProxyError.of('provider_unreachable', { provider: 'p', reason: 'why' }, { cause });
  const coded = (code: string) => Object.assign(new Error('x'), { code });
  expect(isNetworkFailure(unreachable(coded('ENOTFOUND')))).toBe(true);
  expect(isNetworkFailure(unreachable(new Error('outer', { cause: coded('EAI_AGAIN') })))).toBe(true);
  expect(isNetworkFailure(unreachable(new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')])))).toBe(true);
  expect(isNetworkFailure(unreachable(coded('ECONNREFUSED')))).toBe(false);
  expect(isNetworkFailure(unreachable(undefined))).toBe(false);
  expect(isNetworkFailure(ProxyError.of('provider_empty', { provider: 'p' }, { cause: coded('ENOTFOUND') }))).toBe(
    false,
  );
});

test('addresses are those of networks', () => {
  expect(networkAddresses()).not.toMatch(/\b127\.0\.0\.1\b|::1\b/);
});
