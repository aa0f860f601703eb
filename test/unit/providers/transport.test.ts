import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProviderAnswer } from '../../../src-main/providers/base-provider.ts';
import type { Network } from '../../../src-main/providers/network.ts';
import { createTransport, type TransportOptions, type WireRequest } from '../../../src-main/providers/transport.ts';
import { startHttpProxy, startSocksProxy } from '../../helpers/proxies.ts';
import { caFile, startHttp2, startPlain, startTls } from '../../helpers/wire-servers.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const transport of open.splice(0)) await transport.close();
});

function transportWith(options: TransportOptions = { env: {} }) {
  const transport = createTransport(options);
  open.push(transport);
  return transport;
}

const network = (rest: Partial<Network> = {}): Network => ({ proxy: 'none', ca: null, http2: null, ...rest });

const request = (url: string, rest: Partial<WireRequest> = {}): WireRequest => ({
  provider: 'p',
  url: new URL(url),
  method: 'POST',
  headers: ['authorization', 'Bearer key-canary'],
  body: '{}',
  signal: new AbortController().signal,
  connectMs: 5_000,
  network: network(),
  ...rest,
});

const failure = async (sent: Promise<unknown>): Promise<{ code: string; message: string }> => {
  const error: unknown = await sent.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error) || !('code' in error)) throw error;
  expect(error.message).not.toMatch(/canary/);
  return { code: String(error.code), message: error.message };
};

/** Reads an answer to its end. undici takes the connection back a moment after that. */
const read = async ({ body }: ProviderAnswer): Promise<string> => {
  const all = await text(body);
  await setImmediate();
  return all;
};

const hello: RequestListener = (incoming, response) => {
  response.writeHead(200, { 'x-seen': incoming.headers['proxy-authorization'] ?? 'none' });
  incoming.resume().on('end', () => response.end(`hello ${incoming.headers.host}`));
};

describe('through an HTTP proxy', () => {
  it('tunnels to a server with TLS, and the login stays with the proxy', async () => {
    await using server = await startTls(hello);
    await using proxy = await startHttpProxy({ to: server.port, login: 'me:pass-canary' });
    const transport = transportWith({ env: { CORP: `http://me:pass-canary@127.0.0.1:${proxy.port}` } });
    const way = network({ proxy: 'env:CORP', ca: caFile });
    for (let round = 0; round < 2; round += 1) {
      const answer = await transport.send(request('https://localhost:44300/v1', { network: way }));
      expect(await read(answer)).toBe('hello localhost:44300');
      expect(answer.headers['x-seen']).toBe('none');
    }
    expect(proxy.asked).toEqual(['CONNECT localhost:44300']);
  });

  it('hands requests to servers without TLS over whole', async () => {
    await using proxy = await startHttpProxy({ to: 1, login: 'me:pass' });
    const transport = transportWith({ env: { CORP: `http://me:pass@127.0.0.1:${proxy.port}` } });
    const answer = await transport.send(
      request('http://models.test:8000/v1?a=b', { network: network({ proxy: 'env:CORP' }) }),
    );
    expect(await text(answer.body)).toBe('{"through":"the proxy"}');
    expect(proxy.asked).toEqual(['POST http://models.test:8000/v1?a=b']);
  });

  it.each([
    ['https://api.test/v1', undefined, /wants a user name and password \(HTTP 407\).*env:NAME/],
    ['http://api.test/v1', undefined, /wants a user name and password \(HTTP 407\)/],
    ['https://api.test/v1', 'me:wrong-canary', /does not take the user name and password/],
  ])('says that a login is missing or wrong: %s with %s', async (url, login, words) => {
    await using proxy = await startHttpProxy({ to: 1, login: 'me:right' });
    const env = { CORP: `http://${login === undefined ? '' : `${login}@`}127.0.0.1:${proxy.port}` };
    const said = await failure(transportWith({ env }).send(request(url, { network: network({ proxy: 'env:CORP' }) })));
    expect(said.code).toBe('provider_unreachable');
    expect(said.message).toMatch(words);
  });

  it.each([
    [403, /does not let requests to api\.test:443 through \(HTTP 403\)/],
    [502, /cannot reach api\.test:443 \(HTTP 502\)/],
  ])('says what it answers: %i', async (refuse, words) => {
    await using proxy = await startHttpProxy({ to: 1, refuse });
    const way = network({ proxy: `http://127.0.0.1:${proxy.port}` });
    expect((await failure(transportWith().send(request('https://api.test/', { network: way })))).message).toMatch(
      words,
    );
  });

  it.each(['https://api.test/', 'http://api.test/'])('says that the proxy is not there, for %s', async (url) => {
    const port = await unusedPort();
    const env = { ALL_PROXY: `http://u:pass-canary@127.0.0.1:${port}` };
    const said = await failure(transportWith({ env }).send(request(url, { network: network({ proxy: 'system' }) })));
    expect(said.message).toContain(`the proxy http://127.0.0.1:${port} (ALL_PROXY) could not be used: nothing listens`);
  });

  it('gives up on one that says nothing', async () => {
    await using silent = await startPlain(() => undefined);
    const sockets = createServer(() => undefined);
    await new Promise<void>((resolve) => sockets.listen(0, '127.0.0.1', resolve));
    const address = sockets.address();
    const port = typeof address === 'object' && address !== null ? address.port : silent.port;
    const way = network({ proxy: `http://127.0.0.1:${port}` });
    const said = await failure(transportWith().send(request('https://api.test/', { network: way, connectMs: 50 })));
    expect(said.message).toContain(`no connection to 127.0.0.1:${port} in time`);
    sockets.close();
  });

  it('is not asked for servers on this machine when it is the system’s', async () => {
    await using server = await startPlain(hello);
    await using proxy = await startHttpProxy({ to: 1 });
    const transport = transportWith({ env: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` } });
    const url = `http://127.0.0.1:${server.port}/`;
    const answer = await transport.send(request(url, { network: network({ proxy: 'system' }) }));
    expect(await text(answer.body)).toContain('hello');
    expect(proxy.asked).toEqual([]);
  });

  it('is the desktop’s where the environment names none, asked for once', async () => {
    await using proxy = await startHttpProxy({ to: 1 });
    const asked: string[] = [];
    const systemProxy = async (url: string): Promise<string> => {
      asked.push(url);
      return `PROXY 127.0.0.1:${proxy.port}; DIRECT`;
    };
    const transport = transportWith({ env: {}, systemProxy });
    const way = network({ proxy: 'system' });
    for (const path of ['a', 'b']) {
      const answer = await transport.send(request(`http://models.test/${path}`, { network: way }));
      await text(answer.body);
    }
    expect(asked).toEqual(['http://models.test']);
    expect(proxy.asked).toEqual(['POST http://models.test/a', 'POST http://models.test/b']);
  });
});

describe('through a SOCKS5 proxy', () => {
  it.each([
    ['socks5h', 'localhost:44300'],
    ['socks5', '127.0.0.1:44300'],
  ])('with %s, the proxy is asked for %s', async (scheme, wanted) => {
    await using server = await startTls(hello);
    await using proxy = await startSocksProxy({ to: server.port, login: 'me:pass' });
    const transport = transportWith({ env: { CORP: `${scheme}://me:pass@127.0.0.1:${proxy.port}` } });
    const answer = await transport.send(
      request(`https://${scheme === 'socks5' ? '127.0.0.1' : 'localhost'}:44300/`, {
        network: network({ proxy: 'env:CORP', ca: caFile }),
      }),
    );
    expect(await text(answer.body)).toContain('hello');
    expect(proxy.asked).toEqual([wanted]);
    expect(proxy.logins).toEqual(['me:pass']);
  });

  it('carries plain requests too', async () => {
    await using server = await startPlain(hello);
    await using proxy = await startSocksProxy({ to: server.port });
    const way = network({ proxy: `socks5h://127.0.0.1:${proxy.port}` });
    const answer = await transportWith().send(request('http://models.test:8000/', { network: way }));
    expect(await text(answer.body)).toBe('hello models.test:8000');
  });

  it.each([
    [{ refuse: 5 }, '', /opens no connection to api\.test:443: nothing listens there/],
    [{ refuse: 2 }, '', /its rules forbid it/],
    [{ login: 'me:right' }, '', /wants a user name and password/],
    [{ login: 'me:right' }, 'me:wrong-canary@', /does not take the user name and password/],
  ])('says why it opens none: %j %s', async (options, login, words) => {
    await using proxy = await startSocksProxy({ to: 1, ...options });
    const env = { CORP: `socks5h://${login}127.0.0.1:${proxy.port}` };
    const sent = transportWith({ env }).send(request('https://api.test/', { network: network({ proxy: 'env:CORP' }) }));
    expect((await failure(sent)).message).toMatch(words);
  });

  it('says that it is none', async () => {
    await using server = await startPlain(hello);
    const way = network({ proxy: `socks5://127.0.0.1:${server.port}` });
    const said = await failure(transportWith().send(request('https://127.0.0.1:1/', { network: way })));
    expect(said.message).toMatch(/is no SOCKS5 proxy|was closed/);
  });
});

describe('with TLS', () => {
  it.each([
    ['localhost', null, /issuer that is not known here.*ca/],
    ['expired', caFile, /has expired.*clock/],
    ['elsewhere', caFile, /is for other names/],
  ] as const)('says what is wrong with a certificate: %s', async (certificate, ca, words) => {
    await using server = await startTls(hello, certificate);
    const sent = transportWith().send(request(`https://localhost:${server.port}/`, { network: network({ ca }) }));
    expect((await failure(sent)).message).toMatch(words);
  });

  it('trusts a file of certificates for the provider that names it, and for no other', async () => {
    await using server = await startTls(hello);
    const transport = transportWith();
    const url = `https://localhost:${server.port}/`;
    const answer = await transport.send(request(url, { network: network({ ca: caFile }) }));
    expect(await text(answer.body)).toContain('hello');
    expect((await failure(transport.send(request(url)))).message).toMatch(/issuer/);
  });

  it.each([
    ['/nowhere/ca.pem', /could not be read \(ENOENT\)/],
    [import.meta.filename, /holds no certificate/],
  ])('says at the start that a file cannot be used, and with each request: %s', async (ca, words) => {
    const transport = transportWith();
    expect(transport.check(network({ ca }), new URL('https://a.test/'))).toMatch(words);
    expect((await failure(transport.send(request('https://a.test/', { network: network({ ca }) })))).message).toMatch(
      words,
    );
    expect(transport.check(network(), new URL('https://a.test/'))).toBeNull();
  });

  it('says at the start that a proxy cannot be used', () => {
    const url = new URL('https://a.test/');
    expect(transportWith().check(network({ proxy: 'env:CORP' }), url)).toContain('CORP, which is not set');
    const env = { HTTPS_PROXY: 'ftp://u:canary@h' };
    expect(transportWith({ env }).check(network({ proxy: 'system' }), url)).toMatch(/^HTTPS_PROXY holds no address/);
  });

  it('names the scheme that was meant', async () => {
    await using plain = await startPlain(hello);
    await using secure = await startTls(hello);
    const transport = transportWith();
    expect((await failure(transport.send(request(`https://127.0.0.1:${plain.port}/`)))).message).toContain(
      `speaks http, not https. Write http://127.0.0.1:${plain.port}`,
    );
    expect((await failure(transport.send(request(`http://127.0.0.1:${secure.port}/`)))).message).toMatch(
      /speaks https, not http|was closed/,
    );
  });
});

describe('with HTTP/2', () => {
  it('asks over one connection where it is switched on, and one stream that breaks off leaves the others alone', async () => {
    const asked: string[] = [];
    await using server = await startHttp2((incoming, response) => {
      asked.push(incoming.httpVersion);
      response.writeHead(200);
      response.write('begin ');
      if (incoming.url === '/left') return;
      incoming.resume().on('end', () => response.end('end'));
    });
    const transport = transportWith();
    const way = network({ ca: caFile, http2: true });
    const url = (path: string) => `https://localhost:${server.port}/${path}`;
    await text((await transport.send(request(url('first'), { network: way }))).body);
    const controller = new AbortController();
    const left = await transport.send(request(url('left'), { network: way, signal: controller.signal }));
    const others = Array.from({ length: 20 }, async (_, index) =>
      text((await transport.send(request(url(String(index)), { network: way }))).body),
    );
    controller.abort(new Error('gone'));
    await expect(text(left.body)).rejects.toThrow();
    expect(new Set(await Promise.all(others))).toEqual(new Set(['begin end']));
    expect(new Set(asked)).toEqual(new Set(['2.0']));
    expect(server.connections).toBe(1);
  });

  it('is not used unless it is switched on', async () => {
    await using server = await startHttp2((incoming, response) => response.end(incoming.httpVersion));
    const url = `https://localhost:${server.port}/`;
    const answer = await transportWith().send(request(url, { network: network({ ca: caFile }) }));
    expect(await text(answer.body)).toBe('1.1');
  });
});

describe('connections', () => {
  it('are used again, and not after a reset', async () => {
    await using server = await startPlain(hello);
    const transport = transportWith();
    const way = network();
    const ask = async () => read(await transport.send(request(`http://127.0.0.1:${server.port}/`, { network: way })));
    await ask();
    await ask();
    expect(server.connections).toBe(1);
    transport.reset();
    await ask();
    expect(server.connections).toBe(2);
  });

  it('under way survive a reset', async () => {
    let finish = (): void => undefined;
    await using server = await startPlain((_, response) => {
      response.write('begin ');
      finish = () => response.end('end');
    });
    const transport = transportWith();
    const answer = await transport.send(request(`http://127.0.0.1:${server.port}/`));
    transport.reset();
    finish();
    expect(await text(answer.body)).toBe('begin end');
  });

  it.each([
    [5_000, true],
    [10, false],
  ])('that the server closes when they are used again after %i ms are tried once more: %s', async (idleMs, again) => {
    let requests = 0;
    await using server = await startPlain((incoming: IncomingMessage, response: ServerResponse) => {
      requests += 1;
      if (requests === 2) incoming.socket.destroy();
      else response.end('hello');
    });
    let clock = 0;
    const transport = transportWith({ env: {}, now: () => clock });
    const way = network();
    const ask = async () => read(await transport.send(request(`http://127.0.0.1:${server.port}/`, { network: way })));
    await ask();
    clock += idleMs;
    if (!again) {
      await expect(ask()).rejects.toThrow('was closed before an answer came');
      return;
    }
    expect(await ask()).toBe('hello');
    expect([requests, server.connections]).toEqual([3, 2]);
  });

  it('that are new and closed are not tried again', async () => {
    let requests = 0;
    await using server = await startPlain((incoming) => {
      requests += 1;
      incoming.socket.destroy();
    });
    const said = await failure(transportWith().send(request(`http://127.0.0.1:${server.port}/`)));
    expect(said.message).toContain('was closed before an answer came');
    expect(requests).toBe(1);
  });

  it('say that nothing listens', async () => {
    const said = await failure(transportWith().send(request(`http://127.0.0.1:${await unusedPort()}/`)));
    expect(said.message).toMatch(/nothing listens at 127\.0\.0\.1:\d+ .*Is the server running/);
  });

  it('say that what answers is not HTTP', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const said = await failure(transportWith().send(request(`http://127.0.0.1:${port}/`)));
    expect(said.message).toContain('does not speak HTTP');
    server.close();
  });
});

describe('a redirect', () => {
  it('of a model call is never followed, and says where it leads without its query', async () => {
    await using elsewhere = await startPlain(hello);
    const location = `http://localhost:${elsewhere.port}/v1/chat?token=canary`;
    await using server = await startPlain((_, response) => response.writeHead(307, { location }).end());
    const said = await failure(transportWith().send(request(`http://127.0.0.1:${server.port}/v1`)));
    expect(said.code).toBe('provider_redirected');
    expect(said.message).toContain(`it leads to http://localhost:${elsewhere.port}/v1/chat.`);
    expect(elsewhere.connections).toBe(0);
  });

  it('of a question is followed once within its origin', async () => {
    await using server = await startPlain((incoming, response) => {
      if (incoming.url === '/models/') response.end('list');
      else response.writeHead(308, { location: incoming.url === '/models' ? '/models/' : '/loop' }).end();
    });
    const transport = transportWith();
    const get = (path: string) =>
      transport.send(request(`http://127.0.0.1:${server.port}${path}`, { method: 'GET', body: null }));
    expect(await text((await get('/models')).body)).toBe('list');
    expect((await failure(get('/loop'))).code).toBe('provider_redirected');
  });

  it('of a question takes no key to another origin', async () => {
    await using elsewhere = await startPlain(hello);
    const location = `http://127.0.0.1:${elsewhere.port}/models`;
    await using server = await startPlain((_, response) => response.writeHead(302, { location }).end());
    const sent = transportWith().send(request(`http://127.0.0.1:${server.port}/models`, { method: 'GET', body: null }));
    expect((await failure(sent)).code).toBe('provider_redirected');
    expect(elsewhere.connections).toBe(0);
  });
});

async function unusedPort(): Promise<number> {
  await using server = await startPlain(hello);
  return server.port;
}
