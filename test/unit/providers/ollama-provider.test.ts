import { expect, it } from 'vitest';
import { makeProvider } from '../../helpers/providers.ts';

const windows = (contextWindow?: number) => {
  const provider = makeProvider({ type: 'ollama', ...(contextWindow === undefined ? {} : { contextWindow }) });
  const before = provider.window;
  provider.knowModels(
    [{ id: 'small', contextWindow: 40_960 }, { id: 'large', contextWindow: 262_144 }, { id: 'silent' }],
    Date.now(),
  );
  const ofModels = ['small', 'large', 'silent'].map((model) => provider.factsOf(model).contextWindow);
  return { before, after: provider.window, ofModels };
};

it('a model has room for what Ollama is told to make room for, and not for more than its own window', () => {
  expect(windows().ofModels).toEqual([40_960, 65_536, 65_536]);
  expect(windows(131_072).ofModels).toEqual([40_960, 131_072, 131_072]);
  expect(windows(8_192).ofModels).toEqual([8_192, 8_192, 8_192]);
});

it('what it is told does not change with what its list tells: it would load the model anew', () => {
  expect(windows()).toMatchObject({ before: 65_536, after: 65_536 });
  expect(windows(131_072)).toMatchObject({ before: 131_072, after: 131_072 });
});
