import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../../../src-main/config/config-error.ts';
import { ensureFolders, type Folders, resolveFolders } from '../../../src-main/config/folders.ts';
import { findConfigFile, type LoadOptions, loadConfig } from '../../../src-main/config/load-config.ts';
import { providerSchema, providerTypeSchema } from '../../../src-shared/config.ts';

const root = mkdtempSync(path.join(tmpdir(), 'cproxy-config-'));
let folders: Folders;
let count = 0;

beforeEach(() => {
  count += 1;
  folders = resolveFolders({ CPROXY_HOME: path.join(root, String(count)) });
  ensureFolders(folders);
});
afterAll(() => rmSync(root, { recursive: true }));

const write = (name: string, content: string | object): string => {
  const file = path.join(folders.config, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  return file;
};
const load = (options: Partial<LoadOptions> = {}) => loadConfig({ env: {}, folders, ...options });
const errorOf = (action: () => unknown): ConfigError => {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('It was loaded.');
};
const messageOf = (options: Partial<LoadOptions> = {}) => errorOf(() => load(options)).message;

const paperExample = `{
  "providers": [
    {
      "id": "openrouter",
      "name": "OpenRouter",
      "type": "openrouter",
      "baseUrl": "https://openrouter.ai/api",
      "models": ["google/gemini-2.0-pro-exp-02-05:free"],
      "capabilities": {
        "streaming": true,
        "tools": true,
        "reasoning": true
      },
      "priority": 1,
      "enabled": true
    }
  ],
  "routing": {
    "defaultProvider": "openrouter",
    "loadBalancing": {
      "strategy": "weighted",
      "healthCheck": true,
      "failover": true
    }
  }
}
`;

describe('files that people have', () => {
  test("the original paper's example loads unchanged", () => {
    write('config.json', paperExample);
    const { config, warnings } = load();
    expect(config.providers).toMatchObject([
      {
        id: 'openrouter',
        type: 'openrouter',
        baseUrl: 'https://openrouter.ai/api',
        priority: 1,
        enabled: true,
      },
    ]);
    expect(config.routing).toMatchObject({
      defaultProvider: 'openrouter',
      loadBalancing: { strategy: 'weighted', healthCheck: true, failover: true },
    });
    expect(warnings).toEqual([]);
  });

  test('the small hand-written YAML form loads, with nothing to say against it', () => {
    write(
      'config.yaml',
      `server: { port: 4777, auth: token }            # or none, on loopback only
logging: { level: info }
providers:
  - { id: local, type: openai-compatible, baseUrl: http://127.0.0.1:8000, models: [qwen3-coder], key: env:LOCAL_KEY }
aliases:
  sonnet: [anthropic/claude-sonnet-5-5, local/qwen3-coder]     # in this order, the next when one fails
  fast: local/qwen3-coder
routing:
  rules:
    - { id: background, when: { class: background }, use: { targets: [local/qwen3-coder] } }
    - { id: sleeping, enabled: false, when: {}, use: { targets: [local/qwen3-coder] } }
`,
    );
    const { config, warnings } = load();
    expect(config.aliases).toEqual({
      sonnet: ['anthropic/claude-sonnet-5-5', 'local/qwen3-coder'],
      fast: ['local/qwen3-coder'],
    });
    expect(config.providers[0]).toMatchObject({ key: 'env:LOCAL_KEY' });
    expect(warnings).toEqual([]);
  });

  test.each([
    ['when: { project: ~ }\n      use: { targets: a/b }', 'rules[0].when.project: must be a text'],
    ['when:\n      use: { targets: a/b }', 'rules[0].when: must be a section'],
    ['when: { not: { any: [{ class: }] } }\n      use: { targets: a/b }', 'when.not.any[0].class: must be one of'],
    ['use:\n        targets:\n        # - ollama/qwen3', 'rules[0].use.targets: must be a target'],
  ])('what a rule leaves empty does not make it one for everything: %s', (rule, problem) => {
    write('config.yaml', `routing:\n  rules:\n    - id: a\n      ${rule}\n`);
    expect(() => load()).toThrow(problem);
  });

  test('JSON may have comments, trailing commas, tabs and a byte order mark', () => {
    write(
      'config.json',
      '\ufeff{\n\t// a comment with "quotes"\n\t"server": { "port": 5000, /* so\n\tthat */ },\n\t"aliases": { "a//b": "x/*y*/z", },\n}',
    );
    expect(load().config).toMatchObject({ server: { port: 5000 }, aliases: { 'a//b': ['x/*y*/z'] } });
  });

  test('an empty file and empty sections are no configuration', () => {
    write('config.yaml', 'server:\nproviders:\n  # nothing yet\n');
    expect(load().config).toMatchObject({ server: { port: 4777, host: '127.0.0.1', auth: 'token' }, providers: [] });
    write('config.json', '');
    expect(load().config.providers).toEqual([]);
  });

  test('a field called __proto__ is an unknown field, nothing more', () => {
    write('config.json', '{"__proto__": {"polluted": true}, "server": {"__proto__": {"polluted": true}}}');
    expect(messageOf()).toContain('there is no such field');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('search', () => {
  test('--config, CPROXY_CONFIG, MCP_CONFIG_PATH, then the configuration folder', () => {
    const usual = write('config.yml', 'server: { port: 1 }');
    const names = ['a.yaml', 'b.yaml', 'c.yaml'].map((name, index) => write(name, `server: { port: ${index + 10} }`));
    const [flag, own, mcp] = names as [string, string, string];
    const env = { CPROXY_CONFIG: own, MCP_CONFIG_PATH: mcp };
    expect(load({ file: flag, env })).toMatchObject({ file: flag, config: { server: { port: 10 } } });
    expect(load({ env })).toMatchObject({ file: own, config: { server: { port: 11 } } });
    expect(load({ env: { ...env, CPROXY_CONFIG: ' ' } })).toMatchObject({ file: mcp });
    expect(load()).toMatchObject({ file: usual, config: { server: { port: 1 } } });
  });

  test('one of several files in the folder is read, and the others are named', () => {
    const json = write('config.json', '{}');
    const yaml = write('config.yaml', '');
    expect(load()).toMatchObject({ file: json, warnings: [`${yaml} is not read, because ${json} is there.`] });
  });

  test('the working directory is never searched', () => {
    const other = mkdtempSync(path.join(root, 'cwd-'));
    for (const name of ['config.json', 'config.yaml', 'config.yml', 'cproxy.yaml'])
      writeFileSync(path.join(other, name), '{}');
    const before = process.cwd();
    process.chdir(other);
    try {
      expect(findConfigFile({ env: {}, folders })).toEqual({ file: null, others: [] });
    } finally {
      process.chdir(before);
    }
  });

  test('a named file that is missing, a folder or not text is an error, not an empty configuration', () => {
    expect(messageOf({ file: path.join(folders.config, 'no.yaml') })).toMatch(/no\.yaml:1:1: there is no such file/);
    expect(messageOf({ file: folders.config })).toContain('is a folder');
    const binary = path.join(folders.config, 'b.yaml');
    writeFileSync(binary, Buffer.from([0xff, 0xfe, 0x00, 0x80]));
    expect(messageOf({ file: binary })).toContain('UTF-8');
  });

  test('a file that is far too long is refused at once', () => {
    const file = path.join(folders.config, 'long.yaml');
    writeFileSync(file, `server: { port: 5000 }\n${'# x\n'.repeat(3_000_000)}`);
    const begun = performance.now();
    expect(messageOf({ file })).toMatch(/long\.yaml:1:1: is longer than 2 million characters/);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });

  test('a file that cannot be read', () => {
    // Not by taking its permissions away, which root does not mind.
    const folder = path.join(folders.config, 'config-folder.yaml');
    mkdirSync(folder);
    expect(messageOf({ file: folder })).toContain('is a folder, not a file');
  });
});

describe('problems', () => {
  test('every one is named with its line, what was found and what is expected', () => {
    const file = write(
      'config.yaml',
      `sever: { port: 1 }
server: { port: "5000", host: 0.0.0.0, auth: none }
providers:
  - { id: a b, type: openruter, key: sk-ant-abcdef123456 }
  - id: b
    type: openai-compatible
    baseUrl: ftp://example.com
  - { id: b, type: anthropic, models: [1.5], priorty: 3 }
  - { id: c, type: openai-compatible }
aliases: { x: 1 }
routing: { defaultProvider: nope, holdMs: 1.5 }
environments: { prod: {} }
`,
    );
    const types = providerTypeSchema.options.length;
    expect(messageOf().split('\n')).toEqual([
      `${file}:1:1 sever: there is no such field; did you mean server?`,
      `${file}:2:17 server.port: must be a number; found "5000"`,
      `${file}:2:46 server.auth: none is allowed only while server.host is loopback (127.0.0.1, ::1 or localhost)`,
      `${file}:4:11 providers[0].id: may hold only letters, digits, ".", "_" and "-"; found "a b"`,
      `${file}:4:22 providers[0].type: must be one of ${types} values; found "openruter"; did you mean openrouter?`,
      `${file}:4:38 providers[0].key: must be env:NAME, file:PATH, keychain:NAME or client; a key itself does not belong in this file; found text of 19 characters, not shown here`,
      `${file}:7:14 providers[1].baseUrl: must be an http:// or https:// URL; found "ftp://example.com"`,
      `${file}:8:11 providers[2].id: another provider has the id 'b' already`,
      `${file}:8:40 providers[2].models[0]: must be the id of a model, or a section with its id; found 1.5`,
      `${file}:8:46 providers[2].priorty: there is no such field; did you mean priority?`,
      `${file}:9:5 providers[3].baseUrl: is needed for type openai-compatible`,
      `${file}:10:15 aliases.x: must be a target (provider-id/model-id) or a list of targets; found 1`,
      `${file}:11:29 routing.defaultProvider: no provider has the id 'nope'`,
      `${file}:11:43 routing.holdMs: must be a whole number; found 1.5`,
      `${file}:12:17 environments.prod: there is no such field; did you mean production?`,
    ]);
  });

  test('a field in the wrong section, a usual wrong name, and one that is like nothing', () => {
    write('config.yaml', 'port: 1\nproviders: [{ id: a, type: openai, api_key: x }]\nlogging: { zzz: 1 }');
    expect(messageOf()).toMatch(/port: there is no such field; did you mean server\.port\?/);
    expect(messageOf()).toMatch(/providers\[0\]\.api_key: there is no such field; did you mean key\?/);
    expect(messageOf()).toMatch(/logging\.zzz: there is no such field; known here: level/);
  });

  test('secrets are never quoted', () => {
    const canary = 'CANARY-5f2a';
    write('config.json', {
      providers: [
        { id: 'a', type: 'openai', key: canary },
        { id: 'b', type: 'openai', baseUrl: `https://u:${canary}@example.com` },
        { id: 'c', type: 'openai', headers: { 'x-secret': `${canary}\nx`, 'bad name': canary } },
        { id: 'd', type: 'openai', baseUrl: `https://example.com/?key=${canary}` },
        { id: 'e', type: 'openai', apiKey: canary, name: { token: canary } },
      ],
    });
    const error = errorOf(() => load());
    expect(error.problems).toHaveLength(7);
    expect(JSON.stringify([error.message, error.problems])).not.toContain(canary);
  });

  test('YAML and JSON that cannot be read, with the line', () => {
    const file = write('config.yaml', 'server:\n  port: 1\n  port: 2\n\tx: 1\n');
    const lines = messageOf().split('\n');
    expect(lines[0]).toBe(`${file}:3:3: map keys must be unique`);
    expect(lines[1]).toContain(`${file}:4:1: `);
    expect(messageOf({ file: write('a.json', '{"server": {"port": }') })).toMatch(/a\.json:1:\d+: /);
    const noComma = write('c.json', '{\n  "server": { "host": "::1" "port": 1 }\n}');
    expect(messageOf({ file: noComma })).toBe(`${noComma}:2:23: a comma is missing after this`);
    const noCommaInList = write('d.json', '{\n "providers": [\n  {"id": "a"}\n  {"id": "b"}\n ]\n}');
    expect(messageOf({ file: noCommaInList })).toMatch(/d\.json:[34]:\d+: /);
    expect(messageOf({ file: write('b.yaml', 'server: *nowhere') })).toMatch(
      /b\.yaml:1:9: there is no anchor &nowhere/,
    );
    expect(messageOf({ file: write('c.yaml', '- a\n- b') })).toMatch(/c\.yaml:1:1: must be a section/);
    expect(messageOf({ file: write('d.yaml', 'a: 1\n---\nb: 1') })).toMatch(/d\.yaml:2:1: .*multiple documents/);
    expect(messageOf({ file: write('e.yaml', '['.repeat(50_000)) })).toMatch(/e\.yaml:\d+:\d+: /);
  });

  test('anchors and merge keys work, and a problem behind an alias is found where it stands', () => {
    const file = write(
      'config.yaml',
      'providers:\n  - &base { id: a, type: openai-compatible, baseUrl: http://a }\n  - { <<: *base, id: b }\n',
    );
    expect(load().config.providers.map(({ id, baseUrl }) => [id, baseUrl])).toEqual([
      ['a', 'http://a'],
      ['b', 'http://a'],
    ]);
    write('config.yaml', 'aliases:\n  a: &x [1]\n  b: *x\n');
    expect(messageOf()).toContain(`${file}:2:10 aliases.b[0]`);
  });

  test('any text ends in a configuration or in a ConfigError with a line', () => {
    const fragments = [
      'server',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '\n',
      '  ',
      '- ',
      '"',
      '\t',
      '&a ',
      '*a',
      '<<',
      '? ',
      '| ',
      '#',
      '1',
      'é',
      '😀',
    ];
    const text = fc.oneof(
      fc.array(fc.constantFrom(...fragments), { maxLength: 25 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom('config.json', 'config.yaml'), (content, name) => {
        const file = write(name, content);
        try {
          load({ file });
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.problems.length).toBeGreaterThan(0);
          for (const { place } of error.problems)
            expect(place).toMatchObject({ in: 'file', file, line: expect.any(Number), column: expect.any(Number) });
        }
      }),
      { numRuns: 150 },
    );
  });

  test('any data ends in a configuration or in a ConfigError whose every problem has a line', () => {
    const name = fc.constantFrom(
      'server',
      'port',
      'providers',
      'id',
      'type',
      'key',
      'aliases',
      'routing',
      'rules',
      'tiers',
      'environments',
      'production',
      'headers',
      '__proto__',
      'x',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        fc.constantFrom<unknown>(null, 1, -1.5, true, 'demo', 'openai', 'http://a', ''),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(name, tie('value'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.constantFrom(undefined, 'production'), (data, environment) => {
        for (const [file, content] of [
          [write('any.json', JSON.stringify(data, null, 1)), data],
          [write('any.yaml', stringify(data)), data],
        ] as const)
          try {
            load({ file, environment });
          } catch (error) {
            if (!(error instanceof ConfigError)) throw new Error(`${JSON.stringify(content)}: ${error}`);
            for (const { place } of error.problems) expect(place).toMatchObject({ in: 'file', file });
          }
      }),
      { numRuns: 150 },
    );
  });
});

describe('environments', () => {
  const base = {
    server: { port: 1, host: '127.0.0.1' },
    providers: [
      { id: 'a', type: 'openai', models: ['m1', 'm2'], key: 'env:A' },
      { id: 'b', type: 'demo' },
    ],
    environments: {
      production: {
        server: { port: 2 },
        providers: [
          { id: 'b', priority: 5 },
          { id: 'a', models: ['m3'], key: null },
          { id: 'c', type: 'demo' },
        ],
      },
    },
  };

  test('the overlay is merged, providers by their id; empty values take back', () => {
    write('config.json', base);
    const { config, environment, sources } = load({ environment: 'production' });
    expect(environment).toBe('production');
    expect(sources).toContain('environments.production of the file');
    expect(config.server).toMatchObject({ port: 2, host: '127.0.0.1' });
    expect(config.providers.map(({ id, models, priority, key }) => [id, models, priority, key])).toEqual([
      ['a', ['m3'], 100, undefined],
      ['b', undefined, 5, undefined],
      ['c', undefined, 100, undefined],
    ]);
  });

  test('CPROXY_ENV chooses one, --env wins, and without either there is none', () => {
    write('config.json', base);
    expect(load({ env: { CPROXY_ENV: 'production' } }).config.server.port).toBe(2);
    expect(load({ env: { CPROXY_ENV: 'production' }, environment: 'staging' })).toMatchObject({
      environment: 'staging',
      config: { server: { port: 1 } },
      warnings: [expect.stringContaining('has no section environments.staging')],
    });
    expect(load().config.server.port).toBe(1);
  });

  test('an unknown one is refused', () => {
    expect(messageOf({ environment: 'prod' })).toBe(
      '--env: must be one of development, staging, production; found "prod"; did you mean production?',
    );
    expect(messageOf({ env: { CPROXY_ENV: 'Staging' } })).toContain('environment variable CPROXY_ENV');
  });

  test('problems in the overlay are found on its own lines, also while it is not in use', () => {
    const file = write(
      'config.yaml',
      `providers:
  - { id: a, type: demo }
environments:
  production:
    server: { port: x }
    providers:
      - { id: z }
      - { id: a, priority: y }
`,
    );
    expect(messageOf({ environment: 'production' }).split('\n')).toEqual([
      `${file}:5:21 server.port: must be a number; found "x"`,
      expect.stringContaining(`${file}:7:9 providers[1].type: is missing; expected one of `),
      `${file}:8:28 providers[0].priority: must be a number; found "y"`,
    ]);
    expect(load().warnings).toHaveLength(3);
    expect(load().warnings[0]).toBe(
      `--env production would fail: ${file}:5:21 server.port: must be a number; found "x"`,
    );
  });
});

describe('flags', () => {
  test('--port and --host win over file and variables', () => {
    write('config.yaml', 'server: { port: 1, host: localhost }');
    const { config, sources } = load({ flags: { port: 3, host: '::1' }, env: { CPROXY_SERVER__PORT: '2' } });
    expect(config.server).toMatchObject({ port: 3, host: '::1' });
    expect(sources).toContain('server.port comes from --port');
  });

  test('they are checked with the rest', () => {
    write('config.yaml', 'server: { auth: none }');
    expect(messageOf({ flags: { host: '0.0.0.0' } })).toMatch(/config\.yaml:1:17 server\.auth: none is allowed only/);
    expect(messageOf({ flags: { port: Number.NaN } })).toMatch(/^--port server\.port: must be a number/);
  });
});

describe('first run and usual keys', () => {
  test('providers are found from the usual key variables', () => {
    const { config, sources, file } = load({
      env: { ANTHROPIC_API_KEY: 'sk-ant-x', OPENROUTER_API_KEY: 'sk-or-x', OPENAI_API_KEY: ' ' },
    });
    expect(file).toBeNull();
    expect(config.providers.map(({ id, type, key }) => [id, type, key])).toEqual([
      ['anthropic', 'anthropic', 'env:ANTHROPIC_API_KEY'],
      ['openrouter', 'openrouter', 'env:OPENROUTER_API_KEY'],
    ]);
    expect(sources).toEqual([
      "provider 'anthropic' was found because ANTHROPIC_API_KEY is set",
      "provider 'openrouter' was found because OPENROUTER_API_KEY is set",
    ]);
    expect(JSON.stringify([config, sources])).not.toContain('sk-');
  });

  test('a file without providers is still a first run, which it may route', () => {
    write('config.yaml', 'server: { port: 9 }\nrouting: { defaultProvider: openai }');
    expect(load({ env: { OPENAI_API_KEY: 'x' } }).config.providers.map(({ id }) => id)).toEqual(['openai']);
    expect(messageOf()).toContain("no provider has the id 'openai'");
  });

  test('our own client token and our own address are never taken for an upstream', () => {
    const { config, sources, warnings } = load({
      env: {
        ANTHROPIC_API_KEY: 'cpx_abc',
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:4777',
        ANTHROPIC_AUTH_TOKEN: 'cpx_abc',
      },
    });
    expect(config.providers).toEqual([]);
    expect(sources).toEqual([expect.stringContaining('client token of CProxy')]);
    expect(warnings).toEqual([]);
    const withKey = load({ env: { ANTHROPIC_API_KEY: 'sk', ANTHROPIC_BASE_URL: 'http://localhost:4777' } });
    expect(withKey.config.providers).toMatchObject([{ id: 'anthropic' }]);
    expect(withKey.config.providers[0]?.baseUrl).toBeUndefined();
    expect(withKey.warnings).toEqual([]);
  });

  test('an ANTHROPIC_BASE_URL that leads elsewhere is not followed, and that is said', () => {
    const { config, warnings } = load({
      env: { ANTHROPIC_API_KEY: 'sk', ANTHROPIC_BASE_URL: 'https://gateway.example.com' },
    });
    expect(config.providers[0]?.baseUrl).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('ANTHROPIC_BASE_URL')]);
  });

  test("what becomes of the usual variables where no key is named: they are for the vendor's own address only", () => {
    write(
      'config.yaml',
      [
        'providers:',
        '  - { id: a, type: anthropic }',
        '  - { id: b, type: openai, baseUrl: "https://api.openai.com/v1/" }',
        '  - { id: c, type: openai, baseUrl: "https://llm.example.com" }',
        '  - { id: d, type: openrouter, key: env:MINE }',
        '  - { id: e, type: openai-compatible, baseUrl: "http://127.0.0.1:1" }',
      ].join('\n'),
    );
    const { warnings, sources } = load({ env: { OPENAI_API_KEY: 'x' } });
    expect(warnings).toEqual([expect.stringMatching(/^Provider 'c' names no key, and OPENAI_API_KEY is not sent/)]);
    expect(sources).toEqual([
      "provider 'a' names no key, so the one stored for it is used, else ANTHROPIC_API_KEY",
      "provider 'b' names no key, so the one stored for it is used, else OPENAI_API_KEY",
    ]);
  });

  test('vendors by name are found too; of those that share a variable the first, and none whose address is not known', () => {
    const { config } = load({
      env: { DEEPSEEK_API_KEY: 'x', MOONSHOT_API_KEY: 'x', AZURE_OPENAI_API_KEY: 'x', GEMINI_API_KEY: 'x' },
    });
    expect(config.providers.map(({ id, key }) => [id, key])).toEqual([
      ['gemini', 'env:GEMINI_API_KEY'],
      ['deepseek', 'env:DEEPSEEK_API_KEY'],
      ['kimi', 'env:MOONSHOT_API_KEY'],
    ]);
  });
});

test('several keys may be written as references alone', () => {
  const { keys } = providerSchema.parse({ id: 'p', type: 'openai', keys: ['env:A', { key: 'env:B', weight: 2 }] });
  expect(keys).toEqual([
    { key: 'env:A', weight: 1 },
    { key: 'env:B', weight: 2 },
  ]);
  const { error } = providerSchema.safeParse({ id: 'p', type: 'openai', keys: ['sk-ant-abcdef123456'] });
  expect(error?.issues[0]?.message).toContain('must be a reference to a key');
});
