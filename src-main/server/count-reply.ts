import type { FastifyReply } from 'fastify';
import type { ClientRequest } from '../pipeline/client-request.ts';
import type { CountAnswer } from '../pipeline/count-tokens.ts';

/** Counts the tokens of a request. @throws ProxyError */
export type CountTokens = (request: ClientRequest) => Promise<CountAnswer>;

export function sendCount(reply: FastifyReply, { status, headers, body }: CountAnswer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
