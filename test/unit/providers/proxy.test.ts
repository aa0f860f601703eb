import { describe, expect, it } from 'vitest';
import {
  configuredProxy,
  environmentProxies,
  exceptions,
  parseProxy,
  proxyOfScript,
  proxySecrets,
} from '../../../src-main/providers/proxy.ts';

const shown = (env: NodeJS.ProcessEnv, url: string): string | null =>
  environmentProxies(env)(new URL(url))?.shown ?? null;

describe("the environment's proxies", () => {
  const env = { HTTPS_PROXY: 'http://secure:1', HTTP_PROXY: 'plain:2', ALL_PROXY: 'socks5://any:3' };

  it.each([
    [env, 'https://api.example.com/', 'http://secure:1'],
    [env, 'http://api.example.com/', 'http://plain:2'],
    [{ ALL_PROXY: 'socks5h://any' }, 'https://api.example.com/', 'socks5h://any:1080'],
    [{ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' }, 'https://a.com/', 'http://low:1'],
    [{ HTTPS_PROXY: ' ' }, 'https://a.com/', null],
    [{}, 'https://a.com/', null],
    [env, 'http://localhost:11434/', null],
    [env, 'http://models.localhost/', null],
    [env, 'http://127.0.0.2:1/', null],
    [env, 'http://[::1]:1/', null],
    [{ ...env, no_proxy: 'example.com' }, 'https://api.example.com/', null],
  ])('%j: %s by %s', (variables, url, proxy) => {
    expect(shown(variables, url)).toBe(proxy);
  });

  it.each([
    ['example.com', 'https://example.com', true],
    ['example.com', 'https://api.example.com', true],
    ['example.com', 'https://badexample.com', false],
    ['.example.com', 'https://api.example.com', true],
    ['*.example.com', 'https://api.example.com', true],
    ['EXAMPLE.com', 'https://example.com', true],
    ['*', 'https://example.com', true],
    ['example.com:8443', 'https://example.com:8443', true],
    ['example.com:8443', 'https://example.com', false],
    ['example.com:443', 'https://example.com', true],
    ['10.0.0.0/8, other', 'http://10.2.3.4:11434', true],
    ['10.0.0.0/8', 'http://11.2.3.4', false],
    ['192.168.1.5', 'http://192.168.1.5:8000', true],
    ['fd00::/8', 'http://[fd12::1]', true],
    ['[fd12::1]:80', 'http://[fd12::1]', true],
    ['fd12::1', 'http://[fd12::1]:8080', true],
    ['', 'https://example.com', false],
  ])('NO_PROXY=%s spares %s: %s', (list, url, spared) => {
    expect(exceptions(list)(new URL(url))).toBe(spared);
  });
});

describe('the address of a proxy', () => {
  it('may carry a login, which is not shown', () => {
    const proxy = parseProxy('http://me:p%40ss@proxy.corp:8080', 'CORP');
    expect(proxy.login).toEqual({ user: 'me', password: 'p@ss' });
    expect(proxy.shown).toBe('http://proxy.corp:8080');
  });

  it.each(['ftp://proxy:1', 'http://', 'socks4://proxy:1', 'http://me:canary-secret@:::'])(
    'is refused by its source, not its value: %s',
    (text) => {
      expect(() => parseProxy(text, 'CORP')).toThrow(/^CORP holds no address of a proxy/);
      expect(() => parseProxy(text, 'CORP')).not.toThrow(/canary/);
    },
  );

  it('may stand in a variable, which must be set', () => {
    const none = () => null;
    const url = new URL('http://127.0.0.1/');
    expect(configuredProxy('env:CORP', { CORP: 'http://u:p@h:1' }, none)(url)?.shown).toBe('http://h:1');
    expect(() => configuredProxy('env:CORP', {}, none)).toThrow('CORP, which is not set');
  });

  it.each([
    ['PROXY p:8080; DIRECT', 'http://p:8080'],
    ['SOCKS5 p:1080', 'socks5://p:1080'],
    ['HTTPS p:443', 'https://p:443'],
    ['DIRECT', null],
    ['', null],
  ])('may come from a script: %s', (answer, proxy) => {
    expect(proxyOfScript(answer)?.shown ?? null).toBe(proxy);
  });

  it('has secrets in it, in every form in which they are sent or written', () => {
    const secrets = proxySecrets(['system', 'env:CORP'], {
      CORP: 'http://me:p%40ssword@h:1',
      https_proxy: 'u:other@h',
    });
    expect(secrets).toEqual(
      expect.arrayContaining(['p%40ssword', 'p@ssword', Buffer.from('me:p@ssword').toString('base64'), 'other']),
    );
    expect(proxySecrets(['none'], { HTTP_PROXY: 'http://h:1' })).toEqual([]);
  });
});
