import type { Readable, Transform } from 'node:stream';
// As a whole: the Electron of the desktop tests has a Node without zstd, where a named import would not load.
import zlib from 'node:zlib';
import { Agent } from 'undici';
import { isLoopbackHost } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { ProviderAnswer } from './base-provider.ts';
import { explainConnection } from './connection-errors.ts';
import { asksProxy, createConnector } from './connector.ts';
import { proxyAuthorization, proxyRefusal } from './http-tunnel.ts';
import type { Network } from './network.ts';
import { type ChooseProxy, configuredProxy, environmentProxies, type ProxyServer, proxyOfScript } from './proxy.ts';
import { redirectAdvice, redirectTarget } from './redirects.ts';
import { trustedCertificates } from './trusted-certificates.ts';

/** What a provider hands to the wire. */
export interface WireRequest {
  provider: string;
  url: URL;
  method: 'GET' | 'POST' | 'DELETE';
  headers: string[];
  /** null with GET. */
  body: Uint8Array | string | null;
  signal: AbortSignal;
  connectMs: number;
  network: Network;
}

/** The connections to all providers: pools for each origin and way to it, kept alive between requests. */
export interface Transport {
  /**
   * Asks for no compression. A redirect of a question (GET) within its origin is followed once, and no other, so that no
   * key reaches another host.
   * @throws ProxyError `provider_unreachable` or `provider_redirected`; what `signal` was aborted with.
   */
  send(request: WireRequest): Promise<ProviderAnswer>;
  /** Why requests on this way to `url` are bound to fail, in words; null where nothing is known against it. */
  check(network: Network, url: URL): string | null;
  /** New requests open new connections, as after sleep or in another network; those under way keep theirs. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Asks the desktop for the proxy to an address: a PAC answer (`PROXY host:port; DIRECT`), as Electron's
 * `session.resolveProxy` gives.
 */
export type SystemProxy = (url: string) => Promise<string>;

export interface TransportOptions {
  /** Names the system's proxies, and those that providers name by a variable. */
  env: NodeJS.ProcessEnv;
  /** Files named as `ca` are looked for from here. Default: where the process runs. */
  baseFolder?: string;
  /** Asked where the environment names no proxy. */
  systemProxy?: SystemProxy;
  /** Milliseconds of a clock that never goes back; for tests. */
  now?: () => number;
}

/** How long an answer of `systemProxy` holds. */
const SYSTEM_PROXY_MS = 60_000;
/** Servers keep connections for longer than this before they close them as idle. */
const FEWEST_IDLE_MS = 1_000;
/** A connection that has broken this soon after a request cannot have cost an answer. */
const STALE_MS = 1_000;
/** How many answers a provider gives at a time over one connection with HTTP/2. */
const HTTP2_STREAMS = 100;

const decompressors: Record<string, () => Transform> = {
  gzip: () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
  zstd: () => zlib.createZstdDecompress(),
};

/** We ask for no compression; some servers compress all the same. */
function decompressed(body: Readable, encoding: string): Readable {
  const create = decompressors[encoding.trim().toLowerCase()];
  if (create === undefined) return body;
  const decoder = create();
  body.on('error', (error) => decoder.destroy(error));
  decoder.on('close', () => body.destroy());
  return body.pipe(decoder);
}

/** The pool for one way, and how many connections it has opened. */
interface Pool {
  agent: Agent;
  opened: number;
}

/** What is known of the way of one provider. */
interface Way {
  /** null: the desktop is asked. */
  choose: ChooseProxy | null;
  ca: string[] | undefined;
  http2: boolean;
  origin: string;
  connectMs: number;
  pool: Pool | null;
  proxy: ProxyServer | null;
  /** When the proxy has to be asked for again. */
  until: number;
  /** When an answer last ended. */
  usedAt: number;
  /** Calls and answers under way. */
  running: number;
}

const CLOSED = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const wasClosed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && CLOSED.has(String(error.code));

/** Connects with undici. */
export function createTransport(options: TransportOptions = { env: {} }): Transport {
  const { env, baseFolder = process.cwd(), systemProxy, now = () => performance.now() } = options;
  const fromEnvironment = environmentProxies(env);
  const asksDesktop =
    systemProxy !== undefined &&
    !['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].some((name) => env[name] || env[name.toLowerCase()]);
  const pools = new Map<string, Pool>();
  let ways = new WeakMap<Network, Way>();
  const retired = new Set<Agent>();

  const wayOf = (network: Network, url: URL, connectMs: number): Way => {
    const known = ways.get(network);
    if (known !== undefined && known.connectMs === connectMs && known.origin === url.origin) return known;
    const way: Way = {
      choose:
        network.proxy === 'system' && asksDesktop && !isLoopbackHost(url.hostname)
          ? null
          : configuredProxy(network.proxy, env, fromEnvironment),
      ca: network.ca === null ? undefined : trustedCertificates(network.ca, baseFolder),
      // Only where it is asked for. It saves handshakes and, with 20 answers at a time, up to half the processor time; but
      // one GOAWAY or one lost connection can take all answers under way with it, each of which is paid for
      // (github/copilot-cli issue 2421, nodejs/undici issues 3140 and 5468).
      http2: network.http2 === true,
      origin: url.origin,
      connectMs,
      pool: null,
      proxy: null,
      until: 0,
      usedAt: 0,
      running: 0,
    };
    ways.set(network, way);
    return way;
  };

  const poolOf = (network: Network, way: Way): Pool => {
    const { proxy, connectMs, ca, http2 } = way;
    const login = proxy?.login ?? null;
    const key = JSON.stringify([proxy?.shown, login, connectMs, network.ca, http2]);
    let pool = pools.get(key);
    if (pool === undefined) {
      const made: Pool = {
        opened: 0,
        agent: new Agent({
          connect: createConnector({ proxy, connectMs, ca, http2 }, () => {
            made.opened += 1;
          }),
          allowH2: http2,
          // Silence is timed by the pipeline, which alone knows whether another target is left.
          headersTimeout: 0,
          bodyTimeout: 0,
          keepAliveTimeout: 30_000,
          pipelining: http2 ? HTTP2_STREAMS : 1,
        }),
      };
      pool = made;
      pools.set(key, pool);
    }
    return pool;
  };

  const askDesktop = async (url: URL): Promise<ProxyServer | null> => {
    try {
      return systemProxy === undefined ? null : proxyOfScript(await systemProxy(url.origin));
    } catch {
      // A desktop that cannot say is taken for one without a proxy, as browsers do with a broken script.
      return null;
    }
  };

  /** The pool for a request; nothing is looked up where the way is known. */
  const route = async (network: Network, url: URL, connectMs: number): Promise<Way & { pool: Pool }> => {
    const way = wayOf(network, url, connectMs);
    const fresh = way.choose !== null || now() < way.until;
    if (way.pool !== null && fresh) return way as Way & { pool: Pool };
    if (way.choose === null) {
      way.proxy = await askDesktop(url);
      way.until = now() + SYSTEM_PROXY_MS;
    } else way.proxy = way.choose(url);
    const pool = poolOf(network, way);
    return Object.assign(way, { pool });
  };

  const ask = async (request: WireRequest, url: URL, followed: boolean): Promise<ProviderAnswer> => {
    const { signal, provider, method } = request;
    let answer: Awaited<ReturnType<Agent['request']>>;
    try {
      const way = await route(request.network, url, request.connectMs);
      const { pool, proxy } = way;
      // Given to the proxy whole.
      const asked = asksProxy(proxy, url) ? proxy : null;
      const authorization = asked === null ? null : proxyAuthorization(asked);
      const path = url.pathname + url.search;
      const attempt = () =>
        pool.agent.request({
          origin: url.origin,
          path: asked === null ? path : url.origin + path,
          method,
          headers:
            authorization === null ? request.headers : [...request.headers, 'proxy-authorization', authorization],
          body: request.body,
          signal,
        });
      const { opened } = pool;
      const { usedAt, running } = way;
      const sentAt = now();
      way.running += 1;
      try {
        answer = await attempt();
      } catch (error) {
        // A server may close an idle connection in the moment in which it is used again, without having read the request:
        // nothing was under way or had gone over it for some time, none was opened for it, no byte of an answer came, and it broke at once.
        // It is asked once more then. At worst the server had read the request and dropped it within that second, which
        // costs little; after that, or on a connection in use, a model may be at work, and the next target is asked.
        const rested = running === 0 && sentAt - usedAt > FEWEST_IDLE_MS;
        const stale = rested && wasClosed(error) && pool.opened === opened && now() - sentAt < STALE_MS;
        if (!stale || signal.aborted) {
          way.running -= 1;
          throw error;
        }
        try {
          answer = await attempt();
        } catch (again) {
          way.running -= 1;
          throw again;
        }
      }
      answer.body.once('close', () => {
        way.running -= 1;
        way.usedAt = now();
      });
      if (asked !== null && answer.statusCode === 407) {
        answer.body.on('error', () => undefined).destroy();
        throw proxyRefusal(asked, 407, url.host);
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw ProxyError.of(
        'provider_unreachable',
        { provider, reason: explainConnection(error, url) },
        { cause: error },
      );
    }
    const { statusCode: status, headers, body } = answer;
    if (status >= 300 && status < 400) {
      body.on('error', () => undefined).destroy();
      const target = redirectTarget(url, headers.location);
      if (method === 'GET' && !followed && target !== null && target.origin === url.origin)
        return ask(request, target, true);
      throw ProxyError.of('provider_redirected', { provider, status, advice: redirectAdvice(url, target) });
    }
    const encoding = headers['content-encoding'];
    if (typeof encoding !== 'string' || encoding === 'identity') return { status, headers, body };
    const { 'content-encoding': _encoding, 'content-length': _length, ...rest } = headers;
    return { status, headers: rest, body: decompressed(body, encoding) };
  };

  return {
    send: (request) => ask(request, request.url, false),
    check(network, url) {
      try {
        wayOf(network, url, 0).choose?.(url);
        return null;
      } catch (error) {
        return explainConnection(error, url);
      } finally {
        ways.delete(network);
      }
    },
    reset() {
      for (const { agent } of pools.values()) {
        retired.add(agent);
        void agent.close().finally(() => retired.delete(agent));
      }
      pools.clear();
      ways = new WeakMap();
    },
    async close() {
      const agents = [...retired, ...[...pools.values()].map(({ agent }) => agent)];
      await Promise.all(agents.map((agent) => agent.destroy()));
    },
  };
}
