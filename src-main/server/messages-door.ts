import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ClientReply, ClientRequest } from '../pipeline/client-request.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import { estimateTokens } from '../protocols/anthropic/estimate-tokens.ts';
import { RequestBody } from '../protocols/request-body.ts';
import { httpReply } from './http-reply.ts';

export interface MessagesDoorOptions {
  handle: (request: ClientRequest, reply: ClientReply) => Promise<void>;
  /** Throws ProxyError `unknown_model` for a model that cannot be routed. */
  assertRoutable: (model: string) => void;
}

/** Anthropic Messages: `POST /v1/messages` and `POST /v1/messages/count_tokens`. */
export function registerMessagesDoor(server: FastifyInstance, options: MessagesDoorOptions): void {
  server.post('/v1/messages', async (request, reply) => {
    const clientRequest = readRequest(request, reply);
    // From here the pipeline writes to the socket itself: an answer's bytes need nothing that Fastify adds.
    reply.hijack();
    await options.handle(clientRequest, httpReply(reply));
  });

  server.post('/v1/messages/count_tokens', async (request, reply) => {
    const decoded = anthropicClientCodec.decodeRequest(new RequestBody(bytesOf(request)).decode());
    options.assertRoutable(decoded.model);
    // The target's own counter comes with a later version; the header says what this number is.
    reply.header('x-cproxy-token-count', 'estimated');
    return { input_tokens: estimateTokens(decoded) };
  });
}

/** A request without a body has none to parse. */
const bytesOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));

function readRequest(request: FastifyRequest, reply: FastifyReply): ClientRequest {
  const { raw } = request;
  const url = raw.url ?? '';
  const queryStart = url.indexOf('?');
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
  });
  return {
    id: request.id,
    codec: anthropicClientCodec,
    path: '/v1/messages',
    query: queryStart === -1 ? '' : url.slice(queryStart),
    rawHeaders: raw.rawHeaders,
    header: (name) => {
      const value = raw.headers[name];
      return typeof value === 'string' ? value : (value?.[0] ?? null);
    },
    body: new RequestBody(bytesOf(request)),
    clientCredentials: request.clientCredentials,
    signal: left.signal,
    arrivedAt: request.arrivedAt,
  };
}
