import { InvalidArgumentError } from 'commander';

const LONGEST_SPAN_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** A span from now on, a day at most, in ms. @throws InvalidArgumentError */
export function parseSpan(text: string): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit ?? ''] ?? Number.NaN);
  if (ms > 0 && ms <= LONGEST_SPAN_MS) return ms;
  throw new InvalidArgumentError('It is a span such as 30m or 2h, and a day at most.');
}

/**
 * A time in the past: a span before now (`30m`, `2h`, `7d`, `4w`), or a local day (`2026-11-01`).
 * @returns Unix time in ms. @throws InvalidArgumentError
 */
export function parseSince(text: string, now: number = Date.now()): number {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const ms = unit === undefined ? undefined : UNITS[unit];
  if (count !== undefined && ms !== undefined) return now - Number(count) * ms;
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year !== undefined) {
    const date = new Date(Number(year), Number(month) - 1, Number(day));
    if (date.getMonth() === Number(month) - 1 && date.getDate() === Number(day)) return date.getTime();
  }
  throw new InvalidArgumentError('It is a span such as 30m, 2h, 7d or 4w, or a day such as 2026-11-01.');
}
