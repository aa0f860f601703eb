import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type JSONRPCMessage,
  ListToolsRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, NotTakenError } from '../../../src-main/mcp/stdio/backend.ts';
import { Relay } from '../../../src-main/mcp/stdio/relay.ts';
import { waitUntil } from '../../helpers/wait-until.ts';

/** A backend whose calls are answered when the test says so. */
class FakeBackend implements Backend {
  readonly id: string;
  readonly name: string;
  isThere = true;
  /** Refuses what is sent next. */
  refuses: NotTakenError | Error | null = null;
  readonly seen: string[] = [];
  readonly open = async () => this.#open();
  /** Calls under way, by their names. */
  readonly calls = new Map<string, (text: string) => void>();
  sessions = 0;
  server: Server | null = null;
  cannotOpen: Error | null = null;

  constructor(id: string) {
    this.id = id;
    this.name = id;
  }

  async #open() {
    if (this.cannotOpen !== null) throw this.cannotOpen;
    const server = new Server(
      { name: this.id, version: '1' },
      { capabilities: { tools: {}, logging: {}, resources: { subscribe: true } } },
    );
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [] }));
    server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
      this.seen.push(`level ${params.level}`);
      return {};
    });
    server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      this.seen.push(`subscribe ${params.uri}`);
      return {};
    });
    server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
    server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) => {
      const done = Promise.withResolvers<{ content: { type: 'text'; text: string }[] }>();
      this.calls.set(params.name, (text) => done.resolve({ content: [{ type: 'text', text }] }));
      signal.addEventListener('abort', () => this.seen.push(`cancelled ${params.name}`));
      return done.promise;
    });
    const [transport, other] = InMemoryTransport.createLinkedPair();
    await server.connect(other);
    this.server = server;
    this.sessions += 1;
    const send = transport.send.bind(transport);
    transport.send = async (message) => {
      if (this.refuses !== null) throw this.refuses;
      await send(message);
    };
    return {
      transport,
      end: async () => {
        this.sessions -= 1;
        await server.close();
      },
    };
  }
}

let first: FakeBackend;
let second: FakeBackend;
let best: FakeBackend;
let said: JSONRPCMessage[];
let bugs: unknown[];
let relay: Relay;

const initialize = {
  ...{ jsonrpc: '2.0' as const, id: 0, method: 'initialize' },
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
const ask = (id: number | string, method: string, params: Record<string, unknown> = {}): void =>
  relay.receive({ jsonrpc: '2.0', id, method, params });
const call = (id: number, name: string): void => ask(id, 'tools/call', { name, arguments: {} });
const answerTo = (id: number | string): Promise<JSONRPCMessage> =>
  waitUntil(`an answer to ${id}`, () => said.find((message) => 'id' in message && message.id === id));
const begin = async (): Promise<void> => {
  relay.receive(initialize);
  await answerTo(0);
  relay.receive({ jsonrpc: '2.0', method: 'notifications/initialized' });
};
const methods = (): string[] => said.flatMap((message) => ('method' in message ? [message.method] : []));
const moved = async (to: FakeBackend): Promise<void> => {
  best = to;
  said.length = 0;
  relay.follow();
  await waitUntil('the move', () => methods().includes('notifications/tools/list_changed'));
};

beforeEach(() => {
  [first, second] = [new FakeBackend('first'), new FakeBackend('second')];
  best = first;
  [said, bugs] = [[], []];
  relay = new Relay({
    backends: {
      find: async (without) => (without.has(best.id) ? second : best),
      isThere: async (backend) => (backend === first ? first : second).isThere,
    },
    send: (message) => said.push(message),
    onNote: () => undefined,
    onInternalError: (error) => bugs.push(error),
  });
});
afterEach(async () => {
  await relay.close();
  expect([first.sessions, second.sessions]).toEqual([0, 0]);
  expect(bugs).toEqual([]);
});

describe('one backend', () => {
  it('is begun with what the client says, and whatever comes at once is in order', async () => {
    relay.receive(initialize);
    relay.receive({ jsonrpc: '2.0', method: 'notifications/initialized' });
    ask(1, 'tools/list');
    ask('p', 'ping');
    await answerTo(1);
    const ids = said.map((message) => ('id' in message ? message.id : null));
    expect(ids.indexOf(0)).toBeLessThan(ids.indexOf(1));
    expect(await answerTo(0)).toMatchObject({
      result: { serverInfo: { name: 'first' }, protocolVersion: '2025-06-18' },
    });
    expect(first.server?.getClientVersion()).toEqual({ name: 'test', version: '1' });
    await relay.idle();
  });

  it('that cannot be begun is told, and the client may begin again', async () => {
    first.cannotOpen = new NotTakenError('The configuration is wrong.', -32603, null);
    relay.receive(initialize);
    expect(await answerTo(0)).toMatchObject({ error: { code: -32603, message: 'The configuration is wrong.' } });
    first.cannotOpen = null;
    said.length = 0;
    await begin();
    expect(await answerTo(0)).toHaveProperty('result');
  });

  it('is told of what is withdrawn, once more where that came first', async () => {
    await begin();
    call(1, 'slow');
    await waitUntil('the call', () => first.calls.has('slow'));
    relay.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await waitUntil('its end', () => first.seen.includes('cancelled slow'));
    await relay.idle();
    first.calls.get('slow')?.('too late');
    ask(2, 'tools/list');
    await answerTo(2);
    expect(said.some((message) => 'id' in message && message.id === 1)).toBe(false);
  });
});

describe('another backend', () => {
  it('is asked what the first was asked to keep in mind, and the client is told', async () => {
    await begin();
    ask(1, 'logging/setLevel', { level: 'info' });
    ask(2, 'resources/subscribe', { uri: 'x://kept' });
    ask(3, 'resources/subscribe', { uri: 'x://dropped' });
    await Promise.all([1, 2, 3].map(answerTo));
    ask(4, 'resources/unsubscribe', { uri: 'x://dropped' });
    await answerTo(4);
    await moved(second);
    expect(second.seen).toEqual(['level info', 'subscribe x://kept']);
    expect(methods()).toContain('notifications/message');
    await waitUntil('the end of the first', () => first.sessions === 0);
  });

  it('takes what is asked from now on; what is under way ends where it began', async () => {
    await begin();
    call(1, 'old');
    await waitUntil('the call', () => first.calls.has('old'));
    await moved(second);
    call(2, 'new');
    await waitUntil('the other call', () => second.calls.has('new'));
    expect(first.sessions).toBe(1);
    await first.server?.sendToolListChanged();
    first.calls.get('old')?.('from the first');
    expect(await answerTo(1)).toMatchObject({ result: { content: [{ text: 'from the first' }] } });
    await waitUntil('its end', () => first.sessions === 0);
    second.calls.get('new')?.('from the second');
    expect(await answerTo(2)).toMatchObject({ result: { content: [{ text: 'from the second' }] } });
    expect(methods().filter((method) => method === 'notifications/tools/list_changed')).toHaveLength(1);
  });

  it('takes over from one that is gone: its calls fail, others do not', async () => {
    await begin();
    call(1, 'lost');
    await waitUntil('the call', () => first.calls.has('lost'));
    first.isThere = false;
    await moved(second);
    expect(await answerTo(1)).toMatchObject({ result: { isError: true } });
    ask(2, 'tools/list');
    expect(await answerTo(2)).toHaveProperty('result');
  });

  it('takes what the first does not, though that is still there', async () => {
    await begin();
    first.refuses = new NotTakenError('draining', -32001, 'backend');
    ask(1, 'tools/list');
    expect(await answerTo(1)).toHaveProperty('result');
    expect(second.sessions).toBe(1);
  });

  it('does not take what may have been taken', async () => {
    await begin();
    first.refuses = new TypeError('other side closed');
    call(1, 'once');
    expect(await answerTo(1)).toMatchObject({ result: { isError: true } });
    ask(2, 'tools/list');
    expect(await answerTo(2)).toMatchObject({ error: { code: -32001 } });
    expect(second.calls.size).toBe(0);
  });

  it('is another session at the same place where that knows the first no longer', async () => {
    await begin();
    let isRefused = false;
    const unknown = new NotTakenError('unknown session', -32600, 'session');
    Object.defineProperty(first, 'refuses', {
      get() {
        if (isRefused) return null;
        isRefused = true;
        return unknown;
      },
    });
    ask(1, 'tools/list');
    expect(await answerTo(1)).toHaveProperty('result');
    await waitUntil('one session', () => first.sessions === 1);
  });
});
