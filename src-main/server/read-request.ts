import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientRequest } from '../pipeline/client-request.ts';
import type { ClientCodec } from '../protocols/codec.ts';
import { RequestBody } from '../protocols/request-body.ts';

/** A request without a body has none to parse. @throws ProxyError `invalid_json`, `invalid_field` */
export const readRequestBody = ({ body }: FastifyRequest): RequestBody =>
  new RequestBody(Buffer.isBuffer(body) ? body : Buffer.alloc(0));

/**
 * A request as the pipeline takes it.
 * @param path of the front door, without query.
 * @throws ProxyError `invalid_json`, `invalid_field`
 */
export function readRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  codec: ClientCodec,
  path: string,
): ClientRequest {
  const { raw } = request;
  const url = raw.url ?? '';
  const queryStart = url.indexOf('?');
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
  });
  return {
    id: request.id,
    codec,
    path,
    query: queryStart === -1 ? '' : url.slice(queryStart),
    rawHeaders: raw.rawHeaders,
    header: (name) => {
      const value = raw.headers[name];
      return typeof value === 'string' ? value : (value?.[0] ?? null);
    },
    body: readRequestBody(request),
    clientCredentials: request.clientCredentials,
    client: request.clientName,
    signal: left.signal,
    arrivedAt: request.arrivedAt,
  };
}
