import type { FastifyInstance } from 'fastify';
import type { ClientReply, ClientRequest } from '../pipeline/client-request.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import { type CountTokens, sendCount } from './count-reply.ts';
import { httpReply } from './http-reply.ts';
import { readRequest } from './read-request.ts';

export interface MessagesDoorOptions {
  handle: (request: ClientRequest, reply: ClientReply) => Promise<void>;
  countTokens: CountTokens;
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
    const asked = readRequest(request, reply, anthropicClientCodec, '/v1/messages/count_tokens');
    return sendCount(reply, await options.countTokens(asked));
  });
}
