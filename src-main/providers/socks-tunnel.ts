import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { ProxyRefusal } from './connection-errors.ts';
import { proxyUnreachable } from './http-tunnel.ts';
import type { ProxyServer } from './proxy.ts';

/** RFC 1928, section 6. */
const REPLIES: Partial<Record<number, string>> = {
  1: 'it failed',
  2: 'its rules forbid it',
  3: 'the network cannot be reached from there',
  4: 'the host cannot be reached from there',
  5: 'nothing listens there (connection refused)',
  6: 'it took too long',
  7: 'it cannot open connections',
  8: 'it does not know this kind of address',
};

const NO_LOGIN = 0;
const WITH_LOGIN = 2;

/** Reads so many bytes; what came besides is left for the next reading. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= length) {
      if (bytes.length > length) socket.unshift(bytes.subarray(length));
      return bytes.subarray(0, length);
    }
    if (socket.readableEnded || socket.destroyed) throw socket.errored ?? closed();
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        socket.off('readable', onReadable).off('close', onClose).off('error', onError);
      };
      const onReadable = (): void => {
        settle();
        resolve();
      };
      const onClose = (): void => {
        settle();
        reject(closed());
      };
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      socket.once('readable', onReadable).once('close', onClose).once('error', onError);
    });
  }
}

const closed = (): Error => Object.assign(new Error('closed'), { code: 'ECONNRESET' });

const withLength = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
};

function addressBytes(host: string): Buffer {
  switch (isIP(host)) {
    case 4:
      return Buffer.from([1, ...host.split('.').map(Number)]);
    case 6:
      return Buffer.concat([Buffer.of(4), sixteenBytes(host)]);
    default:
      return Buffer.concat([Buffer.of(3), withLength(host)]);
  }
}

function sixteenBytes(address: string): Buffer {
  // Written in full by URL, whatever its form, but for one run of zeros and dots, which URL turns into groups.
  const [left = '', right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(left), groups(right ?? '')];
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/**
 * Opens a connection to `host` through a SOCKS5 proxy (RFC 1928, with the login of RFC 1929). Names are looked up by the
 * proxy with `socks5h`, here with `socks5`.
 * @throws ProxyRefusal; the error of the look-up
 */
export async function openSocks(proxy: ProxyServer, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const target = proxy.protocol === 'socks5:' && isIP(host) === 0 ? (await lookup(host)).address : host;
  const socket = connect({ host: proxy.host, port: proxy.port });
  const onAbort = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  // Between two readings an error has no other listener; the next reading meets it.
  const onError = (): void => undefined;
  socket.on('error', onError);
  try {
    if (signal.aborted) onAbort();
    await greet(socket, proxy);
    socket.write(Buffer.concat([Buffer.of(5, 1, 0), addressBytes(target), Buffer.of(port >> 8, port & 0xff)]));
    const [, reply = 1, , kind = 1] = await read(socket, 4);
    if (reply !== 0)
      throw new ProxyRefusal(
        `the proxy ${proxy.shown} (${proxy.source}) opens no connection to ${host}:${port}: ${REPLIES[reply] ?? `reply ${reply}`}`,
      );
    const addressLength = kind === 1 ? 4 : kind === 4 ? 16 : ((await read(socket, 1))[0] ?? 0);
    await read(socket, addressLength + 2);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof ProxyRefusal) throw error;
    throw proxyUnreachable(proxy, signal.aborted ? signal.reason : error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.off('error', onError);
  }
}

async function greet(socket: Socket, { login, shown, source }: ProxyServer): Promise<void> {
  socket.write(login === null ? Buffer.of(5, 1, NO_LOGIN) : Buffer.of(5, 2, NO_LOGIN, WITH_LOGIN));
  const [version, method] = await read(socket, 2);
  if (version !== 5) throw new ProxyRefusal(`${shown} (${source}) is no SOCKS5 proxy`);
  if (method === NO_LOGIN) return;
  if (method !== WITH_LOGIN || login === null)
    throw new ProxyRefusal(
      `the proxy ${shown} (${source}) wants a user name and password. Put socks5://USER:PASSWORD@HOST:PORT into a variable and write proxy: env:NAME.`,
    );
  socket.write(Buffer.concat([Buffer.of(1), withLength(login.user), withLength(login.password)]));
  const [, status] = await read(socket, 2);
  if (status !== 0)
    throw new ProxyRefusal(`the proxy ${shown} (${source}) does not take the user name and password it was given`);
}
