import type { z } from 'zod';
import { type Config, configSchema } from '../../src-shared/config.ts';
import { nearName, plainName } from '../../src-shared/near-names.ts';
import { createRedactor } from '../secrets/redact.ts';
import type { ConfigProblem, Place } from './config-error.ts';
import { valueAt } from './overlay.ts';
import { type ConfigPath, fixedPaths, formatPath, shapeAt } from './schema-shape.ts';

export type FindPlace = (path: ConfigPath, part: 'name' | 'value') => Place;

/** Checks a configuration as a whole. Gives every problem, with where it stands, what was found and what is expected. */
export function validateConfig(
  value: unknown,
  findPlace: FindPlace,
): { config: Config; problems: null } | { config: null; problems: ConfigProblem[] } {
  const read = configSchema.safeParse(value);
  if (read.success) return { config: read.data, problems: null };
  const problems = read.error.issues.flatMap((issue) => problemsOf(issue, value, findPlace));
  return { config: null, problems: problems.sort((a, b) => order(a) - order(b)) };
}

/** Down the file, as one corrects it. */
function order({ place }: ConfigProblem): number {
  return place.in === 'file' ? place.line * 1e6 + place.column : -1;
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, findPlace: FindPlace): ConfigProblem[] {
  const path = issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      place: findPlace([...path, key], 'name'),
      path: formatPath([...path, key]),
      message: unknownField(path, key),
    }));
  return [{ place: findPlace(path, 'value'), path: formatPath(path), message: describe(issue, path, value) }];
}

function unknownField(path: ConfigPath, key: string): string {
  const shape = shapeAt(configSchema, path);
  const known = shape?.kind === 'section' ? [...shape.fields.keys()] : [];
  const elsewhere = fixedPaths(configSchema).find((fixed) => plainName(fixed.at(-1) ?? '') === plainName(key));
  const meant = nearName(key, known) ?? (elsewhere === undefined ? null : formatPath(elsewhere));
  if (meant !== null) return `there is no such field; did you mean ${meant}?`;
  return `there is no such field; known here: ${known.filter((name) => name !== '$schema').join(', ')}`;
}

function describe(issue: z.core.$ZodIssue, path: ConfigPath, whole: unknown): string {
  const value = valueAt(whole, path);
  const found = `; found ${describeValue(value, path)}`;
  switch (issue.code) {
    case 'invalid_type': {
      const expected = expectedWords[issue.expected] ?? issue.expected;
      if (value === undefined) return `is missing; expected ${expected}`;
      const quote = issue.expected === 'string' && typeof value !== 'object' ? ' (put it in quotes)' : '';
      return `must be ${expected}${found}${quote}`;
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      if (value === undefined) return `is missing; expected one of ${values.join(', ')}`;
      const meant = typeof value === 'string' ? nearName(value, values) : null;
      const hint = meant === null ? '' : `; did you mean ${meant}?`;
      return `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}${found}${hint}`;
    }
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${found}`
        : 'must not be empty';
    case 'too_big':
      return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${found}`;
    case 'invalid_key':
      return `the name ${issue.issues[0]?.message ?? 'is not allowed'}`;
    case 'custom':
      return issue.message;
    default:
      return `${issue.message}${found}`;
  }
}

const expectedWords: Partial<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section (name: value)',
  record: 'a section (name: value)',
};

const redact = createRedactor([]);

/** What was found, in words. A value that may be a secret is only described. */
function describeValue(value: unknown, path: ConfigPath): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a section';
  if (typeof value !== 'string') return String(value);
  const secret = path.some((segment) => /^headers$|key|token|secret|password/i.test(String(segment)));
  if (secret || /[@?]/.test(value)) return `text of ${value.length} characters, not shown here`;
  return JSON.stringify(redact(value.length > 60 ? `${value.slice(0, 60)}…` : value));
}
