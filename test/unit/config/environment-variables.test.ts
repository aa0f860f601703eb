import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../../src-main/config/config-error.ts';
import { applyVariables } from '../../../src-main/config/environment-variables.ts';
import { valueAt } from '../../../src-main/config/overlay.ts';
import { fixedPaths, shapeAt } from '../../../src-main/config/schema-shape.ts';
import { configSchema } from '../../../src-shared/config.ts';

const apply = (env: NodeJS.ProcessEnv, base: unknown = {}) => applyVariables(base, env);
const problemsOf = (env: NodeJS.ProcessEnv, base: unknown = {}) => apply(env, base).problems.map(formatProblem);

describe('a provider', () => {
  test('has its lists and quirks set by variables too', () => {
    const base = { providers: [{ id: 'local', type: 'ollama' }] };
    const { config, warnings } = apply(
      {
        CPROXY_PROVIDERS__0__PROTOCOLS: 'openai-chat,anthropic',
        CPROXY_PROVIDERS__0__CONTEXT_WINDOW: '65536',
        CPROXY_PROVIDERS__0__QUIRKS__TOOL_LIMIT: '64',
      },
      base,
    );
    expect(warnings).toEqual([]);
    expect(configSchema.parse(config).providers[0]).toMatchObject({
      protocols: ['openai-chat', 'anthropic'],
      contextWindow: 65_536,
      quirks: { toolLimit: 64 },
    });
  });
});

describe('paths', () => {
  test.each(['CPROXY_SERVER__PORT', 'cproxy_server__port', 'CPROXY_SER_VER__P_ORT_'])('%s sets server.port', (name) => {
    expect(apply({ [name]: '5000' })).toMatchObject({
      config: { server: { port: 5000 } },
      applied: [{ path: ['server', 'port'], variable: name }],
      warnings: [],
    });
  });

  test('every fixed place of the schema is reached, however its name is spelt', () => {
    const leaves = fixedPaths(configSchema).filter(
      (path) =>
        !['$schema', 'version', 'environments'].includes(path[0] ?? '') &&
        shapeAt(configSchema, path)?.kind !== 'section',
    );
    const spelt = (name: string) =>
      fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: name.length, maxLength: name.length }).map((marks) =>
        [...name]
          .map((letter, index) => {
            const [upper, underscore] = marks[index] ?? [false, false];
            // Two in a row would separate names; so would one at the edge, beside the separator.
            const gap = underscore && index > 0 && index < name.length - 1 ? '_' : '';
            return gap + (upper ? letter.toUpperCase() : letter.toLowerCase());
          })
          .join(''),
      );
    fc.assert(
      fc.property(
        fc.constantFrom(...leaves).chain((path) => fc.tuple(fc.constant(path), fc.tuple(...path.map(spelt)))),
        ([path, names]) => {
          const { applied, warnings } = apply({ [`CPROXY_${names.join('__')}`]: '{}' });
          expect(warnings).toEqual([]);
          expect(applied.map((one) => one.path)).toEqual([path]);
        },
      ),
    );
  });

  test('numbers are list places, also of lists that grow', () => {
    const env = {
      CPROXY_PROVIDERS__0__BASE_URL: 'http://b',
      CPROXY_PROVIDERS__1__ID: 'c',
      CPROXY_PROVIDERS__1__TYPE: 'demo',
      CPROXY_PROVIDERS__2__ID: 'd',
    };
    const base = { providers: [{ id: 'a', type: 'openai' }] };
    expect(apply(env, base).config).toEqual({
      providers: [{ id: 'a', type: 'openai', baseUrl: 'http://b' }, { id: 'c', type: 'demo' }, { id: 'd' }],
    });
    expect(base.providers).toEqual([{ id: 'a', type: 'openai' }]);
  });

  test('an id can be changed in its place', () => {
    expect(apply({ CPROXY_PROVIDERS__0__ID: 'z' }, { providers: [{ id: 'a' }] }).config).toEqual({
      providers: [{ id: 'z' }],
    });
  });

  test('place 10 comes after place 9', () => {
    const env = Object.fromEntries(
      Array.from({ length: 11 }, (_, place) => [`CPROXY_PROVIDERS__${place}__ID`, `p${place}`]),
    );
    expect(valueAt(apply(env).config, ['providers', 10, 'id'])).toBe('p10');
    expect(apply(env).problems).toEqual([]);
  });

  test('a gap in a list is a problem, not a hole', () => {
    expect(problemsOf({ CPROXY_PROVIDERS__2__ID: 'x' }, { providers: [{ id: 'a' }] })).toEqual([
      'environment variable CPROXY_PROVIDERS__2__ID providers[2].id: leaves places of the list empty; the next free one is 1',
    ]);
  });

  test('names of the user’s own match what is there, and are made otherwise', () => {
    const base = { aliases: { 'My-Model': ['a/b'] } };
    expect(apply({ CPROXY_ALIASES__MY_MODEL: 'c/d', CPROXY_ALIASES__NEW_ONE: 'e/f' }, base).config).toEqual({
      aliases: { 'My-Model': 'c/d', 'new-one': 'e/f' },
    });
    const headers = apply({ CPROXY_PROVIDERS__0__HEADERS__X_TEAM: 'blue' }, { providers: [{ id: 'a' }] });
    expect(headers.config).toEqual({ providers: [{ id: 'a', headers: { 'x-team': 'blue' } }] });
  });
});

describe('values', () => {
  test.each([
    ['CPROXY_SERVER__PORT', ' 80 ', ['server', 'port'], 80],
    ['CPROXY_SERVER__PORT', 'eighty', ['server', 'port'], 'eighty'],
    ['CPROXY_SERVER__HOST', '0', ['server', 'host'], '0'],
    ['CPROXY_ROUTING__LOAD_BALANCING__FAILOVER', 'off', ['routing', 'loadBalancing', 'failover'], false],
    ['CPROXY_ROUTING__LOAD_BALANCING__FAILOVER', 'TRUE', ['routing', 'loadBalancing', 'failover'], true],
    ['CPROXY_ROUTING__LOAD_BALANCING__FAILOVER', 'maybe', ['routing', 'loadBalancing', 'failover'], 'maybe'],
    ['CPROXY_SERVER__ALLOWED_HOSTS', 'a, b,', ['server', 'allowedHosts'], ['a', 'b']],
    ['CPROXY_SERVER__ALLOWED_HOSTS', '["a,b"]', ['server', 'allowedHosts'], ['a,b']],
    ['CPROXY_ALIASES__X', 'a/b,c/d', ['aliases', 'x'], ['a/b', 'c/d']],
    ['CPROXY_ALIASES__X__0', 'a/b', ['aliases', 'x', 0], 'a/b'],
    ['CPROXY_ALIASES', '{"x":"a/b"}', ['aliases', 'x'], 'a/b'],
  ])('%s=%s', (name, text, path, value) => {
    expect(valueAt(apply({ [name]: text }).config, path)).toEqual(value);
  });

  test('what must be JSON and is not is a problem that does not quote it', () => {
    expect(problemsOf({ CPROXY_PROVIDERS: 'sk-secret' })).toEqual([
      'environment variable CPROXY_PROVIDERS providers: must be JSON',
    ]);
  });

  test('sections are laid over what is there', () => {
    expect(apply({ CPROXY_SERVER: '{"port":1}' }, { server: { host: 'x' } }).config).toEqual({
      server: { host: 'x', port: 1 },
    });
  });

  test('empty variables and our own switches are not settings', () => {
    const env = {
      CPROXY_SERVER__PORT: ' ',
      CPROXY_HOME: '/x',
      CPROXY_CONFIG: 'y',
      CPROXY_ENV: 'z',
      CPROXY_START_NOTE: 'n',
    };
    expect(apply(env)).toEqual({ config: {}, applied: [], problems: [], warnings: [] });
  });
});

describe('unknown variables are reported', () => {
  test.each([
    ['CPROXY_SERVER_PORT', 'CPROXY_SERVER__PORT'],
    ['CPROXY_SERVER__PRT', 'CPROXY_SERVER__PORT'],
    ['CPROXY_LOGGING__LEVLE', 'CPROXY_LOGGING__LEVEL'],
    ['CPROXY_HOMES', 'CPROXY_HOME'],
  ])('%s: did you mean %s?', (name, meant) => {
    expect(apply({ [name]: '1' })).toMatchObject({
      config: {},
      warnings: [`${name} is not a setting, so it is ignored; did you mean ${meant}?`],
    });
  });

  test.each([
    'CPROXY_ENVIRONMENTS__PRODUCTION__SERVER__PORT',
    'CPROXY_SCHEMA',
    'CPROXY___PROTO__',
    'CPROXY_SERVER__PORT__X',
    'CPROXY_PROVIDERS__X__ID',
    'CPROXY_',
  ])('%s', (name) => {
    const { config, warnings } = apply({ [name]: '1' });
    expect(config).toEqual({});
    expect(warnings).toEqual([expect.stringContaining(`${name} is not a setting`)]);
  });

  test('two spellings of one place', () => {
    const { warnings, config } = apply({ CPROXY_SERVER__PORT: '1', CPROXY_SER_VER__PORT: '2' });
    expect(warnings).toEqual([
      'CPROXY_SERVER__PORT and CPROXY_SER_VER__PORT both set server.port; CPROXY_SERVER__PORT is used.',
    ]);
    expect(config).toEqual({ server: { port: 1 } });
  });

  test('any name and value is applied, reported or a problem, and never throws', () => {
    const segment = fc.constantFrom(
      'SERVER',
      'PORT',
      'PROVIDERS',
      '0',
      '1',
      'HEADERS',
      'ALIASES',
      '__PROTO__',
      'RULES',
      'WHEN',
      'ROUTING',
      'X',
      '',
    );
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.string({ minLength: 1 }), (segments, value) => {
        const { applied, problems, warnings } = apply({ [`CPROXY_${segments.join('__')}`]: value });
        expect(applied.length + problems.length + warnings.length).toBe(value.trim() === '' ? 0 : 1);
      }),
      { numRuns: 200 },
    );
    expect(({} as Record<string, unknown>).X).toBeUndefined();
  });
});
