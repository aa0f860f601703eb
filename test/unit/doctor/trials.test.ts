import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrialAnswer } from '../../../src-main/doctor/trial-answer.ts';
import { estimateTrials, sum } from '../../../src-main/doctor/trial-cost.ts';
import { redSquare } from '../../../src-main/doctor/trial-picture.ts';
import { isLocal, type KnownProvider, selectTargets, type TrialTarget } from '../../../src-main/doctor/trial-target.ts';
import { judgeCount, judgeStream, offers, trials } from '../../../src-main/doctor/trials.ts';
import { type ConfigInput, configSchema } from '../../../src-shared/config.ts';
import type { ModelView } from '../../../src-shared/control.ts';

const facts = (id: string, rest: Partial<ModelView> = {}): ModelView => ({
  id,
  displayName: id,
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
  ...rest,
});

const select = (input: ConfigInput, { ids = [], pattern = null }: { ids?: string[]; pattern?: string | null } = {}) => {
  const config = configSchema.parse(input);
  const known = config.providers.map(
    (provider): KnownProvider => ({
      config: provider,
      models: (provider.models ?? []).map((model) => facts(typeof model === 'string' ? model : model.id)),
    }),
  );
  const { targets, left } = selectTargets(known, config, { ids, pattern });
  return {
    targets: targets.map(({ provider, model }) => `${provider}/${model}`),
    left: left.map((one) => one.provider),
  };
};

describe('which models are tried', () => {
  const providers: ConfigInput['providers'] = [
    { id: 'a', type: 'openrouter', models: ['x/one', 'x/two', 'y/one'] },
    { id: 'b', type: 'openai', models: ['one', 'three'] },
    { id: 'off', type: 'openai', models: ['one'], enabled: false },
    { id: 'login', type: 'anthropic', models: ['claude'], key: 'client' },
    { id: 'practice', type: 'demo' },
    { id: 'empty', type: 'vllm' },
  ];

  it('the first of each provider, where the configuration names none', () => {
    expect(select({ providers })).toEqual({
      targets: ['a/x/one', 'b/one'],
      left: ['off', 'login', 'practice', 'empty'],
    });
  });

  it('the one that the configuration names most often', () => {
    const config: ConfigInput = {
      providers,
      aliases: { fast: ['a/y/one', 'b/three'], slow: 'a/x/two' },
      routing: {
        tiers: { haiku: 'a/y/one' },
        rules: [
          { id: 'r', use: { targets: ['a/*', 'three'] } },
          { id: 'idle', enabled: false, use: { targets: ['b/one', 'b/one', 'b/one'] } },
        ],
        routes: { background: 'b/three', longContext: { targets: ['x/two'], fallback: 'a/y/one' } },
      },
    };
    expect(select(config).targets).toEqual(['a/y/one', 'b/three']);
  });

  it.each([
    ['all', ['a/x/one', 'a/x/two', 'a/y/one', 'b/one', 'b/three']],
    ['*one', ['a/x/one', 'a/y/one', 'b/one']],
    ['b/*', ['b/one', 'b/three']],
    ['X/O*', ['a/x/one']],
    ['.*', []],
  ])('those that %s means', (pattern, targets) => expect(select({ providers }, { pattern }).targets).toEqual(targets));

  it('of the providers that are named alone', () => {
    expect(select({ providers }, { ids: ['b', 'off'] })).toEqual({ targets: ['b/one'], left: ['off'] });
  });

  it('any pattern is a name, and no expression that could fail', () => {
    fc.assert(
      fc.property(fc.string(), (pattern) => {
        for (const target of select({ providers }, { pattern }).targets) expect(target).toMatch(/^[ab]\//);
      }),
    );
  });
});

const target = (model: ModelView, type: 'openai' | 'vllm' = 'openai'): TrialTarget => {
  const [config] = configSchema.parse({ providers: [{ id: 'p', type, models: [model.id] }] }).providers;
  if (config === undefined) throw new Error('no provider');
  return { provider: 'p', model: model.id, config, facts: model, why: '' };
};

describe('the cost', () => {
  it('of a model that can less is less', () => {
    const [all] = estimateTrials([target(facts('m'))]);
    const [few] = estimateTrials([target(facts('m', { tools: false, images: false, reasoning: false }))]);
    expect(all).toMatchObject({ calls: 10 });
    // Tools, parallel tools, results, pictures and thinking.
    expect(few).toMatchObject({ calls: 5 });
    expect(few?.inputTokens).toBeLessThan(all?.inputTokens ?? 0);
  });

  it('of a long prompt follows the window', () => {
    const tokens = (contextWindow: number | null) => trials.long.tokens(facts('m', { contextWindow })).input;
    expect([tokens(null), tokens(4_096), tokens(1_000_000)]).toEqual([8_000, 2_048, 8_000]);
  });

  it('never falls with more models, and its most is never below what is expected', () => {
    const model = fc.record({
      reasoning: fc.constantFrom(true, false, null),
      maxOutput: fc.option(fc.integer({ min: 1, max: 100_000 })),
      contextWindow: fc.option(fc.integer({ min: 1, max: 2_000_000 })),
      price: fc.option(
        fc.record({
          input: fc.double({ min: 0, max: 100, noNaN: true }),
          output: fc.double({ min: 0, max: 100, noNaN: true }),
        }),
      ),
    });
    fc.assert(
      fc.property(fc.array(model, { minLength: 1, maxLength: 5 }), (models) => {
        const targets = models.map((rest, index) => target(facts(`m${index}`, rest)));
        const [one] = estimateTrials(targets.slice(0, 1));
        const all = sum(estimateTrials(targets));
        expect(all.calls).toBeGreaterThanOrEqual(one?.calls ?? 0);
        expect(all.unpriced).toHaveLength(models.filter(({ price }) => price === null).length);
        expect(all.dollars === null).toBe(all.unpriced.length === models.length);
        if (all.dollars !== null) expect(all.mostDollars).toBeGreaterThanOrEqual(all.dollars);
      }),
    );
  });
});

describe('judgements', () => {
  const streamed = (rest: Partial<TrialAnswer>): TrialAnswer => ({
    status: 200,
    error: null,
    text: 'one, two',
    thinking: '',
    calls: [],
    content: [],
    stopReason: 'end_turn',
    usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 1 },
    pieces: 12,
    firstTextMs: 300,
    endMs: 900,
    headers: null,
    json: null,
    ...rest,
  });

  it.each<[string, Partial<TrialAnswer>, string]>([
    ['a stream', {}, 'ok'],
    ['one that is fast from its beginning', { firstTextMs: 20, endMs: 30 }, 'ok'],
    ['one piece', { pieces: 1 }, 'warn'],
    ['one that was held back until its end', { firstTextMs: 4_000, endMs: 4_010 }, 'warn'],
    ['no counts', { usage: null }, 'warn'],
    ['thinking without end', { text: '', stopReason: 'max_tokens' }, 'warn'],
    ['nothing', { text: '' }, 'fail'],
  ])('of %s', (_name, answer, state) => expect(judgeStream(streamed(answer), target(facts('m'))).state).toBe(state));

  it.each<[unknown, number | null, string]>([
    [{ input_tokens: 20 }, null, 'ok'],
    [{ input_tokens: 20 }, 90, 'ok'],
    [{ input_tokens: 20 }, 2_000, 'warn'],
    [{ input_tokens: 0 }, null, 'fail'],
    [{}, null, 'fail'],
    [null, null, 'fail'],
  ])('of a count %j beside %j', (json, input, state) => {
    const usage = input === null ? null : { input, cacheRead: 0, cacheWrite: 0, output: 1 };
    expect(judgeCount({ json, headers: null }, usage).state).toBe(state);
  });

  it('what calls no tools calls none in parallel', () => {
    expect(offers(facts('m', { tools: false, parallelTools: true }), trials.parallel)).toBe(false);
    expect(offers(facts('m'), trials.parallel)).toBeNull();
    expect(offers(facts('m', { images: true }), trials.images)).toBe(true);
    expect(offers(facts('m'), trials.plain)).toBe(true);
  });

  it('a server of one’s own is known by its type or its address', () => {
    expect(isLocal(target(facts('m'), 'vllm').config)).toBe(true);
    expect(isLocal(target(facts('m')).config)).toBe(false);
    expect(isLocal({ ...target(facts('m')).config, baseUrl: 'http://localhost:8000/v1' })).toBe(true);
  });
});

it('the picture is a red square', () => {
  const png = Buffer.from(redSquare(), 'base64');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  const length = png.readUInt32BE(33);
  expect(png.subarray(37, 41).toString()).toBe('IDAT');
  const pixels = inflateSync(png.subarray(41, 41 + length));
  expect(pixels).toHaveLength(64 * (1 + 64 * 3));
  expect([...pixels.subarray(1, 4)]).toEqual([220, 20, 20]);
});
