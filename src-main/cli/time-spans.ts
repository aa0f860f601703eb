import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

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
