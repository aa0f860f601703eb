import type { Readable, Transform } from 'node:stream';
// As a whole: the Electron of the desktop tests has a Node without zstd, where a named import would not load.
import zlib from 'node:zlib';
import { Agent } from 'undici';
import { ProxyError } from '../../src-shared/errors.ts';
import type { ProviderAnswer } from './base-provider.ts';

/** What a provider hands to the wire. */
export interface WireRequest {
  provider: string;
  url: URL;
  headers: string[];
  body: Uint8Array | string;
  signal: AbortSignal;
  connectMs: number;
}

/** The connections to all providers: one pool an origin, kept alive between requests. */
export interface Transport {
  /** @throws ProxyError `provider_unreachable` or `provider_redirected`; what `signal` was aborted with. */
  send(request: WireRequest): Promise<ProviderAnswer>;
  close(): Promise<void>;
}

/** Plain words for what went wrong on the way to a provider. */
function explain(error: unknown, url: URL): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${url.host} (connection refused). Is the server running, and is baseUrl right?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${url.hostname} could not be found. Is this machine online, and is baseUrl right?`;
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `no connection to ${url.host} in time`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return `the connection to ${url.host} was closed`;
    case 'HPE_INVALID_CONSTANT':
      return `${url.host} does not speak HTTP`;
    default: {
      const message = cause instanceof Error ? cause.message : String(cause);
      return code.startsWith('ERR_TLS') || code.includes('CERT') ? `TLS failed: ${message}` : message || code;
    }
  }
}

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

/** Connects with undici; never asks for compression, never follows redirects. */
export function createTransport(): Transport {
  // One agent for each connect timeout in use; mostly there is one. Silence is timed by the pipeline, which alone knows
  // whether another target is left.
  const agents = new Map<number, Agent>();
  const agentFor = (connectMs: number): Agent => {
    let agent = agents.get(connectMs);
    if (agent === undefined) {
      agent = new Agent({
        connect: { timeout: connectMs },
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: 30_000,
        pipelining: 1,
      });
      agents.set(connectMs, agent);
    }
    return agent;
  };

  return {
    async send(request) {
      const { url, signal } = request;
      let answer: Awaited<ReturnType<Agent['request']>>;
      try {
        answer = await agentFor(request.connectMs).request({
          origin: url.origin,
          path: url.pathname + url.search,
          method: 'POST',
          headers: request.headers,
          body: request.body,
          signal,
        });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw ProxyError.of(
          'provider_unreachable',
          { provider: request.provider, reason: explain(error, url) },
          { cause: error },
        );
      }
      const { statusCode: status, headers, body } = answer;
      if (status >= 300 && status < 400) {
        body.on('error', () => undefined).destroy();
        throw ProxyError.of('provider_redirected', { provider: request.provider, status });
      }
      const encoding = headers['content-encoding'];
      if (typeof encoding !== 'string' || encoding === 'identity') return { status, headers, body };
      const { 'content-encoding': _encoding, 'content-length': _length, ...rest } = headers;
      return { status, headers: rest, body: decompressed(body, encoding) };
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}
