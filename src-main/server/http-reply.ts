import type { ServerResponse } from 'node:http';
import type { AnswerHeaders, ClientReply } from '../pipeline/client-request.ts';

/** The client's connection as the pipeline sees it. */
export function httpReply(response: ServerResponse): ClientReply {
  return {
    begin: (status, headers: AnswerHeaders) => {
      response.writeHead(status, headers);
    },
    write: (bytes) => response.write(bytes),
    onDrain: (callback) => {
      response.once('drain', callback);
    },
    end: (bytes) => {
      response.end(bytes);
    },
  };
}
