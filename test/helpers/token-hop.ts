import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenHop extends AsyncDisposable {
  readonly url: string;
}

/**
 * Stands before a door for clients that cannot be given a token, and adds one. Everything else, `Host` and `Origin` too, goes on
 * as it came.
 * @param options `cutOnce`: the stream that answers a POST with this text in it ends after its first event, as if its connection
 *   were lost on the way.
 */
export async function startTokenHop(
  target: { url: string; token: string },
  options: { cutOnce?: string } = {},
): Promise<TokenHop> {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const isCut = options.cutOnce !== undefined && body.includes(options.cutOnce);
      const onward = httpRequest(
        new URL(incoming.url ?? '/', target.url),
        { method: incoming.method, headers: { ...incoming.headers, authorization: `Bearer ${target.token}` } },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          if (isCut) endAfterFirstEvent(answer, response);
          else answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function endAfterFirstEvent(answer: IncomingMessage, response: ServerResponse): void {
  let text = '';
  answer.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    const end = text.indexOf('\n\n');
    if (end >= 0 && !response.writableEnded) response.end(text.slice(0, end + 2));
  });
  answer.on('end', () => {
    if (!response.writableEnded) response.end(text);
  });
}
