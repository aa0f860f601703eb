import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { clientChecks, setUpCheck } from '../../../src-main/cli/doctor-clients.ts';
import { doctorLines, estimateLines, trialLines } from '../../../src-main/cli/doctor-text.ts';
import type { SetUpView } from '../../../src-main/clients/client-set-up.ts';
import type { WslFacts } from '../../../src-main/clients/wsl.ts';
import { amber, green, red, skipped } from '../../../src-main/doctor/check.ts';
import type { TargetResult } from '../../../src-main/doctor/run-trials.ts';
import type { TrialTarget } from '../../../src-main/doctor/trial-target.ts';
import type { Verdict } from '../../../src-main/doctor/trials.ts';
import { providerSchema } from '../../../src-shared/config.ts';

const plain = (lines: readonly string[]): string => stripVTControlCharacters(lines.join('\n'));

it('checks: a sign and a word for each state, what to do below, and counts at the end', () => {
  const sections = [
    { title: 'This machine', checks: [green('Node', '24.0.0'), amber('disk space', '200 MB free at /', 'Make room.')] },
    { title: 'Nothing', checks: [] },
    { title: 'Engine', checks: [red('port', 'It is taken.'), skipped('access', 'No engine runs.')] },
  ];
  expect(plain(doctorLines(sections))).toBe(
    [
      'This machine',
      '  + ok       Node: 24.0.0',
      '  ~ look     disk space: 200 MB free at /',
      '             > Make room.',
      '',
      'Engine',
      '  x wrong    port: It is taken.',
      '  - skipped  access: No engine runs.',
      '',
      '1 in order, 1 worth a look, 1 wrong, 1 not looked at.',
    ].join('\n'),
  );
});

it('checks keep within the width of the terminal', () => {
  const long = 'word '.repeat(60).trim();
  for (const width of [50, 80, 132])
    for (const line of doctorLines([{ title: 'T', checks: [red('name', long, long)] }], width))
      expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(width);
});

const target = (model: string): TrialTarget => ({
  provider: 'p',
  model,
  config: providerSchema.parse({ id: 'p', type: 'openai', models: [model] }),
  facts: {
    id: model,
    displayName: model,
    contextWindow: null,
    maxOutput: null,
    reasoning: null,
    efforts: null,
    images: null,
    documents: null,
    tools: null,
    parallelTools: null,
    structuredOutput: null,
    promptCaching: null,
    streaming: null,
    price: null,
  },
  why: 'asked for',
});
const verdict = (state: Verdict['state'], rest: Partial<Verdict> = {}): Verdict => ({
  state,
  found: 'It is so.',
  advice: null,
  configuration: [],
  ms: 5,
  ...rest,
});

describe('the matrix', () => {
  const results = (model: string): TargetResult[] => [
    {
      target: target(model),
      verdicts: {
        plain: verdict('ok'),
        tools: verdict('warn', { found: 'In part.', advice: 'Do that:', configuration: ['providers:', '  - id: p'] }),
        images: verdict('none'),
      },
    },
    { target: target('other'), verdicts: { plain: verdict('fail'), tools: verdict('left') } },
  ];

  it('has a row for each model, and what is to be done below', () => {
    const text = plain(trialLines(results('m'), ['plain', 'tools', 'images']));
    expect(text).toContain('model    plain tools image\np/m      ok    warn  –\np/other  FAIL  ·     ·\n');
    expect(text).toContain(
      'p/m\n  warn  a tool call: In part.\n        > Do that:\n            providers:\n              - id: p\n',
    );
    expect(text).toContain('p/other\n  FAIL  a plain answer: It is so.\n');
    expect(text).toMatch(/\n1 ok, 1 in part, 1 failed, 1 not offered, 1 not tried\.$/);
  });

  it('puts names in lines of their own where it would be too wide', () => {
    const long = 'vendor/a-model-with-a-very-long-name';
    const text = plain(trialLines(results(long), ['plain', 'tools', 'images'], 50));
    expect(text).toContain(`  plain tools image\np/${long}\n  ok    warn  –\np/other\n  FAIL  ·     ·\n`);
  });
});

it('the cost: what is known, and what is not', () => {
  const estimate = { calls: 2, inputTokens: 100, outputTokens: 50 };
  const text = plain(
    estimateLines(
      [target('m')],
      [
        { provider: 'p', ...estimate, dollars: 0.0123, mostDollars: 1.5, unpriced: [] },
        { provider: 'q', ...estimate, dollars: null, mostDollars: null, unpriced: ['q/m'] },
        { provider: 'own', ...estimate, dollars: 0, mostDollars: 0, unpriced: [] },
      ],
    ),
  );
  expect(text).toMatch(/p +2 +about 100 +about 50 +about \$0\.0123, at most \$1\.50\n/);
  expect(text).toMatch(/q +2 +about 100 +about 50 +unknown\n/);
  expect(text).toMatch(/own +2 +about 100 +about 50 +nothing\n/);
  expect(text).toMatch(/all +6 +about 300 +about 150 +about \$0\.0123, at most \$1\.50, and what is unknown\n/);
  expect(text).toContain('What these cost is not known: q/m.');
});

describe('set-ups', () => {
  const setUp: SetUpView = {
    client: 'claude-code',
    file: '/home/me/.claude/settings.json',
    at: 0,
    state: 'in place',
    endpoint: 'http://127.0.0.1:4777',
    tokenIds: ['1f0c'],
  };
  const around = { command: 'cproxy', endpoint: setUp.endpoint, tokenIds: ['1f0c', '2'] };

  it.each<[string, Partial<SetUpView>, Partial<typeof around> | { endpoint: null } | { tokenIds: null }, string]>([
    ['in place', {}, {}, 'green'],
    ['in place, with no engine', {}, { endpoint: null }, 'green'],
    ['with a token that is not needed', {}, { tokenIds: null }, 'green'],
    ['without a token', { tokenIds: [] }, {}, 'green'],
    ['gone', { state: 'missing' }, {}, 'amber'],
    ['changed', { state: 'changed' }, {}, 'amber'],
    ['leading elsewhere', { endpoint: 'http://127.0.0.1:5000' }, {}, 'amber'],
    ['with a token that was revoked', {}, { tokenIds: ['2'] }, 'amber'],
  ])('%s', (_name, change, other, state) =>
    expect(setUpCheck({ ...setUp, ...change }, { ...around, ...other }).state).toBe(state),
  );
});

describe('clients', () => {
  const around = (wsl: Partial<WslFacts> = {}) => ({
    env: {},
    folders: { config: '/nowhere', data: '/nowhere', logs: '/nowhere', cache: '/nowhere' },
    cwd: '/nowhere',
    wsl: { platform: 'linux' as const, env: {}, readFile: () => null, networkingMode: () => null, ...wsl },
    command: 'cproxy',
    endpoint: null,
    tokenIds: null,
  });

  it('none that was set up is no trouble', async () => {
    expect(await clientChecks(around())).toMatchObject([{ name: 'set-ups', state: 'green' }]);
  });

  it('in WSL, a CProxy that may run on Windows is spoken of', async () => {
    const checks = await clientChecks(around({ env: { WSL_DISTRO_NAME: 'Debian' }, networkingMode: () => 'nat' }));
    expect(checks).toMatchObject([{ name: 'set-ups' }, { name: 'WSL', state: 'amber' }]);
    expect(
      await clientChecks(around({ env: { WSL_DISTRO_NAME: 'Debian' }, networkingMode: () => 'mirrored' })),
    ).toHaveLength(1);
  });
});
