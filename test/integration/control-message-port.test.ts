import { MessageChannel } from 'node:worker_threads';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createControlRouter } from '../../src-main/control/control-router.ts';
import { serveControlPort } from '../../src-main/control/message-port.ts';
import type { ControlContract } from '../../src-shared/control.ts';
import { type ControlEngine, canary, startControlEngine, until } from '../helpers/control-engine.ts';
import { makeRow } from '../helpers/rows.ts';

type ControlClient = ContractRouterClient<ControlContract>;

let engine: ControlEngine;
beforeEach(async () => {
  engine = await startControlEngine();
});
afterEach(() => engine.close());

function open() {
  const { port1, port2 } = new MessageChannel();
  const messages: unknown[] = [];
  port2.on('message', (message) => messages.push(message));
  const close = serveControlPort(createControlRouter(engine.context), port1, engine.context.logger);
  const client: ControlClient = createORPCClient(new RPCLink({ port: port2 as unknown as MessagePort }));
  port2.start();
  return { client, window: port2, messages, close };
}

it('answers calls, errors and streams as the other transports do', async () => {
  const { client, messages, close } = open();
  expect((await client.status()).endpoint).toBe(engine.url);
  expect(await client.tokens.create({ name: 'desktop' })).toMatchObject({ token: 'cpx_desktop_fresh' });
  await expect(client.tokens.create({ name: '' })).rejects.toMatchObject({ code: 'invalid_field' });
  const events = await client.requests.live();
  expect((await events.next()).value).toEqual({ type: 'snapshot', rows: [] });
  const row = makeRow();
  engine.bus.emit('request.started', row);
  expect((await events.next()).value).toMatchObject({ type: 'changed', rows: [{ id: row.id }] });
  await events.return?.();
  await until(() => engine.requests.readers === 0);
  expect(JSON.stringify(messages)).not.toContain(canary);
  expect(JSON.stringify(messages)).not.toContain(engine.secret);
  close();
});

it('lets go of a window that is closed', async () => {
  const { client, window } = open();
  const events = await client.requests.live();
  await events.next();
  expect(engine.requests.readers).toBe(1);
  window.close();
  await until(() => engine.requests.readers === 0);
});

it('lets go when it is closed from this side, and the window learns of it', async () => {
  const { client, window, close } = open();
  const events = await client.requests.live();
  await events.next();
  const closed = new Promise((resolve) => window.on('close', () => resolve('closed')));
  close();
  await until(() => engine.requests.readers === 0);
  expect(await closed).toBe('closed');
});

it("takes Electron's messages, which are events", async () => {
  const listeners = new Map<string, (message?: unknown) => void>();
  const sent: unknown[] = [];
  serveControlPort(
    createControlRouter(engine.context),
    {
      on: (event: string, listener: (message?: unknown) => void) => listeners.set(event, listener),
      postMessage: (message) => sent.push(message),
      start: () => undefined,
      close: () => undefined,
    },
    engine.context.logger,
  );
  listeners.get('message')?.({ data: JSON.stringify({ i: '1', p: { u: '/status' } }), ports: [] });
  await until(() => sent.length > 0);
  expect(String(sent[0])).toContain(engine.url);
});

it.each(['{', 17, null, { hello: 'there' }, new Map()])(
  'closes the port on what cannot be read: %s',
  async (garbage) => {
    const { window } = open();
    const closed = new Promise((resolve) => window.on('close', () => resolve('closed')));
    window.postMessage(garbage);
    expect(await closed).toBe('closed');
    expect(engine.logged.join()).toContain('cannot be read');
  },
);
