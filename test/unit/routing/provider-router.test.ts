import { describe, expect, it } from 'vitest';
import type { ProviderRouter } from '../../../src-main/routing/provider-router.ts';
import type { ConfigInput } from '../../../src-shared/config.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';

const router = (input: ConfigInput): ProviderRouter => routerFor(input).router;

const targets = (of: ProviderRouter, model: string): string[] =>
  of.plan(factsOf({ model })).targets.map(({ provider, model: name }) => `${provider.id} ${name}`);

const local = (id: string, models: string[], rest: object = {}) =>
  ({ id, type: 'openai-compatible', baseUrl: 'http://127.0.0.1:1', models, ...rest }) as const;

describe('a model name is understood in this order', () => {
  const everything = router({
    providers: [
      local('b', ['shared', 'only-b', 'vendor/with/slashes'], { priority: 2 }),
      local('a', ['shared', 'first-of-a'], { priority: 1 }),
      local('off', ['hidden'], { enabled: false }),
    ],
    aliases: { 'only-b': 'a/aliased', list: ['b/one', 'a/two'] },
    routing: { defaultProvider: 'a', tiers: { opus: 'b/big', haiku: ['a/small', 'b/small'] } },
  });

  it('1: an alias wins over a model of the same name', () => {
    expect(targets(everything, 'only-b')).toEqual(['a aliased']);
    expect(everything.plan(factsOf({ model: 'only-b' })).route).toBe('alias only-b');
  });
  it('an alias with several targets gives them in its order', () => {
    expect(targets(everything, 'list')).toEqual(['b one', 'a two']);
  });
  it('2: provider-id/model-id, whether the model is listed or not', () => {
    expect(targets(everything, 'b/unlisted')).toEqual(['b unlisted']);
    expect(targets(everything, 'b/vendor/with/slashes')).toEqual(['b vendor/with/slashes']);
  });
  it('3: a bare id that enabled providers list, by priority', () => {
    expect(targets(everything, 'shared')).toEqual(['a shared', 'b shared']);
    expect(targets(everything, 'vendor/with/slashes')).toEqual(['b vendor/with/slashes']);
  });
  it('4: the tier map, by a word in the name', () => {
    expect(targets(everything, 'claude-opus-5-5')).toEqual(['b big']);
    expect(targets(everything, 'Claude-Haiku-9')).toEqual(['a small', 'b small']);
  });
  it('5: the first model of routing.defaultProvider', () => {
    expect(targets(everything, 'never heard of')).toEqual(['a shared']);
    expect(everything.plan(factsOf({ model: 'never heard of' })).route).toBe('default a');
  });
  it('6: demo only while no other provider exists', () => {
    expect(targets(router({}), 'claude-opus-5-5')).toEqual(['demo demo']);
  });
  it('7: else a 404 that names near matches', () => {
    const strict = router({ providers: [local('local', ['qwen3-coder', 'llama-4'])] });
    const error = (() => {
      try {
        strict.plan(factsOf({ model: 'qwen-coder' }));
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ProxyError);
    expect(error).toMatchObject({ code: 'unknown_model', status: 404 });
    expect((error as Error).message).toContain('local/qwen3-coder');
  });
});

describe('names', () => {
  it('demo can always be asked for by name', () => {
    const one = router({ providers: [local('local', ['m'])] });
    expect(targets(one, 'demo')).toEqual(['demo demo']);
    expect(targets(one, 'demo/demo')).toEqual(['demo demo']);
  });
  it('a disabled provider is neither listed nor routed to', () => {
    const one = router({ providers: [local('on', ['m']), local('off', ['hidden'], { enabled: false })] });
    expect(one.list().map(({ id }) => id)).toEqual(['on/m']);
    expect(() => one.plan(factsOf({ model: 'off/hidden' }))).toThrow(ProxyError);
    expect(() => one.plan(factsOf({ model: 'hidden' }))).toThrow(ProxyError);
  });
  it('a trailing [1m] is understood', () => {
    const one = router({ providers: [{ id: 'anthropic', type: 'anthropic' }] });
    expect(targets(one, 'claude-opus-5-5[1m]')).toEqual(['anthropic claude-opus-5-5']);
  });
  it("what Claude Code's list calls claude:x is x, unless something is really called so", () => {
    const one = router({
      providers: [local('a', ['qwen3', 'claude:7b', 'x/y']), local('b', ['claude-opus-5-5'])],
      aliases: { 'claude:fast': 'a/qwen3', fast: 'a/x/y' },
    });
    expect(targets(one, 'claude:a/qwen3')).toEqual(['a qwen3']);
    expect(targets(one, 'claude:a/qwen3[1m]')).toEqual(['a qwen3']);
    expect(targets(one, 'claude:x/y')).toEqual(['a x/y']);
    expect(targets(one, 'claude:fast')).toEqual(['a qwen3']);
    expect(targets(one, 'claude:7b')).toEqual(['a claude:7b']);
    expect(targets(one, 'claude:claude-opus-5-5')).toEqual(['b claude-opus-5-5']);
    expect(() => one.plan(factsOf({ model: 'claude:no-such-model' }))).toThrow(ProxyError);
    expect(() => one.plan(factsOf({ model: 'claude:' }))).toThrow(ProxyError);
    expect(one.explain(factsOf({ model: 'claude:a/qwen3' })).naming.steps[0]).toBe(
      "'claude:a/qwen3' is 'a/qwen3' as Claude Code's list of models has it",
    );
  });
  it('Anthropic itself serves Claude models it has not heard of', () => {
    const one = router({ providers: [{ id: 'anthropic', type: 'anthropic' }] });
    expect(targets(one, 'claude-opus-7')).toEqual(['anthropic claude-opus-7']);
    expect(() => one.plan(factsOf({ model: 'gpt-6' }))).toThrow(ProxyError);
  });
  it('everything listed can be routed', () => {
    const one = router({
      providers: [
        local('a', ['x', 'y/z']),
        { id: 'anthropic', type: 'anthropic' },
        local('off', ['n'], { enabled: false }),
      ],
      aliases: { good: 'a/x', dead: 'off/n', nowhere: 'no such model' },
    });
    const listed = one.list().map(({ id }) => id);
    expect(listed).toContain('good');
    expect(listed).not.toContain('dead');
    expect(listed).not.toContain('nowhere');
    for (const id of listed) expect(one.plan(factsOf({ model: id })).targets.length).toBeGreaterThan(0);
  });
  it('an alias that leads nowhere is a warning that names it', () => {
    const one = router({ providers: [local('a', ['x'])], aliases: { dead: ['gone/model'] } });
    expect(one.warnings).toEqual([expect.stringContaining("'dead' leads to 'gone/model'")]);
  });
  it('with failover off only the first target is tried, and the trace says so', () => {
    const one = router({
      providers: [local('a', ['x']), local('b', ['x'])],
      routing: { loadBalancing: { failover: false } },
    });
    expect(targets(one, 'x')).toEqual(['a x']);
    expect(one.plan(factsOf({ model: 'x' })).trace.at(-1)?.detail).toContain('failover is off');
  });
  it('failover off leaves out what has an open circuit as well', () => {
    const { router: one, state } = routerFor({
      providers: [local('a', ['x'], { priority: 1 }), local('b', ['x'], { priority: 2 })],
      routing: { loadBalancing: { failover: false }, circuit: { failures: 1 } },
    });
    const facts = factsOf({ model: 'x' });
    const [first] = one.plan(facts).targets;
    if (first === undefined) throw new Error('no target');
    const error = { code: 'provider_error', status: 500, message: 'broken' } as const;
    const rest = { status: 500, retryAfterMs: null, firstContentMs: null, totalMs: 1, usage: null };
    state.begin(facts, first)?.({ outcome: 'failed', error, ...rest });
    expect(targets(one, 'x')).toEqual(['b x']);
    expect(one.plan(facts).reserves).toEqual([]);
  });
  it('a rule whose targets are not there is not passed over, and is named', () => {
    const one = router({
      providers: [local('a', ['x'])],
      routing: { rules: [{ id: 'private', when: { model: 'x' }, use: { targets: ['gone/x', 'missing'] } }] },
    });
    expect(() => one.plan(factsOf({ model: 'x' }))).toThrow(
      "The routing rule 'private' takes this request to 'gone/x', 'missing', which no enabled provider has.",
    );
    expect(one.explain(factsOf({ model: 'x' })).problem).toContain("'private'");
  });
  describe('that a rule asks for instead are not made up for', () => {
    const asking = (model: string, rest: Partial<ConfigInput> = {}) =>
      router({
        providers: [local('a', ['claude-opus-5-5', 'x']), local('off', ['n'], { enabled: false })],
        aliases: { dead: 'off/n', good: 'a/x' },
        ...rest,
        routing: { defaultProvider: 'a', tiers: { haiku: 'a/x' }, rules: [{ id: 'r', use: { change: { model } } }] },
      });
    it.each(['off/n', 'n', 'gone/claude-opus-5-5', 'gone/claude-haiku-9', 'dead', 'nobody knows'])('%s', (model) => {
      const one = asking(model);
      expect(() => one.plan(factsOf({ model: 'x' }))).toThrow(ProxyError);
      expect(one.warnings).toContain(`The rule 'r' asks for '${model}' instead, which no enabled provider has.`);
    });
    it.each([
      ['x', 'a x'],
      ['a/unlisted', 'a unlisted'],
      ['good', 'a x'],
      ['claude-haiku-9', 'a x'],
      ['claude-opus-5-5[1m]', 'a claude-opus-5-5'],
    ])('but %s is there', (model, target) => expect(targets(asking(model), 'anything')).toEqual([target]));
  });
  it('of a provider that is gone lead to no similar model, of aliases neither', () => {
    const one = router({
      providers: [local('a', ['claude-opus-5-5', 'vendor/m'])],
      aliases: { private: 'gone/claude-opus-5-5', listed: 'vendor/m' },
    });
    expect(() => one.plan(factsOf({ model: 'private' }))).toThrow(ProxyError);
    expect(one.warnings).toEqual([expect.stringContaining("'private' leads to 'gone/claude-opus-5-5'")]);
    expect(targets(one, 'listed')).toEqual(['a vendor/m']);
  });
  it('keep their mark of a large window at provider-id/* only where they are listed with it', () => {
    const one = router({
      providers: [local('a', ['claude-opus-5-5']), local('b', ['x[1m]', 'x']), { id: 'anthropic', type: 'anthropic' }],
      routing: { rules: [{ id: 'r', use: { targets: ['a/*', 'b/*', 'anthropic/*'] } }] },
    });
    expect(targets(one, 'claude-opus-5-5[1m]')).toEqual(['a claude-opus-5-5', 'anthropic claude-opus-5-5']);
    expect(targets(one, 'x[1m]')).toEqual(['b x[1m]']);
  });
  it('are explained as rules have seen them, not as a rule has changed them', () => {
    const one = router({
      providers: [local('a', ['x'])],
      routing: {
        rules: [
          { id: 'haiku', when: { tier: 'haiku' }, use: { change: { model: 'x' } } },
          { id: 'rest', use: {} },
        ],
      },
    });
    const { route, rules } = one.explain(factsOf({ model: 'claude-haiku-9' }));
    expect(route).toBe('rule haiku');
    expect(rules.map(({ outcome }) => outcome)).toEqual(['matched', 'not-reached']);
  });
  it('hostile names are refused quickly', () => {
    const one = router({ providers: [local('a', ['x'.repeat(200)])] });
    const started = performance.now();
    expect(() => one.plan(factsOf({ model: 'y'.repeat(1_000_000) }))).toThrow(ProxyError);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
