import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withEngine } from '../../src-main/cli/control-client.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import type { LoadedConfig } from '../../src-main/config/load-config.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { readLock } from '../../src-main/config/lock-file.ts';
import { startEngine } from '../../src-main/engine.ts';
import { type Logger, silentLogger } from '../../src-main/observability/logger.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { contentOf } from '../helpers/answers.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Providers = NonNullable<ConfigInput['providers']>;
type Provider = Providers[number];

type Upstream = Awaited<ReturnType<typeof startUpstream>>;
const open: AsyncDisposable[] = [];
let a: Upstream;
let b: Upstream;
beforeEach(async () => {
  a = await startUpstream({ models: ['a1'] });
  b = await startUpstream({ models: ['b1'] });
  open.push(a, b);
});
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

async function start(config: ConfigInput, options: Parameters<typeof runEngine>[1] = {}): Promise<RunningEngine> {
  const running = await runEngine(config, { reloads: true, ...options });
  open.push(running);
  return running;
}

const providerA = (changes: Partial<Provider> = {}): Provider => ({
  id: 'a',
  type: 'anthropic-compatible',
  baseUrl: a.url,
  models: ['m'],
  ...changes,
});
const providerB = (changes: Partial<Provider> = {}): Provider => ({ ...providerA(changes), id: 'b', baseUrl: b.url });

const callsOf = async ({ engine }: RunningEngine) => createRouterClient(await engine.controlRouter());
const providerOf = (running: RunningEngine, id: string) =>
  running.engine.status().providers.find((provider) => provider.id === id);
const listings = ({ requests }: Upstream) => requests.filter(({ path: asked }) => asked.endsWith('/models'));

/** Which provider answers. */
async function whoAnswers(running: RunningEngine, model = 'm', headers: Record<string, string> = {}): Promise<string> {
  const answer = await running.ask(question('hello', { model }), { headers });
  await answer.text();
  return answer.ok ? (answer.headers.get('x-cproxy-provider') ?? '') : String(answer.status);
}

/** An answer of some length that takes its time. */
const LONG = Array.from({ length: 40 }, (_, index) => `word${index}`).join(' ');
const slowly = () => say(LONG, { fragment: 8, delayMs: 10 });

describe('a provider', () => {
  it('that is configured alike goes on, and another is made anew', async () => {
    const config = (weight: number): ConfigInput => ({
      providers: [providerA(), providerB({ weight })],
      routing: { circuit: { failures: 1 } },
    });
    const running = await start(config(1));
    const { circuits } = await callsOf(running);
    a.queue(fail(500));
    b.queue(fail(500));
    expect(await whoAnswers(running, 'a/m')).toBe('500');
    expect(await whoAnswers(running, 'b/m')).toBe('500');
    expect((await circuits.list()).map(({ provider }) => provider)).toEqual(['a', 'b']);
    const before = providerOf(running, 'a');

    expect(await running.reconfigure(config(2))).toMatchObject({ problems: [], afterRestart: [] });
    expect((await circuits.list()).map(({ provider }) => provider)).toEqual(['a']);
    expect(providerOf(running, 'a')).toEqual(before);
    expect(providerOf(running, 'b')?.health).toMatchObject({ state: 'unknown', attempts: 0 });
  });

  it('keeps its keys that rest', async () => {
    const config = (weight: number): ConfigInput => ({
      providers: [providerA({ key: 'env:KEY_A' }), providerB({ key: 'env:KEY_A', weight })],
    });
    const running = await start(config(1), { env: { KEY_A: 'sk-a-key-of-some-length' } });
    const resting = fail(429, { headers: { 'retry-after': '600' } });
    a.queue(resting);
    b.queue(resting);
    await whoAnswers(running, 'a/m');
    await whoAnswers(running, 'b/m');
    const states = () => running.engine.status().providers.map(({ keys }) => keys[0]?.state);
    expect(states()).toEqual(['cooling-down', 'cooling-down']);
    await running.reconfigure(config(2));
    await waitUntil('the key of b', () => states()[1] === 'ready');
    expect(states()).toEqual(['cooling-down', 'ready']);
  });

  it('keeps the list of models that was fetched, and another is asked for its own', async () => {
    const unlisted = ({ models: _, ...provider }: Provider): Provider => provider;
    const config = (weight: number): ConfigInput => ({
      providers: [unlisted(providerA()), unlisted(providerB({ weight }))],
      modelLists: { fetch: true },
    });
    const running = await start(config(1));
    await waitUntil('both lists', () => running.engine.status().providers.every(({ models }) => models.count === 1));
    expect([listings(a).length, listings(b).length]).toEqual([1, 1]);
    const fetchedAt = providerOf(running, 'b')?.models.fetchedAt ?? 0;

    await running.reconfigure(config(2));
    // What was kept of it stands until it has answered.
    expect(providerOf(running, 'b')?.models.ids).toEqual(['b1']);
    await waitUntil('the list of b', () => (providerOf(running, 'b')?.models.fetchedAt ?? 0) > fetchedAt);
    expect([listings(a).length, listings(b).length]).toEqual([1, 2]);
    expect(await whoAnswers(running, 'b1')).toBe('b');
  });

  it('is not probed again for a change elsewhere, and a changed one is, once', async () => {
    const config = (weight: number): ConfigInput => ({
      providers: [providerA(), providerB({ weight })],
      routing: { loadBalancing: { healthCheck: true } },
    });
    const running = await start(config(1));
    const healthy = () => running.engine.status().providers.every(({ health }) => health.state === 'healthy');
    await waitUntil('the first probes', healthy);
    const before = [a.requests.length, b.requests.length];
    await running.reconfigure(config(2));
    await waitUntil('the probe of b', () => b.requests.length > (before[1] ?? 0) && healthy());
    expect([a.requests.length, b.requests.length]).toEqual([before[0], (before[1] ?? 0) + 1]);
  });

  it('keeps the homes of conversations, which follow their target into the next configuration', async () => {
    const config = (weight: number): ConfigInput => ({
      providers: [providerA({ priority: 1 }), providerB({ priority: 2, weight })],
    });
    const running = await start(config(1));
    const session = { 'x-claude-code-session-id': crypto.randomUUID() };
    a.queue(fail(500));
    expect(await whoAnswers(running, 'm', session)).toBe('b');
    await running.reconfigure(config(2));
    expect(await whoAnswers(running, 'm', session)).toBe('b');
    expect(await whoAnswers(running)).toBe('a');
  });
});

describe('requests under way', () => {
  it('get their whole answer from a provider that is gone', async () => {
    const running = await start({ providers: [providerA(), providerB()] });
    a.queue(slowly());
    const answer = running.ask(question('hello', { model: 'a/m', stream: true })).then((response) => response.text());
    await a.waitFor(1);
    await running.reconfigure({ providers: [providerB()] });
    expect(await whoAnswers(running, 'm')).toBe('b');
    expect(contentOf(await answer)).toEqual([{ type: 'text', text: LONG }]);
    expect(running.engine.status().providers.map(({ id }) => id)).toEqual(['b']);
  });

  it('keep their plan: what it leads to next may be gone as well, and nothing is learned of who has the name now', async () => {
    const gate = Promise.withResolvers<void>();
    const providers = [providerA({ priority: 1 }), providerB({ priority: 2 })];
    const running = await start({ providers, routing: { circuit: { failures: 1 } } });
    a.script(async () => {
      await gate.promise;
      return fail(500);
    });
    const answer = running.ask(question());
    await a.waitFor(1);
    // `a` is another now, and `b` is none.
    await running.reconfigure({ providers: [providerA({ weight: 7 })], routing: { circuit: { failures: 1 } } });
    gate.resolve();
    const response = await answer;
    expect([response.status, response.headers.get('x-cproxy-provider')]).toEqual([200, 'b']);
    await response.text();
    const { circuits } = await callsOf(running);
    expect(await circuits.list()).toEqual([]);
    expect(providerOf(running, 'a')?.health.attempts).toBe(0);
  });

  it('all succeed while the configuration changes again and again', async () => {
    const running = await start({ providers: [providerA()] });
    let changing = true;
    let answered = 0;
    const asking = Array.from({ length: 4 }, async () => {
      while (changing) {
        expect(await whoAnswers(running, 'm')).not.toMatch(/^\d/);
        answered += 1;
      }
    });
    for (let round = 0; round < 15; round += 1) {
      const state = await running.reconfigure({
        providers: round % 3 === 0 ? [providerA({ weight: round + 1 })] : [providerB(), providerA()],
        aliases: { [`alias-${round}`]: 'a/m' },
      });
      expect(state.problems).toEqual([]);
    }
    changing = false;
    await Promise.all(asking);
    expect(answered).toBeGreaterThan(15);
  });
});

it('warnings are those of the configuration in force, once each', async () => {
  const warnings = (running: RunningEngine, about: string) =>
    running.engine.status().warnings.filter((warning) => warning.includes(about));
  const running = await start({ providers: [providerA()], aliases: { mine: 'nobody/m' } });
  await writeFile(path.join(running.home, 'config.yaml'), '');
  expect(warnings(running, 'nobody/m')).toHaveLength(1);
  await running.reconfigure({ providers: [providerA()] });
  expect(warnings(running, 'nobody/m')).toEqual([]);
  expect(warnings(running, 'is not read')).toHaveLength(1);
});

it('a change of the file is in force by itself', async () => {
  const running = await start({ providers: [providerA()] });
  const file = path.join(running.home, 'config.json');
  const written = await readFile(file, 'utf8');
  await writeFile(file, JSON.stringify({ ...JSON.parse(written), aliases: { mine: 'a/m' } }));
  await waitUntil('the alias', () => 'mine' in running.engine.status().aliases);
  expect(await whoAnswers(running, 'mine')).toBe('a');
});

describe('a configuration that cannot be used', () => {
  it('changes nothing, and says why', async () => {
    const config: ConfigInput = { providers: [providerA()], aliases: { mine: 'a/m' } };
    const running = await start(config);
    const before = running.engine.status();
    await writeFile(path.join(running.home, 'config.json'), '{ "providers": [{ "id": "a", "type": "nonsense" }] }');
    const { config: files } = await callsOf(running);
    const state = await files.reload();
    expect(state.problems.join()).toContain('providers[0].type');
    expect(state.version).toBe(before.config.version);
    expect(running.engine.status()).toMatchObject({ aliases: { mine: ['a/m'] }, config: { problems: state.problems } });
    expect(await whoAnswers(running, 'mine')).toBe('a');
    expect(await running.reconfigure(config)).toMatchObject({ problems: [], version: before.config.version });
  });

  it('also where only a provider cannot be made: the port does not move either', async () => {
    const running = await runEngine({ providers: [providerA()] });
    await running.engine.stop();
    const env = { CPROXY_HOME: running.home };
    const folders = resolveFolders(env);
    const first = loadConfig({ env, folders });
    const [provider] = first.config.providers;
    if (provider === undefined) throw new Error('there is no provider');
    // No file gets so far: the schema asks for an address.
    const { baseUrl: _, ...unmade } = provider;
    const second: LoadedConfig = {
      ...first,
      config: {
        ...first.config,
        server: { ...first.config.server, port: 1, auth: 'none' },
        providers: [{ ...provider, id: 'new' }, unmade],
      },
    };
    const engine = await startEngine({
      ...{ loaded: first, load: async () => second, folders, env, host: 'headless', log: silentLogger, uiFolder: null },
    });
    const before = engine.status();
    const state = await createRouterClient(await engine.controlRouter()).config.reload();
    expect(state.problems.join()).toContain('has no baseUrl');
    const { endpoint, auth, providers } = engine.status();
    expect({ endpoint, auth, providers }).toEqual({
      endpoint: before.endpoint,
      auth: 'token',
      providers: before.providers,
    });
    await engine.stop();
    await rm(running.home, { recursive: true, force: true });
  });
});

describe('settings', () => {
  it('of who is let in: token and none, hosts, origins, the size of bodies', async () => {
    const providers = [providerA()];
    const running = await start({ providers });
    const post = (headers: Record<string, string> = {}, text = 'hello') =>
      fetch(`${running.engine.endpoint}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(question(text)),
      }).then(({ status }) => status);
    const origin = { origin: 'https://page.example' };
    expect(await post()).toBe(401);
    await running.reconfigure({ providers, server: { auth: 'none', allowedOrigins: [origin.origin] } });
    expect(await post()).toBe(200);
    expect(await post(origin)).toBe(200);
    await running.reconfigure({ providers, server: { auth: 'none', bodyLimitBytes: 1000 } });
    expect(await post(origin)).toBe(403);
    expect(await post({}, 'x'.repeat(2000))).toBe(413);
    await running.reconfigure({ providers });
    expect(await post({}, 'x'.repeat(2000))).toBe(401);
    expect(await whoAnswers(running)).toBe('a');
  });

  it('of rules: their headers are looked at as soon as one asks for them', async () => {
    const providers = [providerA({ priority: 1 }), providerB({ priority: 2 })];
    const running = await start({ providers });
    const team = { team: 'red' };
    expect(await whoAnswers(running, 'm', team)).toBe('a');
    const rules = [{ id: 'red', when: { headers: { Team: 'red' } }, use: { targets: ['b/m'] } }];
    await running.reconfigure({ providers, routing: { rules } });
    expect(await whoAnswers(running, 'm', team)).toBe('b');
    expect(await whoAnswers(running, 'm', { team: 'blue' })).toBe('a');
    const { routing } = await callsOf(running);
    expect((await routing.view()).rules.map(({ id }) => id)).toContain('red');
    await running.reconfigure({ providers });
    expect(await whoAnswers(running, 'm', team)).toBe('a');
  });

  it('of failover and pings', async () => {
    const providers = [providerA({ priority: 1 }), providerB({ priority: 2 })];
    const running = await start({ providers, routing: { affinity: { enabled: false } } });
    a.script(() => fail(500));
    expect(await whoAnswers(running)).toBe('b');
    await running.reconfigure({ providers, routing: { loadBalancing: { failover: false } } });
    expect(await whoAnswers(running)).toBe('500');

    await running.reconfigure({ providers: [providerB()], server: { pingMs: 20 }, routing: { holdMs: 20 } });
    b.queue(say('late', { headerDelayMs: 120 }));
    const text = await (await running.ask(question('x', { stream: true }))).text();
    expect(text).toContain('event: ping');
    expect(contentOf(text)).toEqual([{ type: 'text', text: 'late' }]);
  });

  it('of circuits, probes and lists of models', async () => {
    const { models: _, ...provider } = providerA();
    const running = await start({ providers: [provider], routing: { circuit: { enabled: false } } });
    const { circuits } = await callsOf(running);
    a.queue(fail(500));
    await whoAnswers(running, 'a/m');
    expect(await circuits.list()).toEqual([]);
    expect(listings(a)).toHaveLength(0);

    const watched = { circuit: { failures: 1 }, loadBalancing: { healthCheck: true } };
    await running.reconfigure({ providers: [provider], routing: watched, modelLists: { fetch: true } });
    await waitUntil('its list', () => providerOf(running, 'a')?.models.ids[0] === 'a1');
    await waitUntil('its probe', () => providerOf(running, 'a')?.health.checkedAt !== null);
    a.queue(fail(500));
    await whoAnswers(running, 'a/m');
    expect(await circuits.list()).toHaveLength(1);
  });

  it('of the log: its level changes, and a line says what has changed, without secrets', async () => {
    const lines: string[] = [];
    const levels: string[] = [];
    const add =
      (level: string) =>
      (message: string, fields: Record<string, unknown> = {}) =>
        void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    const log: Logger = {
      ...{ error: add('error'), warn: add('warn'), info: add('info'), debug: add('debug') },
      follow: ({ level }) => void levels.push(level),
    };
    const running = await start({ providers: [providerA(), providerB()] }, { log });
    await whoAnswers(running);
    expect(lines.filter((line) => line.startsWith('debug'))).toEqual([]);

    const secret = 'gw-canary-4711-of-a-gateway';
    const ofRule = 'team-canary-4712-of-a-rule';
    const change = { headers: { 'x-team-key': ofRule } };
    const rules = [{ id: 'cheap', when: { model: 'x' }, use: { targets: ['a/m'], change } }];
    const next: ConfigInput = {
      providers: [providerA({ headers: { 'x-gateway-key': secret } }), { ...providerB(), id: 'c' }],
      logging: { level: 'debug' },
      routing: { rules },
    };
    await running.reconfigure(next);
    expect(levels.at(-1)).toBe('debug');
    expect(lines.filter((line) => line.includes('has changed'))).toEqual([
      'info The configuration has changed: provider c added; provider a changed; provider b removed; rule cheap added; logging.level {}',
    ]);
    a.queue(fail(400, { message: `bad key ${secret} of ${ofRule}` }));
    await whoAnswers(running, 'a/m');
    await whoAnswers(running);
    expect(lines.some((line) => line.startsWith('debug Request answered'))).toBe(true);
    const { config, requests } = await callsOf(running);
    const shown = JSON.stringify([lines, await config.view(), running.engine.status(), await requests.list({})]);
    expect(shown).toContain('[redacted]');
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(ofRule);
  });

  it('that are read once are said to wait for the next start, until they are as they were', async () => {
    const running = await start({ providers: [providerA()] });
    const state = await running.reconfigure({
      providers: [providerA()],
      conversations: { keep: 'memory' },
      secrets: { store: 'file' },
      aliases: { mine: 'a/m' },
    });
    expect(state.problems).toEqual([]);
    expect(state.afterRestart).toEqual([
      expect.stringMatching(/^secrets\.store: until CProxy is started again, keys are kept in /),
      'conversations.keep: until CProxy is started again, conversations are remembered as before.',
    ]);
    expect(running.engine.status().config.afterRestart).toEqual(state.afterRestart);
    expect(await whoAnswers(running, 'mine')).toBe('a');
    expect((await running.reconfigure({ providers: [providerA()] })).afterRestart).toEqual([]);
  });
});

describe('what is known of another server', () => {
  it('is forgotten with its address, and stays where only its place in the order has changed', async () => {
    const config = (changes: Partial<Provider>): ConfigInput => ({
      providers: [providerA(changes), { ...providerB(), models: ['m'] }],
      routing: { loadBalancing: { strategy: 'learned' } },
    });
    const running = await start(config({}));
    for (let count = 0; count < 6; count += 1) await whoAnswers(running, 'a/m');
    const { routing } = await callsOf(running);
    const whyOfA = async () => {
      const { results } = await routing.simulate({ facts: { model: 'm' } });
      const candidates = results[0]?.explanation?.candidates ?? [];
      return candidates.find(({ provider }) => provider === 'a')?.why;
    };
    const learned = await whyOfA();
    await running.reconfigure(config({ priority: 50 }));
    expect(await whyOfA()).toBe(learned);
    await running.reconfigure(config({ priority: 50, baseUrl: b.url }));
    expect(await whyOfA()).not.toBe(learned);
  });
});

describe('stopping', () => {
  it('ends a start that is under way', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cproxy-test-'));
    const { data } = resolveFolders({ CPROXY_HOME: home });
    // A keychain that waits for its user.
    const secrets = { ...memoryStore(), get: () => new Promise<null>(() => undefined) };
    const starting = start({ providers: [providerA({ key: 'keychain:a' })] }, { home, secrets });
    await waitUntil('it to listen', () => readLock(data)?.endpoint != null);
    const stopped = await withEngine(data, ({ engine }) => engine.stop());
    expect(stopped?.result).toEqual({ stopping: true });
    const { engine } = await starting;
    await engine.stopped;
    expect(engine.status().state).toBe('stopped');
    await rm(home, { recursive: true });
  });

  it('waits for a reload that is under way, and none comes after it', async () => {
    const running = await start({ providers: [providerA()] });
    const reloading = running.reconfigure({ providers: [providerA(), providerB()] });
    await Promise.all([reloading, running.engine.stop()]);
    expect(readLock(resolveFolders({ CPROXY_HOME: running.home }).data)).toBeNull();
  });
});
