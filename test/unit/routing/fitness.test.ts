import { describe, expect, it } from 'vitest';
import type { RoutingFacts } from '../../../src-shared/routing.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';

const model = (id: string, capabilities: object, contextWindow?: number) => ({
  id,
  capabilities,
  ...(contextWindow === undefined ? {} : { contextWindow }),
});

const { router } = routerFor({
  providers: [
    {
      id: 'a',
      type: 'openai-compatible',
      baseUrl: 'http://127.0.0.1:1',
      models: [
        model('plain', { tools: false, vision: false, documents: false }),
        model('small', { tools: true }, 8_000),
        model('unheard-of', {}),
        model('able', { tools: true, vision: true, documents: true }, 100_000),
      ],
    },
  ],
  aliases: { all: ['a/plain', 'a/small', 'a/unheard-of', 'a/able'], poor: ['a/plain', 'a/small'] },
});

function sorted(asked: string, facts: Partial<RoutingFacts>): { targets: string[]; skipped: string[] } {
  const plan = router.plan(factsOf({ model: asked, ...facts }));
  return {
    targets: plan.targets.map((target) => target.model),
    skipped: plan.trace.flatMap(({ step, detail }) => (step === 'target skipped' ? [detail] : [])),
  };
}

describe('a target that cannot do what a request needs is skipped, with the reason', () => {
  it.each([
    [{ tools: ['Read'] }, ['a/plain: it cannot call tools']],
    [{ images: true }, ['a/plain: it reads no images']],
    [{ documents: true }, ['a/plain: it reads no documents']],
    [{ inputTokens: 20_000 }, ['a/small: about 20,000 tokens are more than its window of 8,000']],
  ])('%o', (facts, skipped) => {
    const found = sorted('all', facts);
    expect(found.skipped).toEqual(skipped);
    expect(found.targets).toHaveLength(3);
  });

  it('what is not known of a model is no reason', () => {
    expect(sorted('all', { tools: ['Read'], images: true, documents: true }).targets).toContain('unheard-of');
  });

  it('an estimate that may be wrong by half is left to the exact check', () => {
    expect(sorted('all', { inputTokens: 9_000 }).targets).toContain('small');
  });

  it('where no target can, all are tried: what is known of them may be wrong', () => {
    const plan = router.plan(factsOf({ model: 'poor', tools: ['Read'], inputTokens: 1_000_000 }));
    expect(plan.targets.map((target) => target.model)).toEqual(['plain', 'small']);
    expect(plan.explain().candidates[0]).toMatchObject({
      place: 'target',
      why: 'it cannot call tools, but no other target is there',
    });
  });
});
