import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessVerdict, portCheck } from '../../../src-main/doctor/engine-checks.ts';
import { folderChecks, nodeCheck, spaceVerdict } from '../../../src-main/doctor/machine-checks.ts';
import { providerChecks } from '../../../src-main/doctor/provider-checks.ts';
import { shellChecks } from '../../../src-main/doctor/shell-variables.ts';
import type { HealthView, KeyView, ProviderView } from '../../../src-shared/control.ts';

const endpoint = 'http://127.0.0.1:4777';

describe('the machine', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'cproxy-folders-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const folders = () => ({
    config: root,
    data: path.join(root, 'data'),
    logs: path.join(root, 'logs'),
    cache: path.join(root, 'a', 'b', 'cache'),
  });

  it.each([
    ['24.0.0', 'green'],
    ['26.1.0', 'green'],
    ['22.20.0', 'red'],
  ])('Node %s is %s', (version, state) => expect(nodeCheck(version).state).toBe(state));

  it('folders that are not there are made when they are needed', async () => {
    const checks = await folderChecks(folders());
    expect(checks.map(({ name, state }) => [name, state])).toEqual([
      ['config folder', 'green'],
      ['data folder', 'green'],
      ['logs folder', 'green'],
      ['cache folder', 'green'],
      ['disk space', expect.any(String)],
    ]);
  });

  it.skipIf(process.platform === 'win32')('a data folder that others can read is worth a look', async () => {
    await mkdir(folders().data);
    await chmod(folders().data, 0o755);
    const data = (await folderChecks(folders())).find(({ name }) => name === 'data folder');
    expect(data).toMatchObject({ state: 'amber', advice: `Close it with \`chmod 700 ${folders().data}\`.` });
  });

  it('a file in the place of a folder is wrong', async () => {
    await writeFile(folders().logs, '');
    await chmod(folders().logs, 0o700);
    const logs = (await folderChecks(folders())).find(({ name }) => name === 'logs folder');
    expect(logs).toMatchObject({ state: 'red', found: `${folders().logs} is a file.` });
  });

  it.each([
    [79e9, 'green', '79 GB'],
    [1.25e9, 'green', '1.3 GB'],
    [200e6, 'amber', '200 MB'],
    [5e6, 'red', '5 MB'],
  ])('%d bytes free are %s', (free, state, words) =>
    expect(spaceVerdict('/data', free)).toMatchObject({ state, found: `${words} free at /data` }),
  );
});

describe('the port', () => {
  it('of any number needs no check', async () => {
    expect(await portCheck({ host: '127.0.0.1', port: 0 }, '/data')).toMatchObject({ state: 'green' });
  });

  it('on an address that this machine does not have is wrong', async () => {
    // Of a network for documentation (RFC 5737).
    expect(await portCheck({ host: '192.0.2.1', port: 4777 }, '/data')).toMatchObject({
      state: 'red',
      advice: expect.stringContaining('server.host'),
    });
  });
});

describe('access', () => {
  const good = { withToken: 200, without: 401, foreignHost: 403, foreignOrigin: 403 };
  const statesOf = (...args: Parameters<typeof accessVerdict>) =>
    Object.fromEntries(accessVerdict(...args).map(({ name, state }) => [name, state]));

  it.each<[string, Partial<typeof good>, string]>([
    ['a token that does not open', { withToken: 401 }, 'with a token'],
    ['a door that is open to all', { without: 200 }, 'without a token'],
    ['a foreign Host that is let in', { foreignHost: 200 }, 'web pages'],
    ['a foreign Origin that is let in', { foreignOrigin: 200 }, 'web pages'],
  ])('%s is wrong', (_name, change, name) => {
    const states = statesOf(1, 'token', { ...good, ...change }, 'cproxy');
    expect(states).toEqual({
      'client tokens': 'green',
      'with a token': 'green',
      'without a token': 'green',
      'web pages': 'green',
      [name]: 'red',
    });
  });

  it('without any token nobody can come in, unless none is needed', () => {
    expect(statesOf(0, 'token', good, 'cproxy')['client tokens']).toBe('amber');
    expect(statesOf(0, 'none', { ...good, without: 200 }, 'cproxy')).toEqual({
      'client tokens': 'green',
      'with a token': 'green',
      'without a token': 'green',
      'web pages': 'green',
    });
  });
});

describe('providers', () => {
  const health: HealthView = {
    state: 'healthy',
    reason: null,
    since: 0,
    checkedAt: 1,
    attempts: 0,
    failures: 0,
    firstContentMs: null,
    totalMs: null,
    tokensPerSecond: null,
  };
  const key: KeyView = { id: 'key', reference: 'env:KEY', state: 'ready', reason: null, until: null, limits: [] };
  const provider = (rest: Partial<ProviderView> = {}): ProviderView => ({
    id: 'one',
    name: 'One',
    type: 'openai-compatible',
    baseUrl: 'https://one.example/v1',
    models: { source: 'configured', count: 2, ids: ['a', 'b'], fetchedAt: null, error: null },
    priority: 1,
    enabled: true,
    keys: [key],
    health,
    circuits: [],
    ...rest,
  });
  const statesOf = (...args: Partial<ProviderView>[]) =>
    providerChecks(args.map(provider), 'cproxy').map(({ name, state }) => `${name} ${state}`);

  it('that are well have one line', () => {
    expect(providerChecks([provider()], 'cproxy')).toEqual([
      { name: 'one', state: 'green', found: 'https://one.example/v1 answers; 2 models; key env:KEY.', advice: null },
    ]);
  });

  it.each<[string, Partial<ProviderView>, string[]]>([
    ['switched off', { enabled: false }, ['one skipped']],
    ['down', { health: { ...health, state: 'down', reason: 'It does not answer.' } }, ['one red']],
    ['degraded', { health: { ...health, state: 'degraded' } }, ['one amber']],
    ['not asked', { health: { ...health, state: 'unknown' } }, ['one amber']],
    [
      'without models',
      { models: { source: 'none', count: 0, ids: [], fetchedAt: null, error: null } },
      ['one green', 'one amber'],
    ],
    [
      'without a list',
      { models: { source: 'built-in', count: 2, ids: [], fetchedAt: null, error: 'HTTP 500' } },
      ['one green', 'one amber'],
    ],
    [
      'with a circuit open',
      {
        circuits: [{ provider: 'one', model: 'a', state: 'open', since: 0, until: 1, failures: 5, reason: 'HTTP 500' }],
      },
      ['one green', 'one amber'],
    ],
    [
      'with a key that is missing, which is why it is down',
      {
        keys: [{ ...key, state: 'missing', reason: 'KEY is not set.' }],
        health: { ...health, state: 'down', reason: 'KEY is not set.' },
      },
      ['one red'],
    ],
    [
      'with one of two keys used up',
      { keys: [key, { ...key, id: '2', state: 'exhausted', reason: 'no credit' }] },
      ['one green', 'one amber'],
    ],
  ])('%s', (_name, change, states) => expect(statesOf(change)).toEqual(states));

  it('none at all is worth a look', () => expect(providerChecks([], 'cproxy')).toMatchObject([{ state: 'amber' }]));
});

describe('variables of the shell', () => {
  it.each<[string, NodeJS.ProcessEnv, string | null, string[]]>([
    ['nothing set', {}, endpoint, []],
    ['no engine', { ANTHROPIC_BASE_URL: 'https://elsewhere.example' }, null, []],
    ['elsewhere', { ANTHROPIC_BASE_URL: 'https://elsewhere.example' }, endpoint, ['ANTHROPIC_BASE_URL amber']],
    ['another port', { ANTHROPIC_BASE_URL: 'http://127.0.0.1:3000' }, endpoint, ['ANTHROPIC_BASE_URL amber']],
    ['no address', { ANTHROPIC_BASE_URL: 'cproxy' }, endpoint, ['ANTHROPIC_BASE_URL amber']],
    [
      'here, by another name of this machine, with a token',
      { ANTHROPIC_BASE_URL: 'http://localhost:4777/', ANTHROPIC_AUTH_TOKEN: 'cpx_x' },
      endpoint,
      ['ANTHROPIC_BASE_URL green'],
    ],
    [
      'here, without a token',
      { ANTHROPIC_BASE_URL: endpoint, ANTHROPIC_AUTH_TOKEN: ' ' },
      endpoint,
      ['ANTHROPIC_BASE_URL green', 'ANTHROPIC_AUTH_TOKEN amber'],
    ],
    [
      'here, with a token in a header',
      { ANTHROPIC_BASE_URL: endpoint, ANTHROPIC_CUSTOM_HEADERS: 'X-CProxy-Token: cpx_x' },
      endpoint,
      ['ANTHROPIC_BASE_URL green'],
    ],
    ['no certificates', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, null, ['NODE_TLS_REJECT_UNAUTHORIZED amber']],
  ])('%s', (_name, env, running, expected) =>
    expect(shellChecks(env, running).map(({ name, state }) => `${name} ${state}`)).toEqual(expected),
  );
});
