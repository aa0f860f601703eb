import type { TokenUsage } from '../../src-shared/requests.ts';

/** US dollars for a million tokens. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  /** Input that the provider has in its cache. Absent: as any other input. */
  readonly cacheRead?: number | undefined;
  /** Input that it puts there. Absent: as any other input. */
  readonly cacheWrite?: number | undefined;
}

/** What a model costs. */
export interface Price extends Rates {
  /** What a request costs whose input is larger, all of it. */
  readonly tiers?: readonly (Rates & { readonly inputTokensAbove: number })[];
}

/** Of servers that are one's own, and of the demo. */
export const free: Price = { input: 0, output: 0 };

/** US dollars that a request costs. */
export function costOf(price: Price, { input, cacheRead, cacheWrite, output }: TokenUsage): number {
  const rates = ratesFor(price, input + cacheRead + cacheWrite);
  const dollars =
    input * rates.input +
    cacheRead * (rates.cacheRead ?? rates.input) +
    cacheWrite * (rates.cacheWrite ?? rates.input) +
    output * rates.output;
  return dollars / 1e6;
}

function ratesFor(price: Price, inputTokens: number): Rates {
  let rates: Rates = price;
  let above = -1;
  for (const tier of price.tiers ?? [])
    if (inputTokens > tier.inputTokensAbove && tier.inputTokensAbove > above) {
      rates = tier;
      above = tier.inputTokensAbove;
    }
  return rates;
}
