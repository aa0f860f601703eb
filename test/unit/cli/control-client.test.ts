import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { withEngine } from '../../../src-main/cli/control-client.ts';
import { lockFilePath } from '../../../src-main/config/lock-file.ts';

test('an engine that hangs does not hang its caller', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-client-'));
  const server = createServer(({ url }, response) => {
    if (url === '/health') response.end(JSON.stringify({ name: 'cproxy', pid: process.ppid }));
  });
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const lock = { pid: process.ppid, endpoint, secret: 'x'.repeat(43), startedAt: 1, host: 'headless' };
    writeFileSync(lockFilePath(folder), JSON.stringify(lock));
    await expect(withEngine(folder, (client) => client.status(), 100)).rejects.toThrow(
      `CProxy (process ${process.ppid}) does not answer at ${endpoint}: Headers Timeout Error`,
    );
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
