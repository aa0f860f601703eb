import { dollars } from '../../src-shared/costs.ts';

/** How texts for models and people say things. */

/** Times, in ms: `35 ms`, `1.2 s`, `75 s`. */
export const span = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

export const count = (number: number): string => number.toLocaleString('en-US');

/** US dollars; what is not known is said, and never shown as zero. */
export const cost = (usd: number | null): string => (usd === null ? 'cost unknown' : dollars(usd));

/** `1 model`, `2 models`. */
export const amount = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`;

export const targetName = ({ provider, model }: { provider: string; model: string }): string => `${provider}/${model}`;

/** Unix time in ms, by the clock of this machine: `2026-11-23 14:03:11`, as Sweden writes it. */
export const clock = (at: number): string => new Date(at).toLocaleString('sv-SE');

/** Lines, each with a dash. */
export const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');

/** Paragraphs that say something. */
export const paragraphs = (...texts: readonly (string | null)[]): string =>
  texts.filter((text) => text !== null && text !== '').join('\n\n');
