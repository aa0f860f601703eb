import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureFolders, resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { migrateOldVariables } from '../../src-main/config/migrate.ts';
import { type Engine, startEngine } from '../../src-main/engine.ts';
import { silentLogger } from '../../src-main/observability/logger.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { question } from '../helpers/running-engine.ts';
import { startUpstream } from '../helpers/scriptable-upstream.ts';

const canary = 'sk-or-v1-canary-000000000000000000000040';
let home = '';
let engine: Engine | null = null;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-test-'));
});
afterEach(async () => {
  await engine?.stop();
  engine = null;
  await rm(home, { recursive: true, force: true });
});

/** @param file what the configuration file says; undefined where there is none. */
async function start(variables: NodeJS.ProcessEnv, text?: string): Promise<Engine> {
  const env = {
    ...variables,
    CPROXY_HOME: home,
    CPROXY_MODEL_LISTS__FETCH: 'false',
    CPROXY_ROUTING__LOAD_BALANCING__HEALTH_CHECK: 'false',
  };
  const folders = resolveFolders(env);
  ensureFolders(folders);
  const file = text === undefined ? {} : { file: path.join(home, 'config.yaml'), text };
  const loaded = loadConfig({ env, folders, flags: { port: 0 }, ...file });
  engine = await startEngine({
    loaded,
    folders,
    env,
    host: 'headless',
    log: silentLogger,
    uiFolder: null,
    secrets: memoryStore(),
  });
  return engine;
}

/** As clients of the old one asked: without a token of CProxy, for whatever model. */
const ask = (endpoint: string, rest: Record<string, unknown> = {}) =>
  fetch(`${endpoint}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(question('hi', { model: 'claude-sonnet-4-5', ...rest })),
  });

it('serves as the old one did: no token, the model by thinking, and no key to an address of one’s own', async () => {
  await using upstream = await startUpstream();
  const variables = {
    ANTHROPIC_PROXY_BASE_URL: upstream.url,
    OPENROUTER_API_KEY: canary,
    REASONING_MODEL: 'a/thinks',
    COMPLETION_MODEL: 'b/writes',
  };
  const migrated = migrateOldVariables(variables)?.text;
  // As variables, and as the file that `cproxy config migrate` makes of them.
  for (const [env, text] of [
    [variables, undefined],
    [{}, migrated],
  ] as const) {
    const { endpoint } = await start(env, text);
    const before = upstream.requests.length;
    expect((await ask(endpoint)).status).toBe(200);
    expect((await ask(endpoint, { max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 2048 } })).status).toBe(
      200,
    );
    const [plain, thinking] = upstream.requests.slice(before);
    expect(plain?.path).toBe('/v1/chat/completions');
    expect([plain?.json, thinking?.json]).toMatchObject([{ model: 'b/writes' }, { model: 'a/thinks' }]);
    for (const request of upstream.requests.slice(before)) {
      expect(request.headers.authorization).toBeUndefined();
      expect(JSON.stringify(request.headers)).not.toContain('canary');
    }
    await engine?.stop();
    engine = null;
  }
});

it('asks for a token where the old set-up is not whole', async () => {
  const { endpoint } = await start({ OPENROUTER_API_KEY: canary, PORT: '3000' });
  const answer = await ask(endpoint);
  expect(answer.status).toBe(401);
  expect(await answer.text()).not.toContain('canary');
});
