import type { FastifyInstance, FastifyReply } from 'fastify';
import { ProxyError } from '../../src-shared/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { AdminSessions } from './admin-sessions.ts';
import { admit, requireOwnOrigin } from './admission.ts';
import { answerErrors, securityHeaders } from './door-answers.ts';
import { loginPage, notBuiltPage, pageSecurityPolicy } from './pages.ts';
import { readUiFile } from './ui-files.ts';

interface UiOptions {
  sessions: AdminSessions;
  uiFolder: string | null;
  endpoint: () => string;
  logger: Logger;
}

const loginLimitBytes = 4 * 1024;

const uiSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/** `/ui/`: the built renderer for a browser, and the login that opens it. */
export function registerUiRoutes(server: FastifyInstance, options: UiOptions): void {
  const { sessions, uiFolder, logger } = options;

  server.register(async (scope) => {
    answerErrors(scope, logger);
    scope.addHook('onRequest', async (_request, reply) => {
      reply
        .headers(securityHeaders)
        .headers({ 'content-security-policy': uiSecurityPolicy, 'cache-control': 'no-store' });
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: loginLimitBytes },
      (_request, body, done) => done(null, new URLSearchParams(body.toString())),
    );

    scope.get('/ui', async (_request, reply) => reply.redirect('/ui/', 308));

    scope.get('/ui/*', async (request, reply) => {
      const path = request.url.split('?', 1)[0]?.slice('/ui/'.length) || 'index.html';
      const isPage = path === 'index.html';
      if (isPage && sessions.authenticate(request.headers) === null) return sendLogin(reply, 401, null);
      admit(sessions, request.raw);
      const file = uiFolder === null ? null : await readUiFile(uiFolder, path);
      if (file === null) {
        if (isPage) return sendPage(reply, 404, notBuiltPage());
        throw ProxyError.of('no_such_path', { method: request.method, path: `/ui/${path}` });
      }
      // Everything but the page itself has the hash of its content in its name.
      if (path.startsWith('assets/')) reply.header('cache-control', 'private, max-age=31536000, immutable');
      return reply.header('content-type', file.contentType).send(file.content);
    });

    scope.post('/ui/login', async (request, reply) => {
      // Before a session there is no cookie to abuse; yet a foreign page must not use up the tries.
      requireOwnOrigin(request.raw, { orNone: true });
      const code = request.body instanceof URLSearchParams ? (request.body.get('code') ?? '') : '';
      try {
        const { setCookie } = sessions.login(code);
        return reply.header('set-cookie', setCookie).redirect('/ui/', 303);
      } catch (error) {
        if (!(error instanceof ProxyError)) throw error;
        if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
        return sendLogin(reply, error.status, error.message);
      }
    });

    scope.post('/ui/logout', async (request, reply) => {
      const { setCookie } = sessions.logout(admit(sessions, request.raw));
      return reply.header('set-cookie', setCookie).code(204).send();
    });
  });

  function sendLogin(reply: FastifyReply, status: number, problem: string | null): FastifyReply {
    return sendPage(reply, status, loginPage({ endpoint: options.endpoint(), problem }));
  }
}

function sendPage(reply: FastifyReply, status: number, html: string): FastifyReply {
  return reply
    .code(status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': pageSecurityPolicy,
      // With no-referrer a browser would post the form with `Origin: null`.
      'referrer-policy': 'same-origin',
    })
    .send(html);
}
