import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopbackHost } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { AdminSession, AdminSessions } from './admin-sessions.ts';
import { admit } from './admission.ts';
import type { ControlRouter } from './control-router.ts';
import { answerErrors, bodyLimitBytes, securityHeaders } from './door-answers.ts';
import { routeUpgrades } from './upgrades.ts';

interface ApiOptions {
  router: () => ControlRouter | Promise<ControlRouter>;
  sessions: AdminSessions;
  logger: Logger;
}

/** `/api/`: oRPC's RPC protocol over HTTP, and over a WebSocket at `/api/ws`; and the JSON Schema of the configuration. */
export function registerApiRoutes(server: FastifyInstance, options: ApiOptions): void {
  const { sessions, logger } = options;
  const upgrades = routeUpgrades(server, '/api/ws');
  const admitted = new WeakMap<FastifyRequest, AdminSession>();
  const sessionOf = (request: FastifyRequest): AdminSession => {
    const session = admitted.get(request);
    if (session === undefined) throw ProxyError.of('admin_session_required', {});
    return session;
  };
  /** How to end what stays open, for when the listener stops. */
  const openStreams = new Set<() => void>();
  const load = onceSuccessful(() => loadApi(options.router));

  // Editors have no session, and it is the same for everyone.
  server.register(async (scope) => {
    answerErrors(scope, logger);
    scope.get('/api/config/schema', async (request, reply) => {
      reply.headers(securityHeaders).header('cache-control', 'no-cache');
      if (!isLoopbackHost(request.raw.socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''))
        admit(sessions, request.raw);
      const { configJsonSchemaText } = await import('../../src-shared/config-json-schema.ts');
      return reply.header('content-type', 'application/schema+json').send(Buffer.from(configJsonSchemaText()));
    });
  });

  server.register(async (scope) => {
    answerErrors(scope, logger);
    scope.addHook('onRequest', async (request, reply) => {
      reply.headers(securityHeaders).header('cache-control', 'no-store');
      admitted.set(request, admit(sessions, request.raw));
    });
    // Answers are whole and quick, but for streams, which would hold the listener open for as long as somebody watches.
    scope.addHook('preClose', async () => {
      for (const end of openStreams) end();
    });

    scope.removeAllContentTypeParsers();
    const parseJson = scope.getDefaultJsonParser('error', 'error');
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit: bodyLimitBytes },
      (request, body, done) => {
        if (body === '') done(null, undefined);
        else parseJson(request, body.toString(), done);
      },
    );

    scope.get('/api/ws', { exposeHeadRoute: false }, async (request, reply) => {
      const upgrade = upgrades.get(request.raw);
      if (upgrade === undefined)
        throw ProxyError.of(
          'invalid_field',
          { field: 'upgrade', expected: 'must be websocket; this path takes nothing else' },
          { status: 426 },
        );
      const session = sessionOf(request);
      const { router, webSockets, serveWebSocket } = await load();
      reply.hijack();
      reply.raw.detachSocket(upgrade.socket);
      webSockets.handleUpgrade(request.raw, upgrade.socket, upgrade.head, (socket) => {
        const onClose = () => openStreams.delete(end);
        const end = serveWebSocket(socket, { router, session, sessions, logger, onClose });
        openStreams.add(end);
      });
    });

    // oRPC refuses a GET that would change something, but no HEAD; a browser sends one for any page, without an Origin.
    scope.route({
      method: ['GET', 'POST'],
      url: '/api/*',
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const { ended } = sessionOf(request);
        const end = () => reply.raw.destroy();
        ended.addEventListener('abort', end);
        openStreams.add(end);
        reply.raw.once('close', () => {
          ended.removeEventListener('abort', end);
          openStreams.delete(end);
        });
        const { http } = await load();
        const { matched } = await http.handle(request, reply, { prefix: '/api', context: {} });
        if (!matched) throw ProxyError.of('no_such_path', { method: request.method, path: pathOf(request) });
        return reply;
      },
    });
  });
}

async function loadApi(router: ApiOptions['router']) {
  const [{ RPCHandler }, { WebSocketServer }, { serveWebSocket }, controlRouter] = await Promise.all([
    import('@orpc/server/fastify'),
    import('ws'),
    import('./web-socket.ts'),
    router(),
  ]);
  return {
    router: controlRouter,
    http: new RPCHandler(controlRouter),
    webSockets: new WebSocketServer({ noServer: true, maxPayload: bodyLimitBytes, perMessageDeflate: false }),
    serveWebSocket,
  };
}

function onceSuccessful<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url;
}
