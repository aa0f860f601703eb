import type { FastifyInstance } from 'fastify';
import type { ClientReply, ClientRequest } from '../pipeline/client-request.ts';
import { openaiChatClientCodec } from '../protocols/openai-chat/client-codec.ts';
import { openaiResponsesClientCodec } from '../protocols/openai-responses/client-codec.ts';
import { refuseKeptState } from '../protocols/openai-responses/client-request.ts';
import { type CountTokens, sendCount } from './count-reply.ts';
import { httpReply } from './http-reply.ts';
import { readRequest } from './read-request.ts';

export interface OpenaiDoorsOptions {
  handle: (request: ClientRequest, reply: ClientReply) => Promise<void>;
  countTokens: CountTokens;
}

/** OpenAI: `POST /v1/chat/completions`, `POST /v1/responses` and `POST /v1/responses/input_tokens`. */
export function registerOpenaiDoors(server: FastifyInstance, { handle, countTokens }: OpenaiDoorsOptions): void {
  server.post('/v1/chat/completions', async (request, reply) => {
    const clientRequest = readRequest(request, reply, openaiChatClientCodec, '/v1/chat/completions');
    // From here the pipeline writes to the socket itself.
    reply.hijack();
    await handle(clientRequest, httpReply(reply));
  });

  server.post('/v1/responses', async (request, reply) => {
    const clientRequest = readRequest(request, reply, openaiResponsesClientCodec, '/v1/responses');
    refuseKeptState(clientRequest.body);
    reply.hijack();
    await handle(clientRequest, httpReply(reply));
  });

  server.post('/v1/responses/input_tokens', async (request, reply) => {
    const asked = readRequest(request, reply, openaiResponsesClientCodec, '/v1/responses/input_tokens');
    refuseKeptState(asked.body);
    return sendCount(reply, await countTokens(asked));
  });
}
