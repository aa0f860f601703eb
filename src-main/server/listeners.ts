import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** How long those are let in that knock where it will no longer be listened, in ms: who knocks all the time would else be let in for ever. */
const LET_IN_MS = 3_000;

/** Where is listened. */
export interface ListenAddress {
  host: string;
  /** 0: any that is free. */
  port: number;
}

/** Listens for a Fastify instance, and moves to another address while it runs. */
export class Listeners {
  readonly #router: FastifyInstance;
  #current: Listener | null = null;
  /** Those that take no more connections, while they still have some. */
  readonly #left = new Set<Listener>();
  #isClosed = false;

  constructor(router: FastifyInstance) {
    this.#router = router;
  }

  /** The port that is listened on; 0 before. */
  get port(): number {
    return this.#current?.port ?? 0;
  }

  /** Base URL, as clients on this machine reach it; `''` before. */
  get endpoint(): string {
    return this.#current?.endpoint ?? '';
  }

  /** Whether it listens where it is to. */
  isAt({ host, port }: ListenAddress): boolean {
    const current = this.#current;
    if (current === null || !current.isOpen || current.asked.host !== host) return false;
    return port === current.port || port === current.asked.port;
  }

  /**
   * Listens there, and then no longer where it did. Connections that are there already end with the request that they have, or
   * with the next one: to close them while they rest would fail who is about to use them.
   * @throws the error of the system (`EADDRINUSE`, `EACCES`, `ENOTFOUND` …); where it listened before, it does on.
   */
  async listen(address: ListenAddress): Promise<void> {
    await this.#router.ready();
    const before = this.#current;
    const next = before === null ? await Listener.open(this.#router, address) : await this.#move(before, address);
    if (this.#isClosed) {
      await next.close();
      throw new Error('nothing is listened for any more');
    }
    this.#current = next;
    if (before !== null) await this.#leave(before);
  }

  /** Ends all connections. Whoever calls it has waited for the requests that were under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#router.close();
    const all = [...this.#left, ...(this.#current === null ? [] : [this.#current])];
    await Promise.all(all.map((listener) => listener.close()));
  }

  async #move(before: Listener, address: ListenAddress): Promise<Listener> {
    try {
      return await Listener.open(this.#router, address);
    } catch (error) {
      // One of two addresses may cover the other; with one port, most systems let only one of them be there.
      if (!isInUse(error) || address.port !== before.port) throw error;
      await this.#leave(before);
      try {
        return await Listener.open(this.#router, address);
      } catch (again) {
        this.#current = await Listener.open(this.#router, { host: before.asked.host, port: before.port });
        throw again;
      }
    }
  }

  async #leave(listener: Listener): Promise<void> {
    if (!listener.isOpen) return;
    this.#left.add(listener);
    await listener.leave();
    void listener.ended.then(() => this.#left.delete(listener));
  }
}

/** What listens at one address; at both of `localhost`. */
class Listener {
  readonly asked: ListenAddress;
  readonly port: number;
  readonly #servers: readonly Server[];
  /** When it takes no more connections, and has none. */
  readonly ended: Promise<void>;
  isOpen = true;

  private constructor(asked: ListenAddress, port: number, servers: readonly Server[]) {
    this.asked = asked;
    this.port = port;
    this.#servers = servers;
    const closed = servers.map((server) => new Promise((resolve) => server.once('close', resolve)));
    this.ended = Promise.all(closed).then(() => {
      // Ends what looks after its connections, too.
      for (const server of servers) server.close();
    });
  }

  static async open(router: FastifyInstance, asked: ListenAddress): Promise<Listener> {
    const first = await bind(router, asked);
    const { address, port } = first.address() as AddressInfo;
    const servers = [first];
    if (asked.host === 'localhost')
      for (const other of await lookup(asked.host, { all: true }))
        if (other.address !== address)
          // A name has more addresses than some machines have networks.
          await bind(router, { host: other.address, port }).then(
            (server) => servers.push(server),
            () => undefined,
          );
    return new Listener(asked, port, servers);
  }

  get endpoint(): string {
    const { host } = this.asked;
    const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
    return `http://${shown}:${this.port}`;
  }

  /** Takes no more connections; those that it has end by themselves. */
  async leave(): Promise<void> {
    this.isOpen = false;
    await this.#letIn();
    for (const server of this.#servers) {
      server.prependListener('request', (_, response) => {
        response.shouldKeepAlive = false;
      });
      // Its own `close` would close those that rest.
      NetServer.prototype.close.call(server);
    }
  }

  /**
   * Accepts whoever waits to be: when it is closed, the system resets those connections, with the requests that are on them.
   * In each turn of the event loop one is accepted (https://github.com/libuv/libuv/pull/3696).
   */
  async #letIn(): Promise<void> {
    const end = performance.now() + LET_IN_MS;
    let isSomebodyThere = true;
    const onConnection = (): void => {
      isSomebodyThere = true;
    };
    for (const server of this.#servers) server.on('connection', onConnection);
    while (isSomebodyThere && performance.now() < end) {
      isSomebodyThere = false;
      // The first may come before anybody new was looked for.
      await turn();
      await turn();
    }
    for (const server of this.#servers) server.off('connection', onConnection);
  }

  async close(): Promise<void> {
    this.isOpen = false;
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await this.ended;
  }
}

async function bind(router: FastifyInstance, { host, port }: ListenAddress): Promise<Server> {
  const { server: routed } = router;
  const server = createServer(
    {
      // Slow clients are bounded, slow answers are not: a model may think for minutes.
      requestTimeout: 300_000,
      keepAliveTimeout: 75_000,
      ...upgradesOf(routed),
    },
    router.routing,
  );
  server.on('clientError', (error, socket) => routed.emit('clientError', error, socket));
  if (routed.listenerCount('upgrade') > 0)
    server.on('upgrade', (request, socket, head) => routed.emit('upgrade', request, socket, head));
  server.listen({ host, port });
  await once(server, 'listening');
  return server;
}

/** Which requests are upgrades (control/upgrades.ts). */
function upgradesOf(routed: object): Pick<ServerOptions, 'shouldUpgradeCallback'> {
  const { shouldUpgradeCallback } = routed as Pick<ServerOptions, 'shouldUpgradeCallback'>;
  return shouldUpgradeCallback === undefined ? {} : { shouldUpgradeCallback };
}

const isInUse = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
