import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import type { Subject } from './subject.ts';

const server = fileURLToPath(new URL('../floor-server.mjs', import.meta.url));

/** What everything else is measured against. */
export const floor: Subject = {
  name: 'floor',
  unavailable: { translated: 'it passes bytes on' },
  prepare: async () => undefined,
  async start(_route, upstreamOrigin, folder) {
    const child = await startChild([server, upstreamOrigin], folder);
    const [, port] = await child.printed(/^(\d+)\n/);
    return {
      pid: child.pid,
      port: Number(port),
      request: { path: '/v1/messages?beta=true', headers: { 'x-api-key': 'bench' }, model: 'claude-opus-5-5' },
      stop: child.stop,
    };
  },
};
