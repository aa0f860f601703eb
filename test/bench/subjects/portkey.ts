import { join } from 'node:path';
import { answersOn, freePort, startChild } from '../child.ts';
import { installPackage } from '../npm-package.ts';
import type { Subject } from './subject.ts';

let installed = '';

/** github.com/Portkey-AI/gateway 1.15.2, its Node server. Loopback is among the custom hosts that it trusts by default. */
export const portkey: Subject = {
  name: 'portkey 1.15.2',
  unavailable: { translated: 'it serves /v1/messages only from Anthropic-speaking providers' },
  async prepare() {
    // With a later one every stream fails with "TypeError: immutable" (github.com/Portkey-AI/gateway/issues/1389).
    installed = await installPackage('@portkey-ai/gateway', '1.15.2', { '@hono/node-server': '1.14.1' });
  },
  async start(_route, upstreamOrigin, folder) {
    const port = await freePort();
    const child = await startChild([join(installed, 'build', 'start-server.js'), `--port=${port}`], folder);
    await answersOn(port, child);
    return {
      pid: child.pid,
      port,
      request: {
        path: '/v1/messages',
        headers: {
          authorization: 'Bearer bench',
          'x-portkey-provider': 'anthropic',
          'x-portkey-custom-host': `${upstreamOrigin}/v1`,
        },
        model: 'claude-opus-5-5',
      },
      stop: child.stop,
    };
  },
};
