import { createServer } from 'node:http';
import { Agent } from 'undici';

/**
 * The floor: what a proxy in Node costs at least. node:http in, undici out, bytes piped, and nothing else: no tokens are
 * checked, nothing is parsed, no failure is mended. `node floor-server.mjs UPSTREAM_ORIGIN` prints its port.
 */
const origin = process.argv[2] ?? '';
const agent = new Agent();

const server = createServer((request, response) => {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  agent.stream(
    { origin, path: request.url ?? '/', method: 'POST', headers, body: request },
    ({ statusCode, headers: answered }) => {
      const { connection: _hop, 'transfer-encoding': _framing, ...passed } = answered;
      return response.writeHead(statusCode, passed);
    },
    (error) => {
      if (error) response.destroy(error);
    },
  );
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});
