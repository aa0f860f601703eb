import type { FastifyReply } from 'fastify';
import type { ClientReply } from '../pipeline/client-request.ts';

/** The client's connection as the pipeline sees it. Headers that hooks have set, such as CORS, go out with the answer's. */
export function httpReply(reply: FastifyReply): ClientReply {
  const response = reply.raw;
  return {
    begin: (status, headers) => {
      response.writeHead(status, { ...(reply.getHeaders() as Record<string, string>), ...headers });
    },
    write: (bytes) => response.write(bytes),
    onDrain: (callback) => {
      response.once('drain', callback);
    },
    end: (bytes) => {
      response.end(bytes);
    },
    abandon: () => {
      response.destroy();
    },
    onClosed: (callback) => {
      if (response.closed) callback();
      else response.once('close', callback);
    },
  };
}
