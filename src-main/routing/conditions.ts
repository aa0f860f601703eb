import type { RoutingFacts } from '../../src-shared/routing.ts';
import { type Condition, type Range, type TextPattern, weekDays } from '../../src-shared/rules.ts';
import { plainName } from './discovery-names.ts';
import type { Understood } from './model-names.ts';
import { compileFolder, compileText, patternInWords, type TextTest } from './text-pattern.ts';

/** What rules look at: the facts of a request, and what its model's name means. */
export interface RuleQuestion {
  readonly facts: RoutingFacts;
  readonly naming: Pick<Understood, 'as' | 'alias' | 'tier'> & Partial<Pick<Understood, 'targets'>>;
}

/** A condition, compiled. */
export interface CompiledCondition {
  /** Of several, those that cost less are asked first, so that what is not needed is never found out. */
  readonly cost: number;
  holds(question: RuleQuestion): boolean;
  /** Why it holds or does not, in words; never empty. */
  why(question: RuleQuestion): string;
}

/** What it costs to know a fact: it is there; it takes a look at headers or the clock; at the body's bytes; at its content. */
const cost = { none: 0, little: 10, bytes: 20, content: 30 } as const;
/** And to compare it. */
const patternCost = (pattern: TextPattern): number => (typeof pattern === 'string' || Array.isArray(pattern) ? 1 : 2);

type Read<Value> = (question: RuleQuestion) => Value;
type Wanted = { [Field in keyof Condition]-?: NonNullable<Condition[Field]> };
type Given = { [Field in keyof Wanted]?: Wanted[Field] | undefined };
type Compilers = { readonly [Field in keyof Wanted]: (wanted: Wanted[Field]) => CompiledCondition };

/** @throws Error where an expression is none, which the check of a configuration has reported before. */
export function compileCondition(condition: Given): CompiledCondition {
  const compile = <Field extends keyof Wanted>(field: Field): CompiledCondition[] => {
    const wanted = condition[field];
    return wanted === undefined ? [] : [compilers[field](wanted)];
  };
  return allOf(fields.flatMap((field) => compile(field)));
}

/** Names of the headers that a condition asks for, in lower case. */
export function headersIn({ headers = {}, all = [], any = [], not }: Condition): string[] {
  const inner = [...all, ...any, ...(not === undefined ? [] : [not])];
  return [...Object.keys(headers).map((name) => name.toLowerCase()), ...inner.flatMap(headersIn)];
}

function allOf(tests: readonly CompiledCondition[]): CompiledCondition {
  const [only, ...others] = tests;
  if (only === undefined) return { cost: 0, holds: () => true, why: () => 'no condition is set, so it always holds' };
  if (others.length === 0) return only;
  const sorted = cheapestFirst(tests);
  return {
    cost: costliest(tests),
    holds: (question) => {
      for (const test of sorted) if (!test.holds(question)) return false;
      return true;
    },
    why: (question) => {
      const failed = tests.filter((test) => !test.holds(question));
      return whys(failed.length === 0 ? tests : failed, question);
    },
  };
}

function anyOf(tests: readonly CompiledCondition[]): CompiledCondition {
  const sorted = cheapestFirst(tests);
  return {
    cost: costliest(tests),
    holds: (question) => {
      for (const test of sorted) if (test.holds(question)) return true;
      return false;
    },
    why: (question) => {
      const held = tests.find((test) => test.holds(question));
      return held === undefined ? `none of these holds: ${whys(tests, question)}` : held.why(question);
    },
  };
}

const cheapestFirst = (tests: readonly CompiledCondition[]): readonly CompiledCondition[] =>
  [...tests].sort((a, b) => a.cost - b.cost);

const costliest = (tests: readonly CompiledCondition[]): number => Math.max(...tests.map((test) => test.cost));

const whys = (tests: readonly CompiledCondition[], question: RuleQuestion): string =>
  tests.map((test) => test.why(question)).join('; ');

const oneOf =
  <Value extends string>(name: string, costs: number, read: Read<Value | null>) =>
  (wanted: Value | readonly Value[]): CompiledCondition => {
    const values: ReadonlySet<Value | null> = new Set(typeof wanted === 'string' ? [wanted] : wanted);
    const holds = (question: RuleQuestion): boolean => values.has(read(question));
    return {
      cost: costs,
      holds,
      why: (question) => {
        const found = `${name} is ${read(question) ?? 'none'}`;
        return holds(question) ? found : `${found}, not ${[...values].join(' or ')}`;
      },
    };
  };

const text =
  (name: string, costs: number, read: Read<string | null>, compile: (pattern: TextPattern) => TextTest = compileText) =>
  (pattern: TextPattern): CompiledCondition => {
    const matches = compile(pattern);
    const holds = (question: RuleQuestion): boolean => {
      const found = read(question);
      return found !== null && matches(found);
    };
    return {
      cost: costs + patternCost(pattern),
      holds,
      why: (question) => textInWords(name, read(question), pattern, holds(question)),
    };
  };

const range =
  (name: string, costs: number, read: Read<number | null>, words: (value: number) => string = inDigits) =>
  (wanted: Range): CompiledCondition => {
    const { min = -Infinity, max = Infinity } = typeof wanted === 'number' ? { min: wanted, max: wanted } : wanted;
    return {
      cost: costs,
      holds: (question) => {
        const found = read(question);
        return found !== null && found >= min && found <= max;
      },
      why: (question) => {
        const found = read(question);
        if (found === null) return `${name} is not known`;
        if (found >= min && found <= max) return `${name} is ${words(found)}`;
        if (min === max) return `${name} is ${words(found)}, not ${words(min)}`;
        return `${name} is ${words(found)}, ${found < min ? `below ${words(min)}` : `above ${words(max)}`}`;
      },
    };
  };

/** @param words what it means that it is so, and that it is not. */
const flag =
  (costs: number, read: Read<boolean>, [yes, no]: readonly [string, string]) =>
  (wanted: boolean): CompiledCondition => ({
    cost: costs,
    holds: (question) => read(question) === wanted,
    why: (question) => (read(question) ? yes : no),
  });

function tools(pattern: TextPattern): CompiledCondition {
  const matches = compileText(pattern);
  const find = ({ facts }: RuleQuestion): string | undefined => {
    for (const tool of facts.tools) if (matches(tool)) return tool;
    return undefined;
  };
  return {
    cost: cost.content + patternCost(pattern),
    holds: (question) => find(question) !== undefined,
    why: (question) => {
      const found = find(question);
      const { length } = question.facts.tools;
      if (found !== undefined) return `the tool ${quoted(found)} is offered`;
      return length === 0 ? 'no tools are offered' : `none of its ${length} tools is ${patternInWords(pattern)}`;
    },
  };
}

/** The asked name, or what stands before the mark of a large window, by which Claude Code asks for the same model. */
function model(pattern: TextPattern): CompiledCondition {
  const matches = compileText(pattern);
  const holds = (question: RuleQuestion): boolean => {
    const asked = nameIn(question);
    return matches(asked) || (asked.endsWith(WINDOW_MARK) && matches(asked.slice(0, -WINDOW_MARK.length)));
  };
  return {
    cost: cost.none + patternCost(pattern),
    holds,
    why: (question) => textInWords('model', nameIn(question), pattern, holds(question)),
  };
}

/** What Claude Code's list of models calls `claude:x` is `x` for rules, or one for `claude*` would take other vendors' models. */
function nameIn({ facts: { model: asked }, naming }: RuleQuestion): string {
  const plain = plainName(asked);
  const isReal =
    plain !== asked && (naming.alias === asked || naming.targets?.some((target) => target.model === asked));
  return isReal ? asked : plain;
}

const WINDOW_MARK = '[1m]';

function headers(wanted: NonNullable<Condition['headers']>): CompiledCondition {
  return allOf(Object.entries(wanted).map(([name, value]) => header(name, value)));
}

function header(name: string, wanted: boolean | TextPattern): CompiledCondition {
  const key = name.toLowerCase();
  const read: Read<string | null> = ({ facts }) =>
    Object.hasOwn(facts.headers, key) ? (facts.headers[key] ?? '') : null;
  if (typeof wanted !== 'boolean') return text(`header ${key}`, cost.little, read)(wanted);
  const words = [`header ${key} is there`, `header ${key} is not there`] as const;
  return flag(cost.little, (question) => read(question) !== null, words)(wanted);
}

/** From one time until another, which may lie in the next day; the days are those on which it begins. */
function time({ days, from, to }: NonNullable<Condition['time']>): CompiledCondition {
  const begins = from === undefined ? 0 : minuteOf(from);
  const ends = to === undefined ? 24 * 60 : minuteOf(to);
  const onDays: ReadonlySet<string> = new Set(days === undefined ? weekDays : typeof days === 'string' ? [days] : days);
  const holds = ({ facts: { time: now } }: RuleQuestion): boolean => {
    if (begins < ends) return now.minute >= begins && now.minute < ends && onDays.has(now.day);
    if (now.minute >= begins) return onDays.has(now.day);
    return now.minute < ends && onDays.has(dayBefore(now.day));
  };
  const wanted = [
    ...(days === undefined ? [] : [typeof days === 'string' ? days : days.join(', ')]),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`until ${to}`]),
  ].join(' ');
  return {
    cost: cost.little,
    holds,
    why: (question) => {
      const { day, minute } = question.facts.time;
      const now = `it is ${day} ${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`;
      return holds(question) ? now : `${now}, not ${wanted}`;
    },
  };
}

const minuteOf = (clock: string): number => {
  const [hours, minutes] = clock.split(':');
  return Number(hours) * 60 + Number(minutes);
};

const dayBefore = (day: (typeof weekDays)[number]): string => weekDays[(weekDays.indexOf(day) + 6) % 7] ?? day;

const twoDigits = (value: number): string => String(value).padStart(2, '0');

const digits = new Intl.NumberFormat('en-US');
const inDigits = (value: number): string => digits.format(value);

function textInWords(name: string, found: string | null, pattern: TextPattern, holds: boolean): string {
  if (found === null) return `${name} is not known`;
  return `${name} is ${quoted(found)}${holds ? '' : `, not ${patternInWords(pattern)}`}`;
}

/** What a client has sent, made fit for a terminal. */
const quoted = (value: string): string =>
  `'${(value.length > 100 ? `${value.slice(0, 100)}…` : value).replace(/\p{Cc}/gu, '\ufffd')}'`;

const compilers: Compilers = {
  all: (conditions) => allOf(conditions.map(compileCondition)),
  any: (conditions) => anyOf(conditions.map(compileCondition)),
  not: (condition) => {
    const test = compileCondition(condition);
    return { ...test, holds: (question) => !test.holds(question) };
  },
  named: oneOf('named', cost.none, ({ naming }) => naming.as),
  alias: text('alias', cost.none, ({ naming }) => naming.alias),
  tier: oneOf('tier', cost.none, ({ naming }) => naming.tier),
  model,
  protocol: oneOf('protocol', cost.none, ({ facts }) => facts.protocol),
  stream: flag(cost.none, ({ facts }) => facts.stream, ['a stream is asked for', 'no stream is asked for']),
  client: text('client', cost.little, ({ facts }) => facts.client),
  userAgent: text('userAgent', cost.little, ({ facts }) => facts.userAgent),
  session: text('session', cost.little, ({ facts }) => facts.session),
  agent: text('agent', cost.little, ({ facts }) => facts.agent),
  agentType: text('agentType', cost.little, ({ facts }) => facts.agentType),
  parentAgent: text('parentAgent', cost.little, ({ facts }) => facts.parentAgent),
  headers,
  time,
  budget: oneOf('budget', cost.little, ({ facts }) => facts.budget),
  subscription: range('subscription', cost.little, ({ facts }) => facts.subscription),
  inputTokens: range('inputTokens', cost.bytes, ({ facts }) => facts.inputTokens),
  class: oneOf('class', cost.content, ({ facts }) => facts.class),
  project: text('project', cost.content, ({ facts }) => facts.project, compileFolder),
  tools,
  toolCount: range('toolCount', cost.content, ({ facts }) => facts.tools.length),
  images: flag(cost.content, ({ facts }) => facts.images, ['there are images', 'there are no images']),
  documents: flag(cost.content, ({ facts }) => facts.documents, ['there are documents', 'there are no documents']),
  thinking: flag(cost.content, ({ facts }) => facts.thinking, ['it asks for thinking', 'it asks for no thinking']),
  effort: text('effort', cost.content, ({ facts }) => facts.effort),
  maxTokens: range('maxTokens', cost.content, ({ facts }) => facts.maxTokens),
};

const fields = Object.keys(compilers) as (keyof Condition)[];
