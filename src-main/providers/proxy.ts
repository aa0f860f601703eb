import { BlockList, isIP } from 'node:net';
import { isLoopbackHost } from '../../src-shared/config.ts';

/** A proxy on the way to providers. */
export interface ProxyServer {
  protocol: 'http:' | 'https:' | 'socks5:' | 'socks5h:';
  host: string;
  port: number;
  login: { user: string; password: string } | null;
  /** Its address without the login. */
  shown: string;
  /** Where it is named: a variable, `proxy` of the configuration, or the system's settings. */
  source: string;
}

/** Which proxy leads to an address; null: none. @throws ProxySettingError */
export type ChooseProxy = (url: URL) => ProxyServer | null;

/** A proxy that cannot be used as it is written. The message names its source, and never its value, which is a secret. */
export class ProxySettingError extends Error {
  override readonly name = 'ProxySettingError';
}

const DEFAULT_PORTS: Record<ProxyServer['protocol'], number> = {
  'http:': 80,
  'https:': 443,
  'socks5:': 1080,
  'socks5h:': 1080,
};

const isProxyProtocol = (protocol: string): protocol is ProxyServer['protocol'] =>
  Object.hasOwn(DEFAULT_PORTS, protocol);

/** Reads the address of a proxy; one without a scheme is an HTTP proxy, as for curl. @throws ProxySettingError */
export function parseProxy(text: string, source: string): ProxyServer {
  const address = text.trim();
  const named = /^socks:/i.test(address) ? address.replace(/^socks/i, 'socks5') : address;
  const whole = named.includes('://') ? named : `http://${named}`;
  const url = URL.canParse(whole) ? new URL(whole) : null;
  if (url === null || url.hostname === '' || !isProxyProtocol(url.protocol))
    throw new ProxySettingError(
      `${source} holds no address of a proxy (http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT)`,
    );
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  const login =
    url.username === '' && url.password === ''
      ? null
      : { user: unescaped(url.username), password: unescaped(url.password) };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { protocol: url.protocol, host, port, login, shown: `${url.protocol}//${url.hostname}:${port}`, source };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A password with a bare % in it stands for itself.
    return text;
  }
}

/** A variable in lower or upper case, whichever is set; the lower case first, as curl does. */
function variable(env: NodeJS.ProcessEnv, name: string): { name: string; value: string } | null {
  for (const written of [name.toLowerCase(), name]) {
    const value = env[written]?.trim();
    if (value !== undefined && value !== '') return { name: written, value };
  }
  return null;
}

/**
 * What HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. Servers on this machine are always asked directly.
 * Bad values throw when an address needs them.
 */
export function environmentProxies(env: NodeJS.ProcessEnv): ChooseProxy {
  const spared = exceptions(variable(env, 'NO_PROXY')?.value ?? '');
  const all = variable(env, 'ALL_PROXY');
  const bySecurity = { 'https:': variable(env, 'HTTPS_PROXY') ?? all, 'http:': variable(env, 'HTTP_PROXY') ?? all };
  return (url) => {
    const named = bySecurity[url.protocol === 'https:' ? 'https:' : 'http:'];
    if (named === null || isLoopbackHost(url.hostname) || spared(url)) return null;
    return parseProxy(named.value, named.name);
  };
}

/**
 * The rules of NO_PROXY: `*`, names with all that is below them (`example.com`, `.example.com`, `*.example.com`), addresses
 * and networks (`10.0.0.0/8`), each with or without a port.
 */
export function exceptions(list: string): (url: URL) => boolean {
  const networks = new BlockList();
  const names: { name: string; port: string | null }[] = [];
  for (const entry of list.toLowerCase().split(/[\s,]+/)) {
    if (entry === '') continue;
    if (entry === '*') return () => true;
    const [network = '', bits = ''] = entry.split('/');
    const family = isIP(network);
    if (family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)) {
      networks.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
      continue;
    }
    const [, name = entry, port = null] = isIP(entry) === 6 ? [] : (/^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? []);
    names.push({ name: name.replace(/^\[|\]$/g, ''), port });
  }
  return (url) => {
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    const family = isIP(host);
    if (family !== 0 && networks.check(host, family === 4 ? 'ipv4' : 'ipv6')) return true;
    return names.some(
      (rule) => (rule.port === null || rule.port === port) && (host === rule.name || host.endsWith(`.${rule.name}`)),
    );
  };
}

/** Reads what a proxy script (PAC) or Electron's `session.resolveProxy` says: its first choice; null for DIRECT. */
export function proxyOfScript(answer: string): ProxyServer | null {
  const [kind = '', address = ''] = (answer.split(';')[0] ?? '').trim().split(/\s+/);
  const protocol = { PROXY: 'http', HTTP: 'http', HTTPS: 'https', SOCKS: 'socks5', SOCKS5: 'socks5' }[
    kind.toUpperCase()
  ];
  if (protocol === undefined) return null;
  return parseProxy(`${protocol}://${address}`, "the system's proxy setting");
}

/**
 * What a provider's `proxy` says.
 * @param system What the word `system` means.
 * @throws ProxySettingError where it names a variable that is not set
 */
export function configuredProxy(setting: string, env: NodeJS.ProcessEnv, system: ChooseProxy): ChooseProxy {
  if (setting === 'system') return system;
  if (setting === 'none') return () => null;
  const proxy = setting.startsWith('env:') ? fromVariable(setting.slice(4), env) : parseProxy(setting, 'proxy');
  return () => proxy;
}

function fromVariable(name: string, env: NodeJS.ProcessEnv): ProxyServer {
  const value = env[name];
  if (value === undefined || value.trim() === '')
    throw new ProxySettingError(`proxy names the variable ${name}, which is not set`);
  return parseProxy(value, name);
}

/** The passwords in variables that may name a proxy, which nothing may show. @param settings `proxy` of the providers. */
export function proxySecrets(settings: Iterable<string>, env: NodeJS.ProcessEnv): string[] {
  const named = [...settings].flatMap((setting) => (setting.startsWith('env:') ? [setting.slice(4)] : []));
  const usual = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  return [...named, ...usual].flatMap((name) => {
    const login = /^(?:[^/]*:\/\/)?([^/]*)@/.exec(env[name]?.trim() ?? '')?.[1];
    if (login === undefined) return [];
    const password = login.slice(login.indexOf(':') + 1);
    const [user, plain] = [unescaped(login.slice(0, Math.max(0, login.indexOf(':')))), unescaped(password)];
    return [password, plain, Buffer.from(`${user}:${plain}`).toString('base64')];
  });
}
