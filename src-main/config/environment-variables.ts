import { configSchema } from '../../src-shared/config.ts';
import { nearName, plainName } from '../../src-shared/near-names.ts';
import type { ConfigProblem } from './config-error.ts';
import { isSection, layOver, valueAt } from './overlay.ts';
import { type ConfigPath, chosenFor, fixedPaths, formatPath, type Shape, shapeAt, shapeOf } from './schema-shape.ts';

/** Variables with our prefix that are not places in the configuration. */
const ownSwitches = new Set(['CPROXY_HOME', 'CPROXY_CONFIG', 'CPROXY_ENV', 'CPROXY_START_NOTE']);

/** Fields of the file that a variable cannot set: they are about the file itself. */
const fileOnly = new Set(['$schema', 'version', 'environments']);

export interface AppliedVariables {
  config: unknown;
  /** Which variable set which place, in the order they were applied. */
  applied: { path: ConfigPath; variable: string }[];
  problems: ConfigProblem[];
  warnings: string[];
}

/**
 * Applies variables such as `CPROXY_SERVER__PORT=5000` to a configuration that is not validated yet. `__` separates the
 * names of a path; letter case and `_` inside a name do not count; numbers are list places. Numbers, `true`/`false` and
 * lists (`a,b` or JSON) are read where the schema expects them, sections are JSON. Empty variables count as not set.
 */
export function applyVariables(base: unknown, env: NodeJS.ProcessEnv): AppliedVariables {
  const result: AppliedVariables = { config: base, applied: [], problems: [], warnings: [] };
  const numeric = new Intl.Collator('en', { numeric: true });
  for (const variable of Object.keys(env).sort(numeric.compare)) {
    const text = env[variable];
    if (!/^CPROXY_/i.test(variable) || ownSwitches.has(variable.toUpperCase()) || !text?.trim()) continue;
    const problem = (path: ConfigPath, message: string) =>
      result.problems.push({ place: { in: 'variable', name: variable }, path: formatPath(path), message });

    const target = resolveVariable(variable, result.config);
    if (target === null) {
      result.warnings.push(unknownVariable(variable));
      continue;
    }
    const { path, shape } = target;
    const gap = firstGap(result.config, path);
    if (gap !== null) {
      problem(path, `leaves places of the list empty; the next free one is ${gap}`);
      continue;
    }
    const twin = result.applied.find((other) => formatPath(other.path) === formatPath(path));
    if (twin !== undefined)
      result.warnings.push(`${variable} and ${twin.variable} both set ${formatPath(path)}; ${variable} is used.`);
    try {
      result.config = withValueAt(result.config, path, readValue(text.trim(), shape));
      result.applied.push({ path, variable });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      problem(path, 'must be JSON');
    }
  }
  return result;
}

function resolveVariable(variable: string, config: unknown): { path: ConfigPath; shape: Shape } | null {
  let shape = shapeOf(configSchema);
  const path: (string | number)[] = [];
  for (const segment of variable.slice('CPROXY_'.length).split('__')) {
    const name = plainName(segment);
    if (name === '') return null;
    shape = chosenFor(/^\d+$/.test(segment) ? Number(segment) : segment, shape);
    if (shape.kind === 'section') {
      const field = [...shape.fields].find(([known]) => plainName(known) === name);
      if (field === undefined || (path.length === 0 && fileOnly.has(field[0]))) return null;
      path.push(field[0]);
      shape = shapeOf(field[1]);
    } else if (shape.kind === 'list') {
      if (!/^\d{1,6}$/.test(segment)) return null;
      path.push(Number(segment));
      shape = shapeOf(shape.item);
    } else if (shape.kind === 'named' || shape.kind === 'anything') {
      const there = valueAt(config, path);
      const existing = Object.keys(isSection(there) ? there : {}).find((known) => plainName(known) === name);
      path.push(existing ?? segment.toLowerCase().replaceAll('_', '-'));
      shape = shape.kind === 'named' ? shapeOf(shape.value) : shape;
    } else return null;
  }
  return { path, shape };
}

/** The first free place of a list that the path would leave empty by going beyond it; null where it does not. */
function firstGap(config: unknown, path: ConfigPath): number | null {
  for (const [depth, segment] of path.entries()) {
    if (typeof segment !== 'number') continue;
    const list = valueAt(config, path.slice(0, depth));
    const length = Array.isArray(list) ? list.length : 0;
    if (segment > length) return length;
  }
  return null;
}

/** A copy with the value laid at a path. */
function withValueAt(config: unknown, path: ConfigPath, value: unknown, depth = 0): unknown {
  const segment = path[depth];
  if (segment === undefined) return layOver(config, value, path);
  const inner = withValueAt(valueAt(config, [segment]), path, value, depth + 1);
  if (typeof segment === 'number') {
    const list: unknown[] = Array.isArray(config) ? [...config] : [];
    list[segment] = inner;
    return list;
  }
  // fromEntries defines properties, so a name like `__proto__` stays data.
  return Object.fromEntries([...Object.entries(isSection(config) ? config : {}), [segment, inner]]);
}

/** @throws SyntaxError where JSON is needed and is not given */
function readValue(text: string, shape: Shape): unknown {
  switch (shape.kind) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'boolean':
      if (/^(true|yes|on|1)$/i.test(text)) return true;
      return /^(false|no|off|0)$/i.test(text) ? false : text;
    case 'list': {
      if (text.startsWith('[')) return JSON.parse(text);
      const item = shapeOf(shape.item);
      if (item.kind === 'section') return JSON.parse(text);
      return text.split(',').flatMap((part) => (part.trim() === '' ? [] : [readValue(part.trim(), item)]));
    }
    case 'choice': {
      if (text.startsWith('{')) return JSON.parse(text);
      const list = shape.shapes.find((other) => other.kind === 'list');
      const single = shape.shapes.find((other) => other.kind !== 'list');
      const chosen = /^\[|,/.test(text) ? (list ?? single) : (single ?? list);
      return chosen === undefined ? text : readValue(text, chosen);
    }
    case 'section':
    case 'named':
      return JSON.parse(text);
    case 'anything':
      return jsonOrText(text);
    case 'text':
      return text;
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function unknownVariable(variable: string): string {
  const known = fixedPaths(configSchema)
    .filter((path) => !fileOnly.has(path[0] ?? '') && shapeAt(configSchema, path)?.kind !== 'section')
    .map(variableOf);
  const meant = nearName(variable, [...known, ...ownSwitches]);
  return `${variable} is not a setting, so it is ignored${meant === null ? '.' : `; did you mean ${meant}?`}`;
}

/** `['routing', 'loadBalancing']` → `CPROXY_ROUTING__LOAD_BALANCING` */
function variableOf(path: readonly string[]): string {
  return `CPROXY_${path.map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase()).join('__')}`;
}
