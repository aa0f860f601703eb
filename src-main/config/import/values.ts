import { isSection } from '../overlay.ts';

/** Other programs' files are read leniently: what is not of the expected kind counts as absent. */

type Section = Record<string, unknown>;

export function sectionOf(value: unknown): Section {
  return isSection(value) ? value : {};
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** @returns the trimmed text; undefined where it is none, or empty. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text === '' ? undefined : text;
}

export function textsOf(value: unknown): string[] {
  return listOf(value).flatMap((item) => textOf(item) ?? []);
}

/** A number, or a text that is one. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** The same for counts and times, of which nothing but whole ones above 0 mean anything. */
export function countOf(value: unknown): number | undefined {
  const number = numberOf(value);
  return number !== undefined && Number.isInteger(number) && number > 0 ? number : undefined;
}

/** A boolean, or a text that is one. */
export function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  if (/^(true|1|yes|on)$/i.test(value.trim())) return true;
  return /^(false|0|no|off)$/i.test(value.trim()) ? false : undefined;
}

/** Without the fields that are undefined, which YAML would write as null. */
export function defined(fields: Section): Section {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
