import type { FastifyReply } from 'fastify';
import type { ClientReply } from '../pipeline/client-request.ts';

/** The client's connection as the pipeline sees it. Headers that hooks have set, such as CORS, go out with the answer's. */
export function httpReply(reply: FastifyReply): ClientReply {
  const response = reply.raw;
  // One read from a provider may bring many events: their texts go out in one write, before anything else is waited for.
  let pending = '';
  const flush = (): void => {
    if (pending === '') return;
    response.write(pending);
    pending = '';
  };
  return {
    begin: (status, headers) => {
      response.writeHead(status, { ...(reply.getHeaders() as Record<string, string>), ...headers });
    },
    write: (bytes) => {
      if (typeof bytes !== 'string') {
        flush();
        return response.write(bytes);
      }
      if (pending === '') process.nextTick(flush);
      pending += bytes;
      return !response.writableNeedDrain;
    },
    onDrain: (callback) => {
      response.once('drain', callback);
    },
    end: (bytes) => {
      flush();
      response.end(bytes);
    },
    abandon: () => {
      pending = '';
      response.destroy();
    },
    onClosed: (callback) => {
      if (response.closed) callback();
      else response.once('close', callback);
    },
  };
}
