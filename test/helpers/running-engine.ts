import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import type { EditedFile } from '../../src-main/config/config-manager.ts';
import { ensureFolders, resolveFolders } from '../../src-main/config/folders.ts';
import { type LoadOptions, loadConfig } from '../../src-main/config/load-config.ts';
import { type Engine, startEngine } from '../../src-main/engine.ts';
import { type Logger, silentLogger } from '../../src-main/observability/logger.ts';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { SecretStore } from '../../src-main/secrets/secret-store.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { ConfigStateView } from '../../src-shared/control.ts';
import { memoryStore } from './memory-store.ts';

export interface RunningEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly url: string;
  readonly token: string;
  readonly home: string;
  /** `POST /v1/messages` with the token. */
  ask(
    body: unknown,
    options?: { headers?: Record<string, string>; signal?: AbortSignal; path?: string },
  ): Promise<Response>;
  /** Writes another configuration, with the same left out as at the start, and has it read. Needs `reloads`. */
  reconfigure(config: ConfigInput): Promise<ConfigStateView>;
  stop(): Promise<void>;
}

/**
 * The real engine on a free port of 127.0.0.1, with a configuration file and folders of its own. It probes no provider and
 * fetches no lists unless the configuration says so: providers of tests may have their vendors' own addresses. It asks each
 * target once, unless the configuration has `routing.retries.rounds`, so that a test can count what arrives.
 * Nor does it read the keychain of whoever runs the tests, unless the configuration has `secrets`.
 * @param options `home`: folders that are there already, and stay. `reloads`: it loads its configuration again when that changes.
 */
export async function runEngine(
  config: ConfigInput = {},
  options: {
    env?: NodeJS.ProcessEnv;
    log?: Logger;
    middleware?: Middleware[];
    home?: string;
    secrets?: SecretStore;
    reloads?: boolean;
    flags?: LoadOptions['flags'];
  } = {},
): Promise<RunningEngine> {
  const home = options.home ?? (await mkdtemp(path.join(tmpdir(), 'cproxy-test-')));
  const env = { ...options.env, CPROXY_HOME: home };
  const folders = resolveFolders(env);
  ensureFolders(folders);
  const write = (next: ConfigInput) => writeFile(path.join(home, 'config.json'), JSON.stringify(quiet(next)));
  await write(config);
  const load = async (edited?: EditedFile) => loadConfig({ ...edited, env, folders, flags: options.flags });
  const engine = await startEngine({
    loaded: await load(),
    ...(options.reloads === true ? { load } : {}),
    folders,
    env,
    host: 'headless',
    log: options.log ?? silentLogger,
    uiFolder: null,
    ...(config.secrets === undefined ? { secrets: options.secrets ?? memoryStore() } : {}),
    ...(options.middleware === undefined ? {} : { middleware: options.middleware }),
  });
  const token = engine.firstToken ?? '';
  const stop = async (): Promise<void> => {
    await engine.stop();
    if (options.home === undefined) await rm(home, { recursive: true, force: true });
  };
  return {
    engine,
    url: engine.endpoint,
    token,
    home,
    ask: (body, { headers = {}, signal, path: door = '/v1/messages?beta=true' } = {}) =>
      fetch(engine.endpoint + door, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'anthropic-version': '2023-06-01',
          authorization: `Bearer ${token}`,
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
    async reconfigure(next) {
      await write(next);
      return createRouterClient(await engine.controlRouter()).config.reload();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** As written for tests, where a configuration does not say otherwise. */
function quiet(config: ConfigInput): ConfigInput {
  const { loadBalancing, retries, ...routing } = config.routing ?? {};
  return {
    ...config,
    server: { port: 0, ...config.server },
    routing: {
      ...routing,
      loadBalancing: { healthCheck: false, ...loadBalancing },
      retries: { rounds: 0, ...retries },
    },
    modelLists: { fetch: false, ...config.modelLists },
  };
}

/** Tools as a coding agent offers them. */
export const agentTools = [
  { name: 'Bash', description: 'Runs', input_schema: { type: 'object', properties: { command: { type: 'string' } } } },
  { name: 'Read', input_schema: { type: 'object', properties: { file_path: { type: 'string' } } } },
];

/** A small request as a client makes it. */
export const question = (text = 'hello', rest: Record<string, unknown> = {}): Record<string, unknown> => ({
  model: 'm',
  max_tokens: 256,
  messages: [{ role: 'user', content: text }],
  ...rest,
});
