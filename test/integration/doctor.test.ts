import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import packageFile from '../../package.json' with { type: 'json' };
import { withEngine } from '../../src-main/cli/control-client.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import type { Check } from '../../src-main/doctor/check.ts';
import { diagnose } from '../../src-main/doctor/diagnose.ts';
import { type PrivateEngine, startPrivateEngine } from '../../src-main/doctor/private-engine.ts';
import { runTrials } from '../../src-main/doctor/run-trials.ts';
import { estimateTrials } from '../../src-main/doctor/trial-cost.ts';
import { selectTargets, type TrialTarget } from '../../src-main/doctor/trial-target.ts';
import { type TrialId, trialIds, type Verdict } from '../../src-main/doctor/trials.ts';
import { type SecretStore, storeFailed } from '../../src-main/secrets/secret-store.ts';
import { TokenStore } from '../../src-main/secrets/token-store.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { noBackground } from '../helpers/no-background.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  callTools,
  close,
  closedPort,
  fail,
  hang,
  inPieces,
  type ScriptableUpstream,
  say,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { triedModel } from '../helpers/tried-model.ts';
import { answer } from '../helpers/upstream/step.ts';

const canary = 'sk-canary-5b1e7d-must-stay-inside';

let home: string;
let upstream: ScriptableUpstream;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-doctor-test-'));
  upstream = await startUpstream({ models: ['model-a', 'model-b'] });
});
afterEach(async () => {
  await upstream.close();
  await rm(home, { recursive: true, force: true });
});

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

/** A provider at the upstream, that speaks what OpenAI's Chat Completions is. */
const chatProvider = (rest: Partial<ProviderInput> = {}): ProviderInput => ({
  id: 'local',
  type: 'openai-compatible',
  baseUrl: upstream.url,
  models: ['model-a'],
  key: 'env:LOCAL_KEY',
  ...rest,
});

interface Trying {
  engine: PrivateEngine;
  targets: TrialTarget[];
}

async function withTargets<T>(config: ConfigInput, action: (trying: Trying) => Promise<T>): Promise<T> {
  const env = { CPROXY_HOME: home, LOCAL_KEY: canary };
  const folders = resolveFolders(env);
  await writeFile(path.join(home, 'config.json'), JSON.stringify(config));
  const loaded = loadConfig({ env, folders });
  const engine = await startPrivateEngine({ loaded, folders, env, secrets: memoryStore() });
  try {
    const known = await Promise.all(
      loaded.config.providers.map(async (provider) => ({
        config: provider,
        models: (await engine.control.models.list({ provider: provider.id })).models,
      })),
    );
    const { targets } = selectTargets(known, loaded.config, { ids: [], pattern: null });
    return await action({ engine, targets });
  } finally {
    await engine.stop();
  }
}

async function tryOut(
  config: ConfigInput,
  {
    only,
    signal = new AbortController().signal,
    limitMs = 5_000,
  }: { only?: TrialId[]; signal?: AbortSignal; limitMs?: number } = {},
): Promise<Partial<Record<TrialId, Verdict>>> {
  const results = await withTargets(config, ({ engine, targets }) =>
    runTrials({ engine, targets, only, atOnce: 2, signal, limitMs }),
  );
  // Nothing of what anybody says has a key in it.
  expect(JSON.stringify(results.map(({ verdicts }) => verdicts))).not.toContain(canary);
  const [first] = results;
  if (first === undefined) throw new Error('nothing was tried');
  return first.verdicts;
}

const statesOf = (verdicts: Partial<Record<TrialId, Verdict>>) =>
  Object.fromEntries(trialIds.map((id) => [id, verdicts[id]?.state]));

const everywhere = (state: Verdict['state'], but: Partial<Record<TrialId, Verdict['state']>> = {}) => ({
  ...Object.fromEntries(trialIds.map((id) => [id, state])),
  ...but,
});

describe('trials of a model', () => {
  it.each<[string, () => ProviderInput]>([
    ['Chat Completions', () => chatProvider()],
    ['Responses', () => chatProvider({ protocols: ['openai-responses'] })],
    ["Anthropic's dialect", () => chatProvider({ type: 'anthropic-compatible' })],
    ["Ollama's dialect", () => chatProvider({ type: 'ollama' })],
  ])('all are well with a model that does all of it, in %s', async (_name, provider) => {
    upstream.script(triedModel());
    const verdicts = await tryOut({ providers: [provider()] });
    expect(statesOf(verdicts)).toEqual(everywhere('ok'));
    expect(upstream.asked).toHaveLength(9);
  });

  it.each([1, 2, 3, 4])('all are well however answers are cut into pieces (%i)', async (seed) => {
    const model = triedModel();
    upstream.script((request) => {
      const step = model(request);
      return step.kind === 'answer' && request.streamed ? { ...step, wire: inPieces(seed) } : step;
    });
    const verdicts = await tryOut({ providers: [chatProvider({ type: 'anthropic-compatible' })] });
    expect(statesOf(verdicts)).toEqual(everywhere('ok'));
  });

  it.each<[string, TrialId, Parameters<typeof triedModel>[0], Verdict['state'], RegExp, RegExp | null]>([
    ['no text', 'plain', { plain: say('') }, 'fail', /without any text|empty answer/, null],
    [
      'no usage',
      'plain',
      { plain: answer([{ type: 'text', text: 'OK' }], { usage: null }) },
      'warn',
      /no token counts/,
      /asksStreamUsage: true/,
    ],
    [
      'an error of the server',
      'plain',
      { plain: fail(500, { message: 'out of memory' }) },
      'fail',
      /out of memory/,
      null,
    ],
    ['a reset connection', 'streaming', { streaming: close() }, 'fail', /could not be reached|ended the answer/, null],
    [
      'a stream that is cut',
      'streaming',
      { streaming: say('one, two, three, four, five, six', { breakAfter: { frames: 2, how: 'reset' } }) },
      'fail',
      /before it was finished/,
      null,
    ],
    [
      'a stream in one piece',
      'streaming',
      { streaming: say('one, two, three, four', { fragment: 1_000 }) },
      'warn',
      /in one piece/,
      null,
    ],
    [
      'no tool call',
      'tools',
      { tools: say('It is sunny.') },
      'fail',
      /called no tool/,
      /capabilities: \{ tools: false \}/,
    ],
    [
      'arguments that are no JSON',
      'tools',
      { tools: callTools([{ name: 'get_weather', input: '{"city": Bergen' }]) },
      'fail',
      /are no JSON/,
      null,
    ],
    [
      'arguments without the city',
      'tools',
      { tools: callTools([{ name: 'get_weather', input: {} }]) },
      'warn',
      /without its argument/,
      null,
    ],
    [
      'a tool that nobody offered',
      'tools',
      { tools: callTools([{ name: 'search', input: {} }]) },
      'fail',
      /not offered/,
      null,
    ],
    [
      'tools refused',
      'tools',
      { tools: fail(400, { message: 'tools are not supported' }) },
      'fail',
      /not supported/,
      /tools: false/,
    ],
    [
      'one call of two',
      'parallel',
      { parallel: callTools([{ name: 'get_weather', input: { city: 'Bergen' } }]) },
      'warn',
      /one tool where two/,
      /parallelTools: false/,
    ],
    ['a result that is not used', 'result', { result: say('I do not know.') }, 'warn', /does not use the result/, null],
    [
      'a call instead of an answer',
      'result',
      { result: callTools([{ name: 'get_weather', input: { city: 'Bergen' } }]) },
      'warn',
      /once more/,
      null,
    ],
    ['no thinking', 'thinking', { thinking: say('0.05') }, 'warn', /no thinking came/, /reasoning: false/],
    [
      'pictures refused',
      'images',
      { images: fail(400, { message: 'image input is not supported' }) },
      'fail',
      /not supported/,
      /vision: false/,
    ],
    [
      'a picture that is not seen',
      'images',
      { images: say('I cannot see pictures.') },
      'warn',
      /shown a red square/,
      /vision: false/,
    ],
    [
      'a prompt that is cut',
      'long',
      { long: answer([{ type: 'text', text: 'Which log?' }], { usage: { input: 2_048, output: 3 } }) },
      'fail',
      /leaves the beginning out/,
      /contextWindow: 2048/,
    ],
    [
      'another form',
      'structured',
      { structured: say('Three red apples.') },
      'warn',
      /not in the form/,
      /structuredOutput: false/,
    ],
  ])('%s', async (_name, trial, otherwise, state, found, configuration) => {
    upstream.script(triedModel(otherwise));
    const only: TrialId[] = trial === 'result' ? ['tools', 'result'] : [trial];
    const verdict = (await tryOut({ providers: [chatProvider()] }, { only }))[trial];
    expect(verdict).toMatchObject({ state, found: expect.stringMatching(found) });
    const lines = verdict?.configuration.join('\n') ?? '';
    if (configuration === null) expect(lines).toBe('');
    else expect(lines).toMatch(configuration);
  });

  it('a model that gives no plain answer is tried no further, and a key in its words is not shown', async () => {
    upstream.script(() => fail(401, { message: `the key ${canary} is not known` }));
    const verdicts = await tryOut({ providers: [chatProvider()] });
    expect(statesOf(verdicts)).toEqual(everywhere('left', { plain: 'fail' }));
    expect(verdicts.plain).toMatchObject({
      found: expect.stringContaining('refused its API key'),
      advice: expect.stringContaining('keys set local'),
    });
    expect(upstream.asked).toHaveLength(1);
    expect(upstream.asked[0]?.headers.authorization).toBe(`Bearer ${canary}`);
  });

  it('what a model is said not to offer is not tried, unless it is named; then what works is told', async () => {
    upstream.script(triedModel());
    const config: ConfigInput = {
      providers: [chatProvider({ capabilities: { tools: false, vision: false } })],
    };
    expect(statesOf(await tryOut(config))).toEqual(
      everywhere('ok', { tools: 'none', parallel: 'none', result: 'none', images: 'none' }),
    );
    const named = await tryOut(config, { only: ['images'] });
    expect(named.images).toMatchObject({
      state: 'warn',
      configuration: [
        'providers:',
        '  - id: local',
        '    models:',
        '      - { id: "model-a", capabilities: { vision: true } }',
      ],
    });
  });

  it('an answer that does not come is given up after its time', async () => {
    upstream.script(() => hang());
    const verdicts = await tryOut({ providers: [chatProvider()] }, { limitMs: 50, only: ['plain'] });
    expect(verdicts.plain).toMatchObject({ state: 'fail', found: expect.stringMatching(/No answer within/) });
  });

  it('once stopped, it ends with what there is', async () => {
    const stop = new AbortController();
    const model = triedModel();
    upstream.script((request) => {
      if (!request.text.includes('one to thirty')) return model(request);
      stop.abort();
      return hang();
    });
    const verdicts = await tryOut({ providers: [chatProvider()] }, { signal: stop.signal });
    expect(verdicts.plain?.state).toBe('ok');
    expect(verdicts.streaming).toMatchObject({ state: 'left', found: 'stopped' });
    expect(Object.keys(verdicts)).toHaveLength(trialIds.length);
  });

  it('a server of one’s own is asked one thing at a time', async () => {
    const model = triedModel();
    let running = 0;
    let most = 0;
    upstream.script(async (request) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return model(request);
    });
    await tryOut({ providers: [chatProvider()] });
    expect(most).toBe(1);
  });

  it('rules, aliases and other targets of the user have no say, and nothing is asked twice', async () => {
    upstream.script(() => fail(503));
    const verdicts = await tryOut({
      providers: [chatProvider(), chatProvider({ id: 'other' })],
      aliases: { 'local/model-a': ['other/model-a'] },
      routing: { rules: [{ id: 'all', use: { targets: ['other/model-a'] } }], defaultProvider: 'other' },
    });
    expect(verdicts.plain?.state).toBe('fail');
    // One of each provider.
    expect(upstream.asked).toHaveLength(2);
  });

  it('leaves nothing behind', async () => {
    const before = await readdir(tmpdir());
    upstream.script(triedModel());
    await tryOut({ providers: [chatProvider()] });
    const left = (await readdir(tmpdir())).filter(
      (name) => !before.includes(name) && /^cproxy-doctor-\w{6}$/.test(name),
    );
    expect(left).toEqual([]);
    expect(await readdir(home)).toEqual(['config.json']);
  });
});

describe('what trials cost', () => {
  it('is told by the prices that are known', async () => {
    await withTargets(
      {
        providers: [
          chatProvider({
            models: [{ id: 'model-a', price: { input: 1, output: 10 }, capabilities: { reasoning: false } }],
          }),
          chatProvider({ id: 'elsewhere', baseUrl: 'https://models.example', models: ['nobody-knows'] }),
        ],
      },
      async ({ targets }) => {
        const [known, unknown] = estimateTrials(targets, ['tools', 'parallel']);
        expect(known).toMatchObject({ provider: 'local', calls: 2, inputTokens: 310, outputTokens: 120, unpriced: [] });
        expect(known?.dollars).toBeCloseTo((310 + 1_200) / 1e6, 9);
        expect(known?.mostDollars).toBeCloseTo((310 + 2 * 20_480) / 1e6, 9);
        expect(unknown).toMatchObject({ dollars: null, unpriced: ['elsewhere/nobody-knows'] });
      },
    );
    expect(upstream.requests).toEqual([]);
  });
});

describe('checks without cost', () => {
  const look = async (
    config: ConfigInput | string,
    around: { running?: RunningEngine; secrets?: SecretStore; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Check[]> => {
    const { running } = around;
    const env = { ...around.env, CPROXY_HOME: running?.home ?? home };
    const folders = resolveFolders(env);
    if (running === undefined)
      await writeFile(path.join(home, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
    const found = await diagnose({
      env,
      folders,
      version: packageFile.version,
      command: 'cproxy',
      load: async () => loadConfig({ env, folders }),
      withEngine: (action) => withEngine(folders.data, action),
      clients: async () => [],
      secrets: around.secrets ?? memoryStore(),
    });
    expect(JSON.stringify(found)).not.toContain(canary);
    return found.flatMap(({ checks }) => checks);
  };
  const checkOf = (checks: readonly Check[], name: string): Check => {
    const found = checks.find((check) => check.name === name);
    if (found === undefined)
      throw new Error(`no check '${name}' among ${checks.map((check) => check.name).join(', ')}`);
    return found;
  };
  const quiet: ConfigInput = { server: { port: 0 }, modelLists: { fetch: false } };

  it('where no engine runs: providers are asked by an engine of their own', async () => {
    const checks = await look(
      {
        ...quiet,
        providers: [chatProvider(), chatProvider({ id: 'gone', baseUrl: `http://127.0.0.1:${await closedPort()}` })],
      },
      { env: { LOCAL_KEY: canary } },
    );
    expect(checkOf(checks, 'engine')).toMatchObject({ state: 'amber', found: 'CProxy is not running.' });
    expect(checkOf(checks, 'key store').state).toBe('green');
    expect(checkOf(checks, 'local')).toMatchObject({
      state: 'green',
      found: `${upstream.url}/ answers; 1 model; key env:LOCAL_KEY.`,
    });
    expect(checkOf(checks, 'gone').state).not.toBe('green');
    expect(upstream.asked).toEqual([]);
    // Nothing was made in the user's folders.
    expect(await readdir(home)).toEqual(['config.json']);
  });

  it('a key that is missing is told once, with what to do', async () => {
    const checks = await look({ ...quiet, providers: [chatProvider()] });
    expect(checks.filter(({ name }) => name === 'local')).toEqual([
      expect.objectContaining({ state: 'red', found: expect.stringContaining('LOCAL_KEY') }),
    ]);
  });

  it('where an engine runs: it is asked itself, and its doors are tried', async () => {
    await using running = await runEngine({ providers: [chatProvider()] }, { env: { LOCAL_KEY: canary } });
    const checks = await look('', { running });
    for (const name of ['engine', 'version', 'client tokens', 'with a token', 'without a token', 'web pages', 'local'])
      expect(checkOf(checks, name)).toMatchObject({ name, state: 'green', advice: null });
    // The token of the trial is gone.
    expect(checkOf(checks, 'client tokens').found).toBe('There is 1.');
    expect(TokenStore.open(path.join(running.home, 'data')).list()).toHaveLength(1);
  });

  it('where the configuration is broken: it is told with its place, and the rest is looked at', async () => {
    const checks = await look('{\n  "server": { "port": "x" }\n}');
    expect(checkOf(checks, 'configuration')).toMatchObject({
      state: 'red',
      found: expect.stringMatching(/config\.json:2:\d+ server\.port: /),
    });
    for (const name of ['Node', 'data folder', 'disk space', 'engine', 'client tokens']) checkOf(checks, name);
    expect(checkOf(checks, 'key store').state).toBe('skipped');
    expect(checkOf(checks, 'providers').state).toBe('skipped');
  });

  it('where an engine runs and the file has been broken since: what runs is asked all the same', async () => {
    await using running = await runEngine({ providers: [chatProvider()] }, { env: { LOCAL_KEY: canary } });
    await writeFile(path.join(running.home, 'config.json'), '{ "server": 1 }');
    const checks = await look('', { running });
    expect(checkOf(checks, 'configuration').state).toBe('red');
    expect(checkOf(checks, 'in force')).toMatchObject({ state: 'amber' });
    expect(checkOf(checks, 'local').state).toBe('green');
  });

  it('a locked keychain is wrong only where a provider has its key there', async () => {
    const locked: SecretStore = {
      ...memoryStore(),
      get: async () => {
        throw storeFailed("The system's keychain is locked.");
      },
    };
    const unused = await look(
      { ...quiet, providers: [chatProvider({ models: ['model-a'], key: 'env:LOCAL_KEY' })] },
      { secrets: locked },
    );
    expect(checkOf(unused, 'key store').state).toBe('amber');
    const used = await look({ ...quiet, providers: [chatProvider({ key: 'keychain:work' })] }, { secrets: locked });
    expect(checkOf(used, 'key store')).toMatchObject({
      state: 'red',
      found: "The system's keychain is locked.",
      advice: "It holds the keys of 'local'.",
    });
  });

  it('a store that keeps nothing is noticed, and nothing of the trial stays in one that does', async () => {
    const store = memoryStore();
    const forgetful: SecretStore = { ...store, set: async () => null };
    expect(checkOf(await look(quiet, { secrets: forgetful }), 'key store').state).toBe('amber');
    expect(checkOf(await look(quiet, { secrets: store }), 'key store').state).toBe('green');
    expect(await store.list()).toEqual([]);
  });

  it('a port that is taken names who has it', async () => {
    const checks = await look({ ...quiet, server: { port: upstream.port } });
    expect(checkOf(checks, 'port')).toMatchObject({
      state: 'red',
      found: expect.stringContaining(`Port ${upstream.port} on 127.0.0.1 is taken by `),
    });
  });
});

describe('cproxy doctor', () => {
  const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
  const start = (args: readonly string[]) => {
    const { PATH, SystemRoot } = process.env;
    return spawn(process.execPath, [program, 'doctor', ...args], {
      env: { PATH, SystemRoot, HOME: home, CPROXY_HOME: home, LOCAL_KEY: canary, ...noBackground },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };
  const run = async (
    args: readonly string[],
    onErr: (text: string, child: ReturnType<typeof start>) => void = () => undefined,
  ) => {
    const child = start(args);
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      onErr(err, child);
    });
    const [code] = await once(child, 'close');
    expect(out + err).not.toContain(canary);
    return { code, out, err };
  };
  const configure = (...providers: ProviderInput[]) =>
    writeFile(path.join(home, 'config.json'), JSON.stringify({ server: { port: 0 }, providers }));

  it('prints sections, says what to do, and ends with counts', async () => {
    await configure(chatProvider());
    const { code, out } = await run([]);
    expect(code).toBe(0);
    expect(out).toMatch(/^This machine\n {2}\+ ok {7}Node: /);
    expect(out).toContain('~ look     engine: CProxy is not running.');
    expect(out).toContain('> `cproxy serve` starts it.');
    expect(out).toMatch(/\n\d+ in order, \d+ worth a look, 0 wrong\.\n$/);
  });

  it('--json, and exit code 1 where something is wrong', async () => {
    await writeFile(path.join(home, 'config.json'), '{ "server": 1 }');
    const { code, out } = await run(['--json']);
    expect(code).toBe(1);
    const { counts, sections } = JSON.parse(out);
    expect(counts.red).toBe(1);
    expect(sections.map(({ title }: { title: string }) => title)).toEqual([
      ...['This machine', 'Engine', 'Configuration', 'Access', 'Keys', 'Providers', 'Clients'],
    ]);
  });

  it('sends nothing to a model before its cost was told and agreed to', async () => {
    await configure(chatProvider());
    const { code, out, err } = await run(['--providers']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('local/model-a (its only model)');
    expect(err).toMatch(/local +10 +about \d+ +about \d+ +unknown/);
    expect(err).toContain('--yes');
    expect(upstream.asked).toEqual([]);
  });

  it('prints a matrix, and what to do about what is not ok', async () => {
    await configure(chatProvider());
    upstream.script(triedModel({ images: fail(400, { message: 'no pictures' }) }));
    const { code, out, err } = await run(['--providers', 'local', '--yes']);
    expect(code).toBe(1);
    expect(err).toContain('10 of 10');
    expect(out).toContain(
      [
        'model          plain stream tools para result think image count long struct',
        'local/model-a  ok    ok     ok    ok   ok     ok    FAIL  ok    ok   ok',
      ].join('\n'),
    );
    expect(out).toContain('FAIL  reading a picture: ');
    expect(out).toContain('capabilities: { vision: false }');
    expect(out).toContain('9 ok, 0 in part, 1 failed, 0 not offered, 0 not tried.');
  });

  it('--models, --only and --json', async () => {
    await configure(chatProvider({ models: ['model-a', 'model-b', 'other'] }));
    upstream.script(triedModel());
    const { code, out } = await run(['--models', 'model-*', '--only', 'tools,plain', '--yes', '--json']);
    expect(code).toBe(0);
    const { results, estimate, counts } = JSON.parse(out);
    expect(results.map(({ model }: { model: string }) => model)).toEqual(['model-a', 'model-b']);
    expect(Object.keys(results[0].checks)).toEqual(['plain', 'tools']);
    expect(counts).toMatchObject({ ok: 4, fail: 0 });
    expect(estimate).toMatchObject([{ provider: 'local', calls: 4, dollars: null }]);
  });

  it.each([
    [['--only', 'tols'], "There is no check 'tols'; did you mean tools?"],
    [['--providers', 'locl'], "There is no provider 'locl'; did you mean local?"],
  ])('wrong usage: %j', async (args, words) => {
    await configure(chatProvider());
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  it.skipIf(process.platform === 'win32')('Ctrl-C ends it with what there is', async () => {
    await configure(chatProvider());
    const model = triedModel();
    upstream.script((request) => (request.text.includes('one to thirty') ? hang() : model(request)));
    let sent = false;
    const { code, out, err } = await run(['--providers', '--yes'], (text, child) => {
      if (sent || !text.includes('plain: ok')) return;
      sent = true;
      child.kill('SIGINT');
    });
    expect(code).toBe(1);
    expect(out).toContain('1 ok, ');
    expect(err).toContain('It was stopped before its end.');
  });
});
