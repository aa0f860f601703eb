import { expect, it } from 'vitest';
import type { BaseProvider } from '../../../src-main/providers/base-provider.ts';
import { WarmUp } from '../../../src-main/providers/warm-up.ts';
import { makeProvider } from '../../helpers/providers.ts';

/** A server whose models load when they are let. */
function server(warmUp: string[]) {
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  const provider: BaseProvider = makeProvider({ type: 'ollama', warmUp });
  provider.loadModel = (model, signal) => {
    asked.push(model);
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  return { provider, asked, signals };
}

it('loads what a new provider names, once, and gives up for one that is gone', async () => {
  const warnings: string[] = [];
  const warm = new WarmUp({ onWarning: (warning) => warnings.push(warning), onLoaded: () => undefined });
  const [a, b] = [server(['m']), server(['n'])];
  warm.follow([a.provider]);
  warm.follow([a.provider, b.provider]);
  expect([a.asked, b.asked]).toEqual([['m'], ['n']]);
  warm.follow([b.provider]);
  expect([a.signals[0]?.aborted, b.signals[0]?.aborted]).toEqual([true, false]);
  await warm.stop();
  expect(b.signals[0]?.aborted).toBe(true);
  warm.follow([a.provider]);
  expect([a.asked, warnings]).toEqual([['m'], []]);
});
