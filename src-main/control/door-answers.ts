import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ProxyError } from '../../src-shared/errors.ts';
import type { Logger } from '../observability/logger.ts';

/** Most that a call of the control API may send, in bytes. */
export const bodyLimitBytes = 1024 * 1024;

export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Errors of these routes are answered in the control API's form, whatever the rest of the listener does. */
export function answerErrors(scope: FastifyInstance, logger: Logger): void {
  scope.setErrorHandler((thrown, _request, reply) => sendError(reply, asProxyError(thrown, logger)));
}

/** `error` for people and scripts, `json` for oRPC clients, which know no other form. */
function sendError(reply: FastifyReply, error: ProxyError): FastifyReply {
  const { code, status, message } = error;
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({ error: { code, message }, json: { defined: false, code, status, message }, meta: [] });
}

function asProxyError(thrown: unknown, logger: Logger): ProxyError {
  if (thrown instanceof ProxyError) return thrown;
  const status = typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? thrown.statusCode : 500;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (status === 413) return ProxyError.of('body_too_large', { limitBytes: bodyLimitBytes });
  if (status === 415)
    return ProxyError.of(
      'invalid_field',
      { field: 'content-type', expected: `is not taken here: ${reason}` },
      { status },
    );
  if (status === 400) return ProxyError.of('invalid_json', { reason });
  const requestId = `ctl_${randomUUID()}`;
  logger.error('The control door failed', { requestId, error: thrown instanceof Error ? thrown.stack : reason });
  return ProxyError.of('internal', { requestId });
}
