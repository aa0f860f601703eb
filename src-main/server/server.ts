import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { isLoopbackHost } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { encodeRpcError } from '../mcp/rpc-codes.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import type { ClientCodec } from '../protocols/codec.ts';
import { encodeOpenaiError } from '../protocols/openai-error.ts';
import { readBody } from './body.ts';
import { checkAccess, type FindToken } from './client-access.ts';
import { checkOrigin, type OriginRules } from './origin-guard.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** `performance.now()` at arrival, in ms. */
    arrivedAt: number;
    /** Alternating names and values of credentials that are the client's own, not ours. */
    clientCredentials: readonly string[];
    /** Name of the client token that let it in; null without one. */
    clientName: string | null;
  }
}

export interface ServerSettings extends OriginRules {
  auth: 'token' | 'none';
  bodyLimitBytes: number;
}

export interface ServerOptions {
  /** Of the configuration in force. */
  settings: () => ServerSettings;
  findToken: FindToken;
  /** Whether it is what the lock file holds, which opens `/mcp` to the command line. */
  isOwnSecret: (presented: string) => boolean;
  /** Whether new requests are still taken. */
  isDraining: () => boolean;
  onInternalError: (error: unknown, requestId: string) => void;
}

const pathOf = (request: FastifyRequest): string => (request.raw.url ?? '/').split('?', 1)[0] ?? '/';

/** Doors that need no client token: these tell nothing secret, and `/ui/` and `/api/` have sessions of their own. */
const OPEN_TO_ANYONE = new Set(['/', '/health', '/health/ready']);
const OWN_SESSIONS = /^\/(ui|api)(\/|$)/;
/** Nothing is there. MCP clients look for a place to log in, and must be told so. */
const WELL_KNOWN = /^\/\.well-known(\/|$)/;
const MCP_PATH = '/mcp';

/**
 * Every other door needs one. The matched route decides, not the path as it was written: `/%76%31/messages` and
 * `http://host/v1/messages` lead to the same door.
 */
function needsClientToken(request: FastifyRequest): boolean {
  const path = request.routeOptions.url ?? pathOf(request);
  return !OPEN_TO_ANYONE.has(path) && !OWN_SESSIONS.test(path) && !WELL_KNOWN.test(path);
}

/** Tokens of clients, and at `/mcp` the command line's own secret. */
const findTokenOf =
  ({ findToken, isOwnSecret }: ServerOptions, { routeOptions }: FastifyRequest): FindToken =>
  (presented) =>
    findToken(presented) ?? (routeOptions.url === MCP_PATH && isOwnSecret(presented) ? { name: 'mcp' } : null);

/** A connection from elsewhere is none of those that `none` is for, whatever address is listened on just then. */
const accessOf = ({ raw }: FastifyRequest, { auth }: ServerSettings): ServerSettings['auth'] =>
  auth === 'none' && isLoopbackHost(raw.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '') ? 'none' : 'token';

/** What Fastify throws before a door is reached, in our own table's words. */
function asProxyError(error: unknown, request: FastifyRequest, options: ServerOptions): ProxyError {
  if (error instanceof ProxyError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : null;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return ProxyError.of('body_too_large', { limitBytes: options.settings().bodyLimitBytes });
    case 'FST_ERR_BAD_URL':
      return ProxyError.of('invalid_field', { field: 'path', expected: 'is not a valid URL path' });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return ProxyError.of('invalid_json', { reason: 'the body did not arrive whole' });
    default:
      options.onInternalError(error, request.id);
      return ProxyError.of('internal', { requestId: request.id });
  }
}

/** With what else only OpenAI's clients ask for, and what a base URL with too few or too many `/v1` makes of it. */
const OPENAI_PATHS = /^(\/v1)*\/(chat|responses|completions|embeddings|audio|images|moderations|batches)(\/|$)/;
const MODELS_PATH = /^\/v1\/(models|files)(\/|$)/;

/** The path's own protocol says how its errors look; `/v1/models` and `/v1/files` have two, and look at what the client sends. */
function errorEncoder(request: FastifyRequest): ClientCodec['encodeError'] {
  const path = request.routeOptions?.url ?? pathOf(request);
  if (path === MCP_PATH) return encodeRpcError;
  const isOpenai =
    OPENAI_PATHS.test(path) || (MODELS_PATH.test(path) && request.raw.headers['anthropic-version'] === undefined);
  return isOpenai ? encodeOpenaiError : anthropicClientCodec.encodeError;
}

function answerError(error: ProxyError, request: FastifyRequest, reply: FastifyReply): void {
  const encoded = errorEncoder(request)(error, request.id);
  reply.code(encoded.status).headers(encoded.headers);
  // A body that is refused unread would otherwise be read to its end for nothing.
  if (error.code === 'body_too_large') reply.header('connection', 'close');
  reply.send(encoded.body);
}

/**
 * What guards every door: Host and Origin, client tokens, the size of bodies, errors in the protocol's envelope. Doors are
 * registered on it by the engine; listeners.ts listens for it.
 */
export function createServer(options: ServerOptions): FastifyInstance {
  const server = fastify({
    genReqId: () => `req_${randomUUID().replaceAll('-', '')}`,
    logger: false,
    routerOptions: { maxParamLength: 1000 },
    exposeHeadRoutes: true,
    // Loopback is this machine; names from forwarded headers are nobody's word.
    trustProxy: false,
    frameworkErrors: (error, request, reply) => answerError(asProxyError(error, request, options), request, reply),
  });
  // Bodies stay bytes: most of them go on as they are.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload, Number(request.headers['content-length'] ?? 0), options.settings().bodyLimitBytes),
  );
  server.decorateRequest('arrivedAt', 0);
  server.decorateRequest('clientCredentials');
  server.decorateRequest('clientName', null);

  server.addHook('onRequest', async (request, reply) => {
    request.arrivedAt = performance.now();
    const { headers } = request.raw;
    const settings = options.settings();
    const corsOrigin = checkOrigin(headers, settings);
    if (corsOrigin !== null) {
      reply.headers({
        'access-control-allow-origin': corsOrigin,
        vary: 'origin',
        'access-control-expose-headers':
          'x-cproxy-request-id, x-cproxy-provider, x-cproxy-model, x-cproxy-route, x-cproxy-attempts, x-cproxy-cache, x-cproxy-budget, x-cproxy-overhead-ms, x-cproxy-token-count, mcp-session-id, x-should-retry, retry-after, x-request-id, request-id',
      });
      if (request.method === 'OPTIONS') {
        reply
          .headers({
            'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
            'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
            'access-control-max-age': '600',
          })
          .code(204)
          .send();
        return reply;
      }
    }
    if (!needsClientToken(request)) return;
    const { client, clientCredentials } = checkAccess(
      headers,
      accessOf(request, settings),
      findTokenOf(options, request),
    );
    request.clientName = client;
    request.clientCredentials = clientCredentials;
    if (options.isDraining()) throw ProxyError.of('draining', undefined);
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      throw ProxyError.of('unsupported_content', { field: 'content-encoding', reason: 'send the body uncompressed' });
  });

  // What the pipeline answers carries it already.
  server.addHook('onSend', async (request, reply) => {
    reply.header('x-cproxy-request-id', request.id);
  });

  server.setErrorHandler((error, request, reply) => answerError(asProxyError(error, request, options), request, reply));
  server.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const allowed = (['GET', 'POST', 'DELETE'] as const).filter((method) => server.hasRoute({ method, url: path }));
    const { method } = request;
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    answerError(
      allowed.length > 0
        ? ProxyError.of('method_not_allowed', { method, path, allowed: allowed.join(' or ') })
        : ProxyError.of('no_such_path', { method, path: path.slice(0, 200) }),
      request,
      reply,
    );
  });
  return server;
}
