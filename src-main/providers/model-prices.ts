import type { TokenUsage } from '../../src-shared/requests.ts';

/** US dollars for a million tokens. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  /** Input that the provider has in its cache. Absent: as any other input. */
  readonly cacheRead?: number | undefined;
  /** Input that it puts there. Absent: as any other input. */
  readonly cacheWrite?: number | undefined;
  /** Input that it puts there for an hour. Absent: as `cacheWrite`. */
  readonly cacheWrite1h?: number | undefined;
}

/** What a model costs. */
export interface Price extends Rates {
  /** What a request costs whose input is larger, all of it. */
  readonly tiers?: readonly (Rates & { readonly inputTokensAbove: number })[];
  /** What it cost before: each until a Unix time in ms. */
  readonly before?: readonly (Price & { readonly until: number })[] | undefined;
}

/** Of servers that are one's own, and of the demo. */
export const free: Price = { input: 0, output: 0 };

/** US dollars that a request costs. @param at Unix time in ms at which it is made. */
export function costOf(price: Price, usage: TokenUsage, at: number = Date.now()): number {
  const { input, cacheRead, cacheWrite, cacheWrite1h = 0, output } = usage;
  const rates = ratesFor(priceAt(price, at), input + cacheRead + cacheWrite);
  const write = rates.cacheWrite ?? rates.input;
  const dollars =
    input * rates.input +
    cacheRead * (rates.cacheRead ?? rates.input) +
    (cacheWrite - cacheWrite1h) * write +
    cacheWrite1h * (rates.cacheWrite1h ?? write) +
    output * rates.output;
  return dollars / 1e6;
}

/** Of the prices that ended later, the one that ended first held. */
function priceAt(price: Price, at: number): Price {
  let held: Price = price;
  let until = Number.POSITIVE_INFINITY;
  for (const before of price.before ?? [])
    if (at < before.until && before.until < until) {
      held = before;
      until = before.until;
    }
  return held;
}

/** Anthropic asks twice the price of input for what stays an hour (its docs, "Prompt caching", "Pricing"). */
export function withHour(price: Price): Price {
  const hour = <R extends Rates>(rates: R): R => ({ cacheWrite1h: rates.input * 2, ...rates });
  return { ...hour(price), ...(price.tiers === undefined ? {} : { tiers: price.tiers.map(hour) }) };
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
