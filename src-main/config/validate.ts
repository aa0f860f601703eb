import type { z } from 'zod';
import { type Config, configSchema } from '../../src-shared/config.ts';
import { nearName, plainName } from '../../src-shared/near-names.ts';
import { problemOfExpression } from '../routing/regular-expression.ts';
import { createRedactor } from '../secrets/redact.ts';
import type { ConfigProblem, Place } from './config-error.ts';
import { isSection, valueAt } from './overlay.ts';
import { type ConfigPath, chosenFor, fixedPaths, formatPath, shapeAt } from './schema-shape.ts';

export type FindPlace = (path: ConfigPath, part: 'name' | 'value') => Place;

/** Checks a configuration as a whole. Gives every problem, with where it stands, what was found and what is expected. */
export function validateConfig(
  value: unknown,
  findPlace: FindPlace,
): { config: Config; problems: null } | { config: null; problems: ConfigProblem[] } {
  const read = configSchema.safeParse(value);
  const expressions = expressionProblems(value, findPlace);
  if (read.success && expressions.length === 0) return { config: read.data, problems: null };
  const issues = read.error?.issues.flatMap(exactIssues) ?? [];
  const problems = [...issues.flatMap((issue) => problemsOf(issue, value, findPlace)), ...expressions];
  return { config: null, problems: problems.sort((a, b) => order(a) - order(b)) };
}

/** Down the file, as one corrects it. */
function order({ place }: ConfigProblem): number {
  return place.in === 'file' ? place.line * 1e6 + place.column : -1;
}

/**
 * Of a value that fits none of several forms, what is wrong with it in the form that it was meant to have: the one of its kind.
 * Where it is of no form's kind, the issue itself says which there are.
 */
function exactIssues(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const forms = issue.errors.map((inner) => inner.flatMap(exactIssues)).filter((inner) => inner.length > 0);
  const [best] = forms
    .filter((inner) => misfit(inner) < 2)
    .sort((a, b) => misfit(a) - misfit(b) || a.length - b.length);
  return best === undefined ? [issue] : best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** How far a value is from a form: 0 for one of its kind, 1 where it is none of the values, which may be of any kind; else 2. */
function misfit(issues: readonly z.core.$ZodIssue[]): number {
  const whole = issues.filter(({ path }) => path.length === 0).map(({ code }) => code);
  if (whole.includes('invalid_type') || whole.includes('invalid_union')) return 2;
  return whole.includes('invalid_value') ? 1 : 0;
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

/** Regular expressions of rules that are none. The schema cannot say so: it is for the page, too. */
function expressionProblems(value: unknown, findPlace: FindPlace): ConfigProblem[] {
  const rules = valueAt(value, ['routing', 'rules']);
  if (!Array.isArray(rules)) return [];
  return rules
    .flatMap((rule, index) => expressionsIn(valueAt(rule, ['when']), ['routing', 'rules', index, 'when']))
    .flatMap(({ path, source }) => {
      const problem = problemOfExpression(source);
      const message = `is no regular expression: ${problem}`;
      return problem === null ? [] : [{ place: findPlace(path, 'value'), path: formatPath(path), message }];
    });
}

function expressionsIn(value: unknown, path: ConfigPath): { path: ConfigPath; source: string }[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => expressionsIn(item, [...path, index]));
  if (!isSection(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const here = [...path, name];
    // Below headers it may be the name of one.
    const isExpression = name === 'regex' && typeof field === 'string' && path.at(-1) !== 'headers';
    return isExpression ? [{ path: here, source: field }] : expressionsIn(field, here);
  });
}

function unknownField(path: ConfigPath, key: string): string {
  const here = shapeAt(configSchema, path);
  const shape = here === null ? null : chosenFor(key, here);
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
      if (meant !== null && values.length > MOST_LISTED) return `must be one of ${values.length} values${found}${hint}`;
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

/** Of more values, one that is near says enough. */
const MOST_LISTED = 12;

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
  const secret = path.some((segment) => /^headers$|key|token(?!s)|secret|password/i.test(String(segment)));
  if (secret || /[@?]/.test(value)) return `text of ${value.length} characters, not shown here`;
  return JSON.stringify(redact(value.length > 60 ? `${value.slice(0, 60)}…` : value));
}
