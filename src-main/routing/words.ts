/** @param part 0 to 1. */
export const inPercent = (part: number): string => `${Math.round(part * 100)} %`;

/** A time in ms, to two digits. */
export const inSeconds = (ms: number): string => `${rounded(ms / 1000)} s`;

/** US dollars, to two digits, however few. */
export const inDollars = (dollars: number): string => `$${rounded(dollars)}`;

export const inTokens = (tokens: number): string => `${Math.round(tokens).toLocaleString('en-US')} tokens`;

const rounded = (value: number): string =>
  value.toLocaleString('en-US', { maximumSignificantDigits: 2, maximumFractionDigits: 20 });
