import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListedModels } from '../../../src-main/providers/listed-models.ts';
import { makeProvider } from '../../helpers/providers.ts';

function listed(...ids: string[]): ListedModels {
  const models = new ListedModels(null, []);
  models.setFetched(
    ids.map((id) => ({ id })),
    1,
  );
  return models;
}

describe('the name of a model', () => {
  it.each([
    ['claude-sonnet-5-5', ['anthropic/claude-sonnet-5.5', 'openai/gpt-5.1'], 'anthropic/claude-sonnet-5.5'],
    ['claude-sonnet-4-5-20250929', ['anthropic/claude-sonnet-4.5'], 'anthropic/claude-sonnet-4.5'],
    ['claude-haiku-4-5', ['claude-haiku-4-5-20251001'], 'claude-haiku-4-5-20251001'],
    ['glm-5.3', ['zai-org/GLM-5.3'], 'zai-org/GLM-5.3'],
    ['GPT-5.1', ['gpt-5.1'], 'gpt-5.1'],
  ])('%s is found among %j', (asked, ids, found) => {
    expect(listed(...ids).nameOf(asked)).toBe(found);
  });

  it.each([
    ['several vendors have it', 'm', ['a/m', 'b/m']],
    ['it is of another date', 'gpt-4o-2024-05-13', ['gpt-4o-2024-08-06']],
    ['it is of another vendor', 'a/m', ['b/m']],
    ['several dates are there', 'm', ['m-20250101', 'm-20250202']],
    ['it is free, and the other is not', 'm', ['m:free']],
    ['it is part of another name', 'gpt-5', ['gpt-5-mini', 'gpt-5.1']],
  ])('is null where %s', (_why, asked, ids) => {
    expect(listed(...ids).nameOf(asked)).toBeNull();
  });

  const part = fc.stringMatching(/^[a-zA-Z0-9.-]{1,6}$/);
  const id = fc.oneof(
    part,
    fc.tuple(part, part).map((parts) => parts.join('/')),
    fc.string(),
    part.map((name) => `${name}-20250101`),
  );
  it('is itself where it is listed, and otherwise one that is listed, or null', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id), id, (ids, asked) => {
        const models = listed(...ids);
        for (const own of ids) expect(models.nameOf(own)).toBe(own);
        const name = models.nameOf(asked);
        if (name !== null) expect(ids).toContain(name);
      }),
    );
  });

  it('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id), id, (ids, asked) => {
        expect(listed(...ids.toReversed()).nameOf(asked)).toBe(listed(...ids).nameOf(asked));
      }),
    );
  });
});

describe('a list', () => {
  it('has each model once, in the order of the provider', () => {
    expect(listed('b', 'a', 'b').ids).toEqual(['b', 'a']);
  });

  it('stays when a later one cannot be fetched, and says why', () => {
    const models = listed('m');
    models.setFailed('no network');
    expect(models.view()).toEqual({ source: 'fetched', count: 1, ids: ['m'], fetchedAt: 1, error: 'no network' });
    models.setFetched([], 2);
    expect(models.view()).toEqual({ source: 'fetched', count: 0, ids: [], fetchedAt: 2, error: null });
  });

  it('shows the beginning of a long one', () => {
    const view = listed(...Array.from({ length: 5000 }, (_, index) => `m${index}`)).view();
    expect([view.count, view.ids.length]).toEqual([5000, 200]);
  });
});

describe('facts', () => {
  const openai = { type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9' } as const;

  it('are what the user says of the model, then of the provider, then what the provider says, then the catalogue', () => {
    const provider = makeProvider({ ...openai, contextWindow: 50_000, capabilities: { tools: false } });
    const catalogue = provider.factsOf('gpt-oss-120b');
    expect(catalogue).toMatchObject({ contextWindow: 50_000, tools: false, reasoning: true, documents: null });
    provider.knowModels([{ id: 'gpt-oss-120b', contextWindow: 60_000, maxOutput: 7000, tools: true }], 1);
    expect(provider.factsOf('gpt-oss-120b')).toEqual({ ...catalogue, maxOutput: 7000 });

    const own = makeProvider({
      ...openai,
      contextWindow: 50_000,
      capabilities: { tools: false, vision: true },
      models: [{ id: 'm', contextWindow: 9000, capabilities: { tools: true } }, 'other'],
    });
    expect(own.factsOf('m')).toMatchObject({ contextWindow: 9000, tools: true, images: true });
    expect(own.factsOf('other')).toMatchObject({ contextWindow: 50_000, tools: false, images: true });
  });

  it('of a list make a window certain', () => {
    const provider = makeProvider(openai);
    expect(provider.assumesWindow('gpt-oss-120b')).toBe(true);
    provider.knowModels([{ id: 'gpt-oss-120b', contextWindow: 60_000 }], 1);
    expect(provider.assumesWindow('gpt-oss-120b')).toBe(false);
  });
});
