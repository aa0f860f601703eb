import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../../../src-shared/config.ts';
import type { ProviderProtocol } from '../../../src-shared/requests.ts';
import { startChild } from '../child.ts';
import type { Subject } from './subject.ts';

/** What `npm run build` makes. */
export const builtCli = fileURLToPath(new URL('../../../dist/main/cli.js', import.meta.url));

/** Model names to ask CProxy for. */
export const cproxyModels = {
  'pass-through': 'claude-opus-5-5',
  translated: 'qwen3-coder',
  /** An alias whose first target always fails. */
  failover: 'with-failover',
} as const;

/** Model names of one provider for each dialect. */
export const pairModels: Record<ProviderProtocol, string> = {
  anthropic: 'first/claude-sonnet-4-5',
  'openai-chat': 'second/pair',
  'openai-responses': 'responses/pair',
  ollama: 'ollama/pair',
};

/** A provider for each dialect, and two that fail for those who ask them; everything else is as shipped. */
const config = (origin: string): ConfigInput => ({
  providers: [
    { id: 'first', type: 'anthropic', baseUrl: origin, models: [cproxyModels['pass-through']], key: 'env:BENCH_KEY' },
    {
      id: 'second',
      type: 'openai-compatible',
      baseUrl: origin,
      models: [cproxyModels.translated],
      key: 'env:BENCH_KEY',
    },
    {
      id: 'responses',
      type: 'openai-compatible',
      protocols: ['openai-responses'],
      baseUrl: origin,
      models: ['pair'],
      key: 'env:BENCH_KEY',
    },
    { id: 'ollama', type: 'ollama', baseUrl: origin, models: ['pair'] },
    { id: 'broken', type: 'openai-compatible', baseUrl: `${origin}/down`, models: ['gone'], key: 'env:BENCH_KEY' },
    { id: 'cutting', type: 'anthropic', baseUrl: `${origin}/cut`, models: ['model'], key: 'env:BENCH_KEY' },
  ],
  aliases: { [cproxyModels.failover]: ['broken/gone', `second/${cproxyModels.translated}`] },
});

/** CProxy from a built command line, with client tokens on. */
export const createCproxy = (cli: string): Subject => ({
  name: 'CProxy',
  unavailable: {},
  async prepare() {
    if (!existsSync(cli)) throw new Error(`there is no ${cli}; \`npm run build\` makes dist/main/cli.js`);
  },
  async start(route, upstreamOrigin, folder) {
    const home = join(folder, 'cproxy');
    await mkdir(home, { recursive: true });
    const file = join(folder, 'config.json');
    await writeFile(file, JSON.stringify(config(upstreamOrigin)));
    const env = { CPROXY_HOME: home, BENCH_KEY: 'bench' };
    // As the installed command: its first line names Node's flags.
    const child = await startChild(['serve', '--port', '0', '--config', file], folder, env, cli);
    const [, port] = await child.printed(/http:\/\/127\.0\.0\.1:(\d+)/);
    const [, token = ''] = await child.printed(/ANTHROPIC_AUTH_TOKEN=["']?([^\s"']+)/);
    return {
      pid: child.pid,
      port: Number(port),
      request: {
        path: '/v1/messages?beta=true',
        headers: { authorization: `Bearer ${token}` },
        model: cproxyModels[route],
      },
      stop: child.stop,
    };
  },
});
