import { createConnection, type Socket } from 'node:net';
import { serveCalls } from './ipc.ts';
import { type Load, type LoadReport, loadSchema } from './load-contract.ts';
import { MessageReader } from './wire.ts';
import { monotonicMicroseconds, stampDigits, stampMark } from './workload.ts';

/** The load generator, a process of its own: sends prepared bytes over keep-alive connections and watches the clock. */

const emptyReport = (): LoadReport => ({
  completed: 0,
  failed: 0,
  failure: null,
  firstByteMs: [],
  totalMs: [],
  chunkDelayMs: [],
});

let report = emptyReport();

function fail(text: string): void {
  report.failed++;
  report.failure ??= text.slice(0, 500);
}

class Connection {
  readonly #load: Load;
  readonly #onIdle: (connection: Connection) => void;
  #socket: Socket | null = null;
  #sentAt = 0;
  #firstByteAt = 0;
  #status = 0;
  #excerpt = '';
  #busy = false;
  #closed = false;

  constructor(load: Load, onIdle: (connection: Connection) => void) {
    this.#load = load;
    this.#onIdle = onIdle;
  }

  send(request: Buffer): void {
    this.#socket ??= this.#connect();
    this.#busy = true;
    this.#firstByteAt = 0;
    this.#excerpt = '';
    this.#sentAt = performance.now();
    this.#socket.write(request);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const socket = createConnection({ host: '127.0.0.1', port: this.#load.port, noDelay: true });
    const reader = new MessageReader({
      head: (text) => {
        this.#status = Number(text.split(' ', 2)[1]);
      },
      body: (bytes) => this.#body(bytes),
      end: () => this.#end(),
    });
    socket.on('data', (bytes) => reader.push(bytes));
    socket.on('error', (error) => this.#lost(String(error)));
    socket.on('close', () => this.#lost('the connection was closed before the answer was complete'));
    return socket;
  }

  #body(bytes: Buffer): void {
    if (this.#firstByteAt === 0) this.#firstByteAt = performance.now();
    if (this.#status !== this.#load.status) this.#excerpt ||= bytes.toString('latin1', 0, 400);
    for (let at = bytes.indexOf(stampMark); at !== -1; at = bytes.indexOf(stampMark, at + stampMark.length)) {
      const stamp = Number(bytes.toString('latin1', at + stampMark.length, at + stampMark.length + stampDigits));
      if (stamp > 0) report.chunkDelayMs.push((monotonicMicroseconds() - stamp) / 1_000);
    }
  }

  #end(): void {
    const now = performance.now();
    this.#busy = false;
    if (this.#status === this.#load.status) {
      report.completed++;
      report.firstByteMs.push((this.#firstByteAt || now) - this.#sentAt);
      report.totalMs.push(now - this.#sentAt);
    } else fail(`HTTP ${this.#status}: ${this.#excerpt}`);
    this.#onIdle(this);
  }

  #lost(reason: string): void {
    this.#socket = null;
    if (this.#closed || !this.#busy) return;
    this.#busy = false;
    fail(reason);
    // A server that refuses connections must not be asked in a tight loop.
    setTimeout(() => this.#onIdle(this), 20);
  }
}

/** Each connection sends its next request as soon as the last is answered. Returns what ends the load. */
function startClosedLoop(load: Load, nextRequest: () => Buffer): () => void {
  let running = true;
  const connections = Array.from(
    { length: load.connections },
    () =>
      new Connection(load, (idle) => {
        if (running) idle.send(nextRequest());
      }),
  );
  for (const connection of connections) connection.send(nextRequest());
  return () => {
    running = false;
    for (const connection of connections) connection.close();
  };
}

/** Requests begin on time whether or not earlier ones are answered. Returns what ends the load. */
function startOpenLoop(load: Load, perSecond: number, nextRequest: () => Buffer): () => void {
  const connections: Connection[] = [];
  const idle: Connection[] = [];
  const startedAt = performance.now();
  let begun = 0;
  const take = (): Connection | undefined => {
    const connection = idle.pop();
    if (connection !== undefined || connections.length >= load.connections) return connection;
    const opened = new Connection(load, (done) => idle.push(done));
    connections.push(opened);
    return opened;
  };
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedAt) * perSecond) / 1_000; begun < due; begun++) {
      const connection = take();
      if (connection === undefined) fail(`more than ${load.connections} requests were waiting at once`);
      else connection.send(nextRequest());
    }
  }, 1);
  return () => {
    clearInterval(timer);
    for (const connection of connections) connection.close();
  };
}

let stopLoad: (() => void) | null = null;

function startLoad(load: Load): void {
  const requests = load.requests.map((text) => Buffer.from(text));
  let next = 0;
  const nextRequest = (): Buffer => requests[next++ % requests.length] ?? Buffer.alloc(0);
  stopLoad =
    load.perSecond === null ? startClosedLoop(load, nextRequest) : startOpenLoop(load, load.perSecond, nextRequest);
}

serveCalls({
  start(argument) {
    stopLoad?.();
    report = emptyReport();
    startLoad(loadSchema.parse(argument));
  },
  report() {
    const given = report;
    report = emptyReport();
    return given;
  },
  stop() {
    stopLoad?.();
    stopLoad = null;
  },
});
