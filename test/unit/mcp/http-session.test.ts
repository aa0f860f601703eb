import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpSession } from '../../../src-main/mcp/http/http-session.ts';
import { KeptEvents } from '../../../src-main/mcp/http/kept-events.ts';
import { waitUntil } from '../../helpers/wait-until.ts';

/** One session on a real listener; what comes is what the test hands to it. */
let session: HttpSession;
let received: JSONRPCMessage[] = [];
let clock = 0;
let closeStream: (() => void) | null = null;
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    session.get(response, {}, (request.headers['last-event-id'] as string | undefined) ?? null);
    return;
  }
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const messages = JSON.parse(body) as JSONRPCMessage[];
    session.post(messages, response, {});
  });
});
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** @param protocolVersion the revision that is agreed upon. */
async function begin(protocolVersion = '2025-11-25'): Promise<void> {
  session = new HttpSession({ id: 's', client: null, kept: new KeptEvents(), now: () => (clock += 1) });
  received = [];
  session.onmessage = (message, extra) => {
    received.push(message);
    if (extra?.closeSSEStream !== undefined) closeStream = extra.closeSSEStream;
  };
  closeStream = null;
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion, capabilities: {}, clientInfo };
  const posted = post({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  await arrived(1);
  await session.send({ jsonrpc: '2.0', id: 0, result: { protocolVersion } });
  await (await posted).text();
  received = [];
}
const post = (...messages: unknown[]): Promise<Response> =>
  fetch(url, { method: 'POST', body: JSON.stringify(messages) });
const ask = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call' });
const answer = (id: number) => session.send({ jsonrpc: '2.0', id, result: { of: id } });
const note = (id: number, number: number) =>
  session.send({ jsonrpc: '2.0', method: 'note', params: { number } }, { relatedRequestId: id });
const arrived = (count: number) => waitUntil(`message ${count}`, () => received.length >= count);

/** Reads a stream, message by message. */
function reader({ body }: Response) {
  const pieces = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    /** Ids and messages of the next event; null at the end. */
    async next(): Promise<{ id: string; data: Record<string, unknown> | null } | null> {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end !== -1) {
          const frame = text.slice(0, end);
          text = text.slice(end + 2);
          const id = /^id: (.*)$/m.exec(frame)?.[1];
          const data = /^data: (.*)$/m.exec(frame)?.[1] ?? '';
          if (id !== undefined) return { id, data: data.trim() === '' ? null : JSON.parse(data) };
          continue;
        }
        const { value, done } = (await pieces?.read()) ?? { value: undefined, done: true };
        if (done) return null;
        text += value;
      }
    },
    cut: () => pieces?.cancel(),
  };
}

describe('a session over HTTP', () => {
  it('gives a quick answer as JSON, and leaves nothing', async () => {
    await begin();
    const posted = post(ask(1));
    await arrived(1);
    expect(session.running).toBe(1);
    await answer(1);
    const response = await posted;
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('mcp-session-id')).toBe('s');
    expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 1, result: { of: 1 } });
    expect(session.running).toBe(0);
  });

  it('has no answer for a cancelled request, and ends its connection', async () => {
    await begin();
    const quick = post(ask(1));
    await arrived(1);
    const cancel = (requestId: number) => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId },
    });
    expect((await post(cancel(1))).status).toBe(202);
    expect((await quick).status).toBe(202);
    await answer(1);

    const slow = post(ask(2));
    await arrived(3);
    await note(2, 0);
    const stream = reader(await slow);
    expect(await stream.next()).toMatchObject({ data: null });
    const last = await stream.next();
    await post(cancel(2));
    expect(await stream.next()).toBeNull();
    await answer(2);
    // A client that comes back for it is told that there is nothing.
    const again = await fetch(url, { headers: { 'last-event-id': last?.id ?? '' } });
    expect(again.status).toBe(204);
    expect(session.running).toBe(0);
  });

  it('ends a stream early where that is wanted, and the client comes back for the rest', async () => {
    await begin();
    const posted = post(ask(3));
    await arrived(1);
    closeStream?.();
    const response = await posted;
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const text = await response.text();
    expect(text).toMatch(/^id: 1-0\nretry: \d+\ndata: \n\n$/);
    await answer(3);
    const rest = await fetch(url, { headers: { 'last-event-id': '1-0' } });
    expect(await rest.text()).toContain('{"of":3}');
  });

  it('gives clients of older revisions no event without data', async () => {
    await begin('2025-06-18');
    const posted = post(ask(4));
    await arrived(1);
    expect(closeStream).toBeNull();
    await note(4, 0);
    await answer(4);
    const text = await (await posted).text();
    expect(text.match(/^data: \{/gm)).toHaveLength(2);
    expect(text).not.toMatch(/^data: $/m);
  });

  it('refuses the id of a request under way', async () => {
    await begin();
    const posted = post(ask(1));
    await arrived(1);
    expect(() => session.post([{ jsonrpc: '2.0', id: 1, method: 'ping' }], {} as never, {})).toThrow(/under way/);
    await answer(1);
    await posted;
  });

  it('ends everything when it is closed', async () => {
    await begin();
    const held = post(ask(1));
    const listening = await fetch(url);
    await arrived(1);
    let isClosed = false;
    session.onclose = () => {
      isClosed = true;
    };
    await session.close();
    expect((await held).status).toBe(404);
    expect(await reader(listening).next()).toBeNull();
    expect(isClosed).toBe(true);
    await answer(1);
  });

  it('cuts off who does not read, and gives the rest to who comes back', async () => {
    await begin();
    const lazy = connect(Number(new URL(url).port), '127.0.0.1', () => {
      lazy.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    });
    lazy.once('readable', () => lazy.pause());
    let isCut = false;
    lazy.on('close', () => {
      isCut = true;
    });
    lazy.on('error', () => undefined);
    await waitUntil('it listens', () => session.idleMs === 0);
    const large = 'x'.repeat(1_000_000);
    let sent = 0;
    // How much lies on the way, the system says.
    await waitUntil('it is cut off', async () => {
      if (session.idleMs > 0) return true;
      await session.send({ jsonrpc: '2.0', method: 'note', params: { number: sent++, large } });
      return false;
    });
    await session.send({ jsonrpc: '2.0', method: 'note', params: { number: sent } });
    lazy.destroy();
    await waitUntil('the socket is closed', () => isCut);
    const stream = reader(await fetch(url));
    let last: unknown = null;
    while (last !== sent) last = ((await stream.next())?.data?.params as { number: number } | undefined)?.number;
    await stream.cut();
    await session.close();
  });

  it('is lost to nobody: whatever is cut, each message comes once and in order', async () => {
    const step = fc.constantFrom('note', 'note', 'cut');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await begin();
        const posted = post(ask(7));
        await arrived(1);
        let sent = 0;
        await note(7, sent++);
        let stream = reader(await posted);
        const got: unknown[] = [];
        let last = '';
        const take = async (): Promise<boolean> => {
          const event = await stream.next();
          if (event === null) return false;
          last = event.id;
          if (event.data !== null) got.push((event.data.params as { number: number } | undefined)?.number ?? 'answer');
          return true;
        };
        // The first event only says where to come back.
        await take();
        await take();
        for (const next of steps) {
          if (next === 'note') await note(7, sent++);
          else {
            await stream.cut();
            await note(7, sent++);
            stream = reader(await fetch(url, { headers: { 'last-event-id': last } }));
          }
        }
        await answer(7);
        while (await take());
        expect(got).toEqual([...Array.from({ length: sent }, (_, index) => index), 'answer']);
        expect(session.running).toBe(0);
        await session.close();
      }),
      { numRuns: 30 },
    );
  });
});
