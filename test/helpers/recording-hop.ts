import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedRequest {
  url: string;
  rawHeaders: string[];
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** null until it is there. */
  answer: { status: number; headers: IncomingHttpHeaders } | null;
}

export interface RecordingHop extends AsyncDisposable {
  readonly url: string;
  /** What the client sent, before anyone else touched it. */
  readonly requests: RecordedRequest[];
}

/** Stands between a client and CProxy, hands everything on as it is, and remembers what the client sent. */
export async function startRecordingHop(target: string): Promise<RecordingHop> {
  const requests: RecordedRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const recorded: RecordedRequest = {
        url: incoming.url ?? '',
        rawHeaders: [...incoming.rawHeaders],
        headers: { ...incoming.headers },
        body,
        answer: null,
      };
      requests.push(recorded);
      const onward = httpRequest(
        new URL(incoming.url ?? '/', target),
        { method: incoming.method, headers: { ...incoming.headers, host: new URL(target).host } },
        (answer) => {
          recorded.answer = { status: answer.statusCode ?? 0, headers: answer.headers };
          response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          answer.pipe(response);
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
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
