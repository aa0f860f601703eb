import { describe, expect, it } from 'vitest';
import { type Kind, type KindAccuracy, measureAccuracy } from '../../helpers/counting-accuracy.ts';
import { llama, unknownModel } from '../../helpers/stand-in-models.ts';

const of = (kind: Kind, results: readonly KindAccuracy[]): KindAccuracy => {
  const found = results.find((result) => result.kind === kind);
  if (found === undefined) throw new Error(`${kind} was not measured`);
  return found;
};

describe('counts beside those of servers with other tokenizers', () => {
  it('learns the scripts of who writes in them', () => {
    const { before, after } = of('other scripts', measureAccuracy(unknownModel(), 'other scripts'));
    expect(Math.abs(before)).toBeGreaterThan(0.1);
    expect(Math.abs(after)).toBeLessThanOrEqual(0.05);
  });

  it('learns what images cost', () => {
    const { before, after } = of('images', measureAccuracy(llama()));
    expect(Math.abs(before)).toBeGreaterThan(0.1);
    expect(Math.abs(after)).toBeLessThanOrEqual(0.05);
  });

  it.each([unknownModel, llama])('is close for code, prose and tools after an hour of work', (model) => {
    const results = measureAccuracy(model());
    for (const [kind, most] of [
      ['code', 0.05],
      ['prose', 0.05],
      ['tools', 0.06],
    ] as const)
      expect(Math.abs(of(kind, results).after), kind).toBeLessThanOrEqual(most);
  });
});
