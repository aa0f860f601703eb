import type { Cost, RequestRow, TokenUsage } from './requests.ts';

/** US dollars that all attempts of a request cost; null where one of them used something whose price is not known. */
export function costOfRequest({ attempts }: Pick<RequestRow, 'attempts'>): number | null {
  let usd: number | null = null;
  for (const { usage, cost } of attempts) {
    if (cost !== null) usd = (usd ?? 0) + cost.usd;
    else if (usage !== null) return null;
  }
  return usd;
}

/** Tokens read and written by all attempts of a request; null where none was reported. */
export function tokensOfRequest({ attempts }: Pick<RequestRow, 'attempts'>): { read: number; written: number } | null {
  const known = attempts.flatMap(({ usage }) => usage ?? []);
  if (known.length === 0) return null;
  return {
    read: known.reduce((sum, usage) => sum + inputOf(usage), 0),
    written: known.reduce((sum, { output }) => sum + output, 0),
  };
}

/** All that was read, from the cache or not. */
export const inputOf = ({
  input,
  cacheRead,
  cacheWrite,
}: Pick<TokenUsage, 'input' | 'cacheRead' | 'cacheWrite'>): number => input + cacheRead + cacheWrite;

/** An amount for people, to two digits that say something: `$0.0042`, `$1.20`, `$1,204.50`. */
export function dollars(usd: number): string {
  if (usd === 0) return '$0';
  if (usd >= 1) return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (usd < 0.000001) return '<$0.000001';
  return `$${usd.toFixed(Math.min(8, 1 - Math.floor(Math.log10(usd)))).replace(/(\.\d\d+?)0+$/, '$1')}`;
}

/** Who says so is told where it is the provider. */
export const costInWords = (cost: Cost | null): string =>
  cost === null ? 'cost unknown' : `${dollars(cost.usd)}${cost.source === 'provider' ? ' (as the provider says)' : ''}`;
