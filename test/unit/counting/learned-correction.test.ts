import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LearnedCorrection } from '../../../src-main/counting/learned-correction.ts';
import { featureNames, type PromptFeatures } from '../../../src-main/counting/prompt-features.ts';

const zero: PromptFeatures = { text: 0, numbers: 0, foreign: 0, tools: 0, media: 0, frame: 0 };
const family: PromptFeatures = { text: 1, numbers: 1, foreign: 1, tools: 1, media: 1, frame: 1 };
const prompt = (features: Partial<PromptFeatures>): PromptFeatures => ({ ...zero, ...features });
const sum = (features: PromptFeatures): number => featureNames.reduce((total, name) => total + features[name], 0);
const counted = (features: PromptFeatures, factors: PromptFeatures): number =>
  featureNames.reduce((total, name) => total + features[name] * factors[name], 0);

const work = prompt({ text: 20_000, numbers: 1500, foreign: 300, tools: 4000, frame: 600 });
/** Prompts with mixtures of their own. */
const mixtures: readonly PromptFeatures[] = Array.from({ length: 30 }, (_, index) =>
  prompt({
    text: 3000 + 900 * index,
    numbers: 200 + ((index * 7919) % 3000),
    foreign: index % 3 === 0 ? 4000 : 0,
    tools: 4000,
    media: index % 4 === 0 ? 3000 : 0,
    frame: 100 + 20 * index,
  }),
);

const anyFeatures: fc.Arbitrary<PromptFeatures> = fc.record({
  text: fc.integer({ min: 1, max: 200_000 }),
  numbers: fc.integer({ min: 0, max: 50_000 }),
  foreign: fc.integer({ min: 0, max: 50_000 }),
  tools: fc.integer({ min: 0, max: 50_000 }),
  media: fc.integer({ min: 0, max: 50_000 }),
  frame: fc.integer({ min: 3, max: 5000 }),
});

describe('learning from what a model counts', () => {
  it("begins with the family's factors", () => {
    const correction = new LearnedCorrection({ ...family, text: 1.5, media: 1.2 });
    expect(correction.apply(prompt({ text: 1000, media: 100 }))).toBe(1620);
    expect(correction.samples).toBe(0);
    expect(correction.dataToSave()).toBeNull();
  });

  it('is nearly right after the first answer, for prompts like it', () => {
    const correction = new LearnedCorrection(family);
    correction.learn(work, sum(work) * 1.3);
    const next = prompt({ ...work, text: 24_000 });
    expect(Math.abs(correction.apply(next) / (sum(next) * 1.3) - 1)).toBeLessThan(0.02);
    // What it has seen little of moves with the rest.
    expect(correction.apply(prompt({ foreign: 1000 }))).toBeGreaterThan(1050);
    expect(correction.samples).toBe(1);
  });

  it('is sure of what it has seen, not of other content, and never of reports that its family would not give', () => {
    const truth = { ...family, media: 0.5 };
    const correction = new LearnedCorrection(family);
    expect(correction.least(work)).toBe(0);
    for (let sample = 0; sample < 4; sample += 1) correction.learn(work, counted(work, truth) * 1.08);
    expect(correction.least(work) / (sum(work) * 1.08)).toBeGreaterThan(0.97);
    const images = prompt({ ...work, media: 60_000 });
    expect(correction.least(images)).toBeLessThan(counted(images, truth) * 1.08);
    const twice = new LearnedCorrection(family);
    for (let sample = 0; sample < 4; sample += 1) twice.learn(work, sum(work) * 1.9);
    expect([twice.apply(work) > sum(work) * 1.5, twice.least(work)]).toEqual([true, 0]);
  });

  it('does not take what came from a cache twice, where a server has it in both of its numbers', () => {
    const correction = new LearnedCorrection(family);
    for (const [index, features] of mixtures.entries()) {
      const whole = sum(features) * 1.1;
      const cached = index === 0 ? 0 : whole * 0.95;
      correction.learn(features, correction.likelier(features, whole + cached, whole));
    }
    expect(Math.abs(correction.apply(work) / (sum(work) * 1.1) - 1)).toBeLessThan(0.02);
  });

  it('takes both parts together where that is the whole, of dense tokenizers too', () => {
    for (const factor of [0.9, 1.1, 1.45]) {
      const correction = new LearnedCorrection(family);
      for (const [index, features] of mixtures.entries()) {
        const whole = sum(features) * factor;
        const kept = whole * (index % 2 === 0 ? 0.05 : 0.6);
        expect(correction.likelier(features, whole, kept)).toBe(whole);
        correction.learn(features, whole);
      }
    }
  });

  it('tells the kinds of content apart once it has seen several mixtures', () => {
    const truth: PromptFeatures = { text: 1.1, numbers: 1.7, foreign: 0.7, tools: 0.8, media: 1.4, frame: 1.3 };
    const correction = new LearnedCorrection(family);
    for (const features of mixtures) correction.learn(features, counted(features, truth));
    for (const name of ['text', 'numbers', 'foreign', 'tools', 'media'] as const) {
      const alone = prompt({ [name]: 10_000 });
      expect(Math.abs(correction.apply(alone) / counted(alone, truth) - 1), name).toBeLessThan(0.1);
    }
  });

  it('comes to much the same in any order', () => {
    const truth: PromptFeatures = { text: 1.2, numbers: 1.5, foreign: 0.8, tools: 0.9, media: 1, frame: 1 };
    const judged = prompt({ text: 30_000, numbers: 2000, foreign: 1000, tools: 5000, media: 1000, frame: 500 });
    fc.assert(
      fc.property(fc.shuffledSubarray([...mixtures], { minLength: mixtures.length }), (order) => {
        const correction = new LearnedCorrection(family);
        for (const features of order) correction.learn(features, counted(features, truth));
        expect(Math.abs(correction.apply(judged) / counted(judged, truth) - 1)).toBeLessThan(0.03);
      }),
    );
  });

  it('stays within bounds, whatever it is told', () => {
    const strange = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 0, -5, 1e300),
      fc.integer({ min: 1, max: 2_000_000 }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(anyFeatures, strange)), anyFeatures, (samples, judged) => {
        const correction = new LearnedCorrection(family);
        for (const [features, tokens] of samples) correction.learn(features, tokens);
        const tokens = correction.apply(judged);
        expect(tokens).toBeGreaterThanOrEqual(Math.floor(0.5 * sum(judged)));
        expect(tokens).toBeLessThanOrEqual(Math.ceil(2.5 * sum(judged)));
      }),
    );
  });

  it.each<[string, number]>([
    ['nothing', 0],
    ['only what was not cached', 1200],
    ['something absurd', 1_000_000],
    ['no number', Number.NaN],
  ])('leaves a server aside that reports %s', (_, tokens) => {
    const correction = new LearnedCorrection(family);
    for (let sample = 0; sample < 20; sample += 1) correction.learn(work, tokens);
    expect(correction.samples).toBe(0);
    expect(correction.apply(work)).toBe(sum(work));
  });

  it('is not led astray by one answer among many', () => {
    const correction = new LearnedCorrection(family);
    for (const features of mixtures) correction.learn(features, sum(features) * 1.1);
    const before = correction.apply(work);
    correction.learn(work, sum(work) * 0.55);
    expect(Math.abs(correction.apply(work) / before - 1)).toBeLessThan(0.05);
  });

  it('follows a provider that puts another model behind the name', () => {
    const correction = new LearnedCorrection(family);
    for (let sample = 0; sample < 200; sample += 1) correction.learn(work, sum(work) * 1.1);
    for (let sample = 0; sample < 30; sample += 1) correction.learn(work, sum(work) * 1.5);
    expect(Math.abs(correction.apply(work) / (sum(work) * 1.5) - 1)).toBeLessThan(0.03);
  });
});

describe('keeping what was learned', () => {
  const taught = (): LearnedCorrection => {
    const correction = new LearnedCorrection(family);
    for (const features of mixtures) correction.learn(features, sum(features) * 1.25);
    return correction;
  };

  it('goes on where it was, through JSON', () => {
    const correction = taught();
    const data: unknown = JSON.parse(JSON.stringify(correction.dataToSave()));
    const again = new LearnedCorrection(family, data);
    expect(again.apply(work)).toBe(correction.apply(work));
    expect(again.samples).toBe(mixtures.length);
    again.learn(work, sum(work) * 1.3);
    correction.learn(work, sum(work) * 1.3);
    expect(again.apply(work)).toBe(correction.apply(work));
  });

  it('saves only what has changed', () => {
    const correction = taught();
    expect(correction.dataToSave()).not.toBeNull();
    expect(correction.dataToSave()).toBeNull();
    correction.learn(work, sum(work) * 1.25);
    expect(correction.dataToSave()).toBeNull();
    for (let sample = 0; sample < 10; sample += 1) correction.learn(work, sum(work) * 1.5);
    expect(correction.dataToSave()).not.toBeNull();
  });

  const good = taught().dataToSave() as { factors: number[]; spread: number[][] };
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'factors'],
    ['another version', { ...good, version: 2 }],
    ['too few factors', { ...good, factors: [1, 1] }],
    ['an absurd factor', { ...good, factors: good.factors.map(() => 40) }],
    ['no numbers', { ...good, spread: good.spread.map((row) => row.map(() => 'x')) }],
  ])('leaves %s aside', (_, data) => {
    const correction = new LearnedCorrection(family, data);
    expect(correction.samples).toBe(0);
    expect(correction.apply(work)).toBe(sum(work));
  });

  it('is not broken by a spread that cannot be', () => {
    const negative = { ...good, spread: good.spread.map((row) => row.map(() => -1e9)) };
    const correction = new LearnedCorrection(family, negative);
    for (let sample = 0; sample < 5; sample += 1) correction.learn(work, sum(work) * 1.4);
    expect(Math.abs(correction.apply(work) / (sum(work) * 1.4) - 1)).toBeLessThan(0.05);
  });
});
