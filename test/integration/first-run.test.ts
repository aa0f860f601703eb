import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureFolders, type Folders, resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { withLocalServers } from '../../src-main/first-run.ts';
import type { LocalServer } from '../../src-main/providers/found-servers.ts';
import { closedPort, type OtherScript, raw, startUpstream } from '../helpers/scriptable-upstream.ts';

let home: string;
let folders: Folders;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-test-'));
  env = { CPROXY_HOME: home };
  folders = resolveFolders(env);
  ensureFolders(folders);
});
afterEach(() => rm(home, { recursive: true, force: true }));

const ollama = (baseUrl: string): LocalServer => ({ type: 'ollama', name: 'Ollama', baseUrl });
const lmstudio = (baseUrl: string): LocalServer => ({ type: 'lmstudio', name: 'LM Studio', baseUrl });
const listing =
  (lists: Readonly<Record<string, unknown>>): OtherScript =>
  ({ path: asked }) =>
    raw(lists[asked] === undefined ? 404 : 200, JSON.stringify(lists[asked] ?? { error: 'not found' }));
const load = (servers: readonly LocalServer[], variables: NodeJS.ProcessEnv = {}) =>
  withLocalServers(loadConfig({ env: { ...env, ...variables }, folders }), servers);

it('finds the servers that run on this machine, and says so', async () => {
  await using one = await startUpstream({ other: listing({ '/api/tags': { models: [{ name: 'qwen3:8b' }] } }) });
  await using two = await startUpstream({ other: listing({ '/api/v0/models': { data: [{ id: 'm', type: 'llm' }] } }) });
  const { config, sources } = await load([ollama(one.url), lmstudio(two.url)]);
  expect(config.providers).toMatchObject([
    { id: 'ollama', type: 'ollama', name: 'Ollama', baseUrl: one.url, enabled: true },
    { id: 'lmstudio', type: 'lmstudio', name: 'LM Studio', baseUrl: two.url, enabled: true },
  ]);
  expect(sources).toEqual([
    `provider 'ollama' was found because Ollama answers at ${one.url}`,
    `provider 'lmstudio' was found because LM Studio answers at ${two.url}`,
  ]);
});

it('leaves alone what has no models, what is something else, and what does not answer in time', async () => {
  await using empty = await startUpstream({ other: listing({ '/api/tags': { models: [] } }) });
  await using page = await startUpstream({ other: () => raw(200, '<html>hello</html>') });
  await using silent = await startUpstream({ other: () => ({ kind: 'hang' }) });
  const nothing = `http://127.0.0.1:${await closedPort()}`;
  const { config, sources } = await load([
    ollama(empty.url),
    ollama(page.url),
    ollama(silent.url),
    lmstudio(page.url),
    lmstudio(nothing),
  ]);
  expect(config.providers).toEqual([]);
  expect(sources).toEqual([`Ollama answers at ${empty.url}, but has no models, so it is no provider yet`]);
});

it('finds them beside providers whose keys are in the environment', async () => {
  await using one = await startUpstream({ other: listing({ '/api/tags': { models: [{ name: 'qwen3:8b' }] } }) });
  const { config } = await load([ollama(one.url)], { ANTHROPIC_API_KEY: 'sk-ant-x' });
  expect(config.providers.map(({ id }) => id)).toEqual(['anthropic', 'ollama']);
});

it('asks nobody where the configuration names providers, or wants no lists fetched', async () => {
  await using one = await startUpstream({ other: listing({ '/api/tags': { models: [{ name: 'qwen3:8b' }] } }) });
  const withoutLists = await load([ollama(one.url)], { CPROXY_MODEL_LISTS__FETCH: 'false' });
  expect(withoutLists.config.providers).toEqual([]);
  const file = path.join(folders.config, 'config.json');
  await writeFile(file, JSON.stringify({ providers: [{ id: 'mine', type: 'vllm' }] }));
  const named = await load([ollama(one.url)]);
  expect(named.config.providers.map(({ id }) => id)).toEqual(['mine']);
  expect(one.requests).toEqual([]);
});
