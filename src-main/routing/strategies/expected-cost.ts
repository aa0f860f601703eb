import { costOf, type Price } from '../../providers/model-prices.ts';
import type { Expectation } from '../outcomes.ts';
import type { Target } from '../plan.ts';

/** What a request is expected to cost at a target, in US dollars; null where its price is not known. */
export function expectedCost(target: Target, inputTokens: number, expectation: Expectation): number | null {
  const price: Price | null = target.provider.priceOf(target.model);
  if (price === null) return null;
  const cacheRead = inputTokens * (expectation.cacheRead ?? 0);
  const cacheWrite = Math.min(inputTokens - cacheRead, inputTokens * (expectation.cacheWrite ?? 0));
  const input = inputTokens - cacheRead - cacheWrite;
  return costOf(price, { input, cacheRead, cacheWrite, output: expectation.output });
}
