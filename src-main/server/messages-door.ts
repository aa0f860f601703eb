import type { FastifyInstance } from 'fastify';
import type { ClientReply, ClientRequest } from '../pipeline/client-request.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import { estimateTokens } from '../protocols/estimate-tokens.ts';
import { httpReply } from './http-reply.ts';
import { readRequest, readRequestBody } from './read-request.ts';

export interface MessagesDoorOptions {
  handle: (request: ClientRequest, reply: ClientReply) => Promise<void>;
  /** Throws ProxyError `unknown_model` for a model that cannot be routed. */
  assertRoutable: (model: string) => void;
}

/** Anthropic Messages: `POST /v1/messages` and `POST /v1/messages/count_tokens`. */
export function registerMessagesDoor(server: FastifyInstance, options: MessagesDoorOptions): void {
  server.post('/v1/messages', async (request, reply) => {
    const clientRequest = readRequest(request, reply, anthropicClientCodec, '/v1/messages');
    // From here the pipeline writes to the socket itself: an answer's bytes need nothing that Fastify adds.
    reply.hijack();
    await options.handle(clientRequest, httpReply(reply));
  });

  server.post('/v1/messages/count_tokens', async (request, reply) => {
    const decoded = anthropicClientCodec.decodeRequest(readRequestBody(request).decode());
    options.assertRoutable(decoded.model);
    // The target's own counter comes with a later version; the header says what this number is.
    reply.header('x-cproxy-token-count', 'estimated');
    return { input_tokens: estimateTokens(decoded) };
  });
}
