import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answersOn, freePort, startChild } from '../child.ts';
import { installPackage } from '../npm-package.ts';
import type { Route, Subject } from './subject.ts';

/** A provider that lists only the transformer of the client's own protocol gets the body as it is (its "bypass"). */
const providers = (origin: string): Record<Route, object> => ({
  translated: {
    name: 'mock',
    api_base_url: `${origin}/v1/chat/completions`,
    api_key: 'bench',
    models: ['bench-model'],
  },
  'pass-through': {
    name: 'mock',
    api_base_url: `${origin}/v1/messages`,
    api_key: 'bench',
    models: ['bench-model'],
    transformer: { use: ['Anthropic'] },
  },
});

let installed = '';

/** github.com/musistudio/claude-code-router 2.0.0. `ccr start` stays in the foreground; it asks no network on its own. */
export const claudeCodeRouter: Subject = {
  name: 'claude-code-router 2.0.0',
  unavailable: {},
  async prepare() {
    installed = await installPackage('@musistudio/claude-code-router', '2.0.0');
  },
  async start(route, upstreamOrigin, folder) {
    const port = await freePort();
    const settings = join(folder, '.claude-code-router');
    await mkdir(settings, { recursive: true });
    await writeFile(
      join(settings, 'config.json'),
      JSON.stringify({
        PORT: port,
        Providers: [providers(upstreamOrigin)[route]],
        Router: { default: 'mock,bench-model' },
      }),
    );
    const child = await startChild([join(installed, 'dist', 'cli.js'), 'start'], folder);
    await answersOn(port, child);
    return {
      pid: child.pid,
      port,
      request: { path: '/v1/messages?beta=true', headers: { 'x-api-key': 'bench' }, model: 'claude-opus-5-5' },
      stop: child.stop,
    };
  },
};
