import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import {
  listeners,
  lsofHolder,
  netstatPid,
  portTakenMessage,
  whoHoldsPort,
} from '../../../src-main/config/port-holder.ts';

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

const known = ['linux', 'darwin', 'win32'].includes(process.platform);

test.skipIf(!known)('another process that listens is found, with the beginning of its command line', async () => {
  const script = "require('net').createServer().listen(0,'127.0.0.1',function(){console.log(this.address().port)})";
  const child = spawn(process.execPath, ['-e', script, '--', '--api-key', 'sk-CANARY'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const port = Number(String(line));
    const holder = await whoHoldsPort(port, '127.0.0.1');
    expect(holder).toMatchObject({ pid: child.pid, command: expect.stringContaining('node') });
    const message = await portTakenMessage(port, '127.0.0.1', '/data');
    expect(message).toMatch(
      new RegExp(
        `^Port ${port} on 127\\.0\\.0\\.1 is taken by .*node.* \\(process ${child.pid}\\)\\. Stop that program, or`,
      ),
    );
    expect(message).not.toContain('CANARY');
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});

test('another CProxy is known by its health', async () => {
  const server: Server = createHttpServer((_request, response) => {
    response.end(JSON.stringify({ name: 'cproxy', pid: 4711 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    expect(await portTakenMessage(portOf(server), '127.0.0.1', '/here')).toBe(
      `Port ${portOf(server)} on 127.0.0.1 is taken by another CProxy (process 4711), which does not use this data folder (/here). Use that one, stop it, or choose another port with --port.`,
    );
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('nobody listens, or the system is not known: null', async () => {
  const port = await freePort();
  expect(await whoHoldsPort(port, '127.0.0.1')).toBeNull();
  expect(await whoHoldsPort(port, '127.0.0.1', 'aix')).toBeNull();
  expect(await portTakenMessage(port, '127.0.0.1', '/data')).toContain(
    'is taken by another program. Stop that program',
  );
});

test('a table of Linux', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:12A9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000 100 0 0 10 0
   1: 0100007F:12A9 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0000 100 0 0 10 0
`;
  expect(listeners(table, 4777)).toEqual([{ address: '127.0.0.1', inode: '4242' }]);
  expect(listeners('', 4777)).toEqual([]);
});

test('an answer of lsof', () => {
  expect(lsofHolder('p812\ncnode\nf21\n')).toEqual({ pid: 812, command: 'node' });
  expect(lsofHolder('')).toBeNull();
});

test('an answer of netstat, in any language', () => {
  const out = `
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         1044
  TCP    127.0.0.1:4777         127.0.0.1:50112        HERGESTELLT     7
  TCP    127.0.0.1:4777         0.0.0.0:0              ABHÖREN         9120
`;
  expect(netstatPid(out, 4777)).toBe(9120);
  expect(netstatPid(out, 477)).toBeNull();
});
