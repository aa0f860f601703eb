import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { LoadedConfig } from '../../src-main/config/load-config.ts';
import { Configured, type ConfiguredWorld } from '../../src-main/configured.ts';
import { RequestLog } from '../../src-main/observability/request-log.ts';
import { EventBus } from '../../src-main/pipeline/events.ts';
import { RoutingState } from '../../src-main/routing/routing-state.ts';
import { type ConfigInput, configSchema } from '../../src-shared/config.ts';
import type { RoutingFacts } from '../../src-shared/routing.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { makeProvider } from '../helpers/providers.ts';
import { factsOf } from '../helpers/routing.ts';

const nowhere = { config: '/nowhere', data: '/nowhere', logs: '/nowhere', cache: '/nowhere' };

function newWorld(): ConfiguredWorld {
  return {
    env: {},
    folders: nowhere,
    resources: {
      transport: {
        send: () => Promise.reject(new Error('nobody is called')),
        check: () => null,
        reset: () => undefined,
        close: () => Promise.resolve(),
      },
      resolveKey: async () => ({ state: 'present', value: 'key', reference: 'env:KEY', warning: null }),
    },
    demo: makeProvider({ type: 'demo' }),
    state: new RoutingState({ downReason: () => null, settings: () => configSchema.parse({}).routing }),
    requests: new RequestLog(
      new EventBus((error) => {
        throw error;
      }),
    ),
    store: memoryStore(),
    onKey: () => undefined,
    remembers: true,
    budgets: () => ({ state: 'none', spent: [] }),
  };
}

const loadedOf = (input: ConfigInput): LoadedConfig => ({
  config: configSchema.parse(input),
  file: null,
  text: null,
  environment: null,
  namesProviders: true,
  sources: [],
  warnings: [],
});

const ids = ['one', 'two', 'three'];
const models = ['m', 'claude-sonnet-5-5', 'gpt-x'];
const anyProvider = fc.record({
  id: fc.constantFrom(...ids),
  type: fc.constantFrom('anthropic-compatible' as const, 'openai-compatible' as const),
  baseUrl: fc.constantFrom('http://127.0.0.1:8001', 'http://127.0.0.1:8002'),
  models: fc.subarray(models, { minLength: 1 }),
  priority: fc.integer({ min: 1, max: 3 }),
  enabled: fc.boolean(),
  headers: fc.constantFrom({}, { 'x-key': 'some-secret' }),
});
const anyTarget = fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...models)).map((parts) => parts.join('/'));
const anyConfig: fc.Arbitrary<ConfigInput> = fc.record({
  providers: fc.uniqueArray(anyProvider, { selector: ({ id }) => id, maxLength: 3 }),
  aliases: fc.dictionary(fc.constantFrom('mine', 'fast'), anyTarget, { maxKeys: 2 }),
  routing: fc.record({
    rules: fc.uniqueArray(
      fc.record({
        id: fc.constantFrom('r1', 'r2', 'r3'),
        when: fc.constantFrom({ class: 'background' as const }, { headers: { 'x-team': 'red' } }, { model: 'gpt-*' }),
        use: anyTarget.map((target) => ({ targets: [target] })),
      }),
      { selector: ({ id }) => id, maxLength: 3 },
    ),
    loadBalancing: fc.record({ failover: fc.boolean() }),
  }),
});

const questions: RoutingFacts[] = [...models, 'mine', 'fast', 'one/m', 'demo'].flatMap((model) => [
  factsOf({ model, time: { day: 'wed', minute: 600 } }),
  factsOf({ model, class: 'background', headers: { 'x-team': 'red' } }),
]);

/** All that requests meet. */
const ways = ({ router, facts, warnings, times, failover }: Configured) => ({
  explained: questions.map((question) => router.explain(question)),
  list: router.list(),
  headers: [...facts.headers].sort(),
  warnings,
  times,
  failover,
});

test('any sequence of configurations ends where the last one alone would have begun', () => {
  fc.assert(
    fc.property(fc.array(anyConfig, { minLength: 1, maxLength: 5 }), (configs) => {
      const world = newWorld();
      let before: Configured | null = null;
      for (const config of configs) {
        const next: Configured = new Configured(loadedOf(config), before, world);
        if (before !== null) {
          const last = before;
          const [was, is] = [last.config.providers, next.config.providers];
          for (const provider of next.providers) {
            const isAlike =
              JSON.stringify(was.find(({ id }) => id === provider.id)) ===
              JSON.stringify(is.find(({ id }) => id === provider.id));
            expect(last.has(provider)).toBe(isAlike);
          }
          const gone = last.providers.filter((provider) => !next.has(provider)).map(({ id }) => id);
          expect(next.replacedOf(last).map(({ id }) => id)).toEqual(gone);
        }
        before = next;
      }
      const last = configs.at(-1) ?? {};
      const alone = new Configured(loadedOf(last), null, newWorld());
      expect(before === null ? null : ways(before)).toEqual(ways(alone));
    }),
  );
});

describe('one that cannot be made', () => {
  it('throws, and leaves the one before as it was', () => {
    const world = newWorld();
    const provider = { id: 'one', type: 'anthropic-compatible' as const, baseUrl: 'http://127.0.0.1:1', models: ['m'] };
    const first = new Configured(loadedOf({ providers: [provider] }), null, world);
    const before = ways(first);
    const second = loadedOf({ providers: [provider, { ...provider, id: 'two' }] });
    const [one, two] = second.config.providers;
    if (one === undefined || two === undefined) throw new Error('there are two');
    const { baseUrl: _, ...unmade } = two;
    expect(
      () => new Configured({ ...second, config: { ...second.config, providers: [one, unmade] } }, first, world),
    ).toThrow('has no baseUrl');
    expect(ways(first)).toEqual(before);
  });
});

it('of a provider that is replaced, what was learned holds on where it is the same server', () => {
  const world = newWorld();
  const make = (changes: object, before: Configured | null) => {
    const provider = { id: 'one', type: 'anthropic-compatible' as const, baseUrl: 'http://127.0.0.1:1', models: ['m'] };
    return new Configured(loadedOf({ providers: [{ ...provider, ...changes }] }), before, world);
  };
  const first = make({}, null);
  expect(make({}, first).replacedOf(first)).toEqual([]);
  expect(make({ priority: 2 }, first).replacedOf(first)).toEqual([{ id: 'one', isElsewhere: false }]);
  expect(make({ baseUrl: 'http://127.0.0.1:2' }, first).replacedOf(first)).toEqual([{ id: 'one', isElsewhere: true }]);
  expect(make({ id: 'two' }, first).replacedOf(first)).toEqual([{ id: 'one', isElsewhere: true }]);
});
