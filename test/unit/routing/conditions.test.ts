import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { compileCondition, type RuleQuestion } from '../../../src-main/routing/conditions.ts';
import type { RoutingFacts } from '../../../src-shared/routing.ts';
import {
  budgetStates,
  type Condition,
  conditionSchema,
  namings,
  type Range,
  requestClasses,
  tiers,
  weekDays,
} from '../../../src-shared/rules.ts';
import { factsOf } from '../../helpers/routing.ts';

const question = (facts: Partial<RoutingFacts> = {}, naming: Partial<RuleQuestion['naming']> = {}): RuleQuestion => ({
  facts: factsOf(facts),
  naming: { as: 'model', alias: null, tier: 'sonnet', ...naming },
});

const answer = (condition: Condition, asked: RuleQuestion): [boolean, string] => {
  const compiled = compileCondition(conditionSchema.parse(condition));
  return [compiled.holds(asked), compiled.why(asked)];
};

describe('a condition says why', () => {
  const busy = question({ inputTokens: 70_000, images: true, maxTokens: null, tools: ['Bash', 'mcp__git__log'] });
  test.each<[Condition, boolean, string]>([
    [{}, true, 'no condition is set, so it always holds'],
    [{ class: 'main' }, true, 'class is main'],
    [{ class: 'background' }, false, 'class is main, not background'],
    [{ class: ['background', 'title'] }, false, 'class is main, not background or title'],
    [{ named: 'provider' }, false, 'named is model, not provider'],
    [{ tier: 'sonnet' }, true, 'tier is sonnet'],
    [{ alias: 'fast' }, false, 'alias is not known'],
    [{ model: '*SONNET*' }, true, "model is 'claude-sonnet-5-5'"],
    [{ model: ['gpt-*', 'o3'] }, false, "model is 'claude-sonnet-5-5', not 'gpt-*' or 'o3'"],
    [{ model: { regex: '^gpt' } }, false, "model is 'claude-sonnet-5-5', not /^gpt/"],
    [{ inputTokens: { min: 60_000 } }, true, 'inputTokens is 70,000'],
    [{ inputTokens: { min: 100_000 } }, false, 'inputTokens is 70,000, below 100,000'],
    [{ inputTokens: { max: 5000 } }, false, 'inputTokens is 70,000, above 5,000'],
    [{ toolCount: 0 }, false, 'toolCount is 2, not 0'],
    [{ maxTokens: { max: 5000 } }, false, 'maxTokens is not known'],
    [{ images: true }, true, 'there are images'],
    [{ images: false }, false, 'there are images'],
    [{ documents: true }, false, 'there are no documents'],
    [{ tools: 'mcp__*' }, true, "the tool 'mcp__git__log' is offered"],
    [{ tools: ['Web*', 'Read'] }, false, "none of its 2 tools is 'Web*' or 'Read'"],
    [{ time: { days: ['sat', 'sun'] } }, false, 'it is wed 10:00, not sat, sun'],
    [{ time: { days: 'wed', from: '22:00', to: '6:00' } }, false, 'it is wed 10:00, not wed from 22:00 until 6:00'],
    [{ headers: { 'X-Team': true } }, false, 'header x-team is not there'],
    [{ not: { class: 'main' } }, false, 'class is main'],
    [{ not: { class: 'background' } }, true, 'class is main, not background'],
    [{ not: {} }, false, 'no condition is set, so it always holds'],
    [
      { class: 'background', inputTokens: { max: 5000 }, images: true },
      false,
      'class is main, not background; inputTokens is 70,000, above 5,000',
    ],
    [{ class: 'main', images: true }, true, 'class is main; there are images'],
    [{ any: [{ class: 'background' }, { images: true }] }, true, 'there are images'],
    [
      { any: [{ class: 'background' }, { thinking: true }] },
      false,
      'none of these holds: class is main, not background; it asks for no thinking',
    ],
  ])('%j', (condition, holds, why) => {
    const [found, words] = answer(condition, busy);
    expect(found).toBe(holds);
    const order = (text: string) => text.split('; ').sort();
    expect(order(words)).toEqual(order(why));
  });

  it('without what a terminal would obey, and not at any length', () => {
    const [, why] = answer({ model: 'x' }, question({ model: `\u001b[2J${'m'.repeat(5000)}` }));
    expect(why).toBe(`model is '\ufffd[2J${'m'.repeat(96)}…', not 'x'`);
  });
});

describe('a condition', () => {
  it('on a model means it with and without the mark of a large window', () => {
    const marked = question({ model: 'claude-opus-5-5[1m]' });
    expect(answer({ model: 'claude-opus-5-5' }, marked)[0]).toBe(true);
    expect(answer({ model: '*[1m]' }, marked)[0]).toBe(true);
    expect(answer({ model: '*[1m]' }, question({ model: 'claude-opus-5-5' }))[0]).toBe(false);
  });

  it("on a model means it under its name in Claude Code's list, too", () => {
    const listed = question({ model: 'claude:openrouter/qwen3[1m]' });
    expect(answer({ model: 'openrouter/qwen3' }, listed)[0]).toBe(true);
    expect(answer({ model: 'openrouter/*' }, listed)[0]).toBe(true);
    expect(answer({ model: 'claude*' }, listed)).toEqual([false, "model is 'openrouter/qwen3[1m]', not 'claude*'"]);
    expect(answer({ model: 'claude:fast' }, question({ model: 'claude:fast' }, { alias: 'claude:fast' }))[0]).toBe(
      true,
    );
  });

  it('on a header asks whether it is there, or what it says', () => {
    const sent = question({ headers: { 'x-team': 'Red', 'x-empty': '' } });
    expect(answer({ headers: { 'X-Team': 'red', 'x-empty': true, 'x-other': false } }, sent)[0]).toBe(true);
    expect(answer({ headers: { 'x-team': 'blue' } }, sent)).toEqual([false, "header x-team is 'Red', not 'blue'"]);
    expect(answer({ headers: { 'x-team': false } }, sent)).toEqual([false, 'header x-team is there']);
    // What every object has is no header.
    expect(answer({ headers: { constructor: true } }, sent)[0]).toBe(false);
  });

  it('on a time may reach into the next day, and means the day on which it begins', () => {
    const at = (day: RoutingFacts['time']['day'], clock: string) => {
      const [hour, minute] = clock.split(':');
      return question({ time: { day, minute: Number(hour) * 60 + Number(minute) } });
    };
    const night: Condition = { time: { days: 'fri', from: '22:00', to: '06:00' } };
    const holds = (day: RoutingFacts['time']['day'], clock: string) => answer(night, at(day, clock))[0];
    expect([holds('fri', '21:59'), holds('fri', '22:00'), holds('fri', '23:59')]).toEqual([false, true, true]);
    expect([holds('sat', '00:00'), holds('sat', '05:59'), holds('sat', '06:00')]).toEqual([true, true, false]);
    expect([holds('fri', '03:00'), holds('sat', '23:00')]).toEqual([false, false]);
    expect(answer({ time: { from: '9:00' } }, at('mon', '23:59'))[0]).toBe(true);
    expect(answer({ time: { to: '9:00' } }, at('mon', '09:00'))[0]).toBe(false);
    expect(answer({ time: { days: 'mon', to: '9:00' } }, at('mon', '00:00'))[0]).toBe(true);
  });

  it('finds out nothing that is not needed', () => {
    const costly = (name: string) => (): never => {
      throw new Error(`${name} was asked for`);
    };
    const facts = Object.defineProperties(factsOf(), {
      class: { get: costly('class') },
      tools: { get: costly('tools') },
      inputTokens: { get: costly('inputTokens') },
    });
    const asked = { ...question(), facts };
    const failing = compileCondition({ class: 'main', tools: '*', inputTokens: { min: 1 }, model: 'gpt-*' });
    expect(failing.holds(asked)).toBe(false);
    const holding = compileCondition({ any: [{ class: 'main' }, { all: [{ tools: '*' }] }, { stream: true }] });
    expect(holding.holds(asked)).toBe(true);
    expect(() => compileCondition({ class: 'main', model: '*' }).holds(asked)).toThrow('class was asked for');
  });
});

describe('compiled conditions', () => {
  const names = fc.constantFrom('a', 'ab', 'B', 'abc', '');
  const nullable = fc.option(names, { nil: null });
  const facts: fc.Arbitrary<Partial<RoutingFacts>> = fc.record({
    model: fc.constantFrom('a', 'ab', 'b[1m]'),
    tools: fc.array(names, { maxLength: 3 }),
    images: fc.boolean(),
    thinking: fc.boolean(),
    effort: nullable,
    inputTokens: fc.nat(4),
    maxTokens: fc.option(fc.nat(4), { nil: null }),
    session: nullable,
    class: fc.constantFrom(...requestClasses),
    client: nullable,
    budget: fc.constantFrom(...budgetStates),
    time: fc.record({ day: fc.constantFrom(...weekDays), minute: fc.nat(1439) }),
    headers: fc.dictionary(fc.constantFrom('x-a', 'x-b'), names),
  });
  const questions = fc
    .tuple(
      facts,
      fc.record({
        as: fc.constantFrom(...namings),
        alias: nullable,
        tier: fc.option(fc.constantFrom(...tiers), { nil: null }),
      }),
    )
    .map(([some, naming]) => question(some, naming));

  const some = <Value>(values: readonly Value[]) =>
    fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
  const text = fc.oneof(fc.constantFrom('a', 'a*', '?', '*b'), some(['a', 'B', 'ab']), fc.constant({ regex: '^a.?$' }));
  const range: fc.Arbitrary<Range> = fc.oneof(fc.nat(4), fc.record({ min: fc.nat(2) }), fc.record({ max: fc.nat(3) }));
  const leaf = {
    class: some(requestClasses),
    named: some(namings),
    tier: fc.constantFrom(...tiers),
    budget: fc.constantFrom(...budgetStates),
    model: text,
    alias: text,
    client: text,
    session: text,
    effort: text,
    tools: text,
    toolCount: range,
    inputTokens: range,
    maxTokens: range,
    images: fc.boolean(),
    thinking: fc.boolean(),
    headers: fc.dictionary(fc.constantFrom('x-a', 'X-B'), fc.oneof(fc.boolean(), text), { minKeys: 1 }),
  };
  /** Up to three fields, so that conditions hold about as often as not. */
  const conditionsOf = (depth: number): fc.Arbitrary<Condition> => {
    const inner = depth === 0 ? null : conditionsOf(depth - 1);
    const list = inner && fc.array(inner, { minLength: 1, maxLength: 3 });
    const fields = { ...leaf, ...(inner && list && { all: list, any: list, not: inner }) };
    const entries = Object.entries(fields).map(([name, values]: [string, fc.Arbitrary<unknown>]) =>
      fc.tuple(fc.constant(name), values),
    );
    return fc
      .uniqueArray(fc.oneof(...entries), { selector: ([name]) => name, maxLength: 3 })
      .map((chosen) => conditionSchema.parse(Object.fromEntries(chosen)));
  };
  const conditions = conditionsOf(2);

  const matches = (pattern: NonNullable<Condition['model']>, value: string | null): boolean => {
    if (value === null) return false;
    if (typeof pattern !== 'string' && !Array.isArray(pattern)) return new RegExp(pattern.regex).test(value);
    return [pattern].flat().some((glob) => {
      const source = glob.replaceAll('*', '.*').replaceAll('?', '.');
      return new RegExp(`^${source}$`, 'i').test(value);
    });
  };
  const within = (wanted: Range, value: number | null): boolean =>
    value !== null &&
    (typeof wanted === 'number' ? value === wanted : value >= (wanted.min ?? 0) && value <= (wanted.max ?? Infinity));

  /** Field by field, as the documentation says. */
  function holds(condition: Condition, asked: RuleQuestion): boolean {
    const { facts: known, naming } = asked;
    const checks: boolean[] = [];
    const check = <Wanted>(wanted: Wanted | undefined, test: (wanted: Wanted) => boolean): void => {
      if (wanted !== undefined) checks.push(test(wanted));
    };
    check(condition.all, (inner) => inner.every((one) => holds(one, asked)));
    check(condition.any, (inner) => inner.some((one) => holds(one, asked)));
    check(condition.not, (inner) => !holds(inner, asked));
    check(condition.class, (wanted) => [wanted].flat().includes(known.class));
    check(condition.named, (wanted) => [wanted].flat().includes(naming.as));
    check(condition.tier, (wanted) => naming.tier !== null && [wanted].flat().includes(naming.tier));
    check(condition.budget, (wanted) => [wanted].flat().includes(known.budget));
    check(condition.model, (p) => matches(p, known.model) || matches(p, known.model.replace(/\[1m\]$/, '')));
    check(condition.alias, (pattern) => matches(pattern, naming.alias));
    check(condition.client, (pattern) => matches(pattern, known.client));
    check(condition.session, (pattern) => matches(pattern, known.session));
    check(condition.effort, (pattern) => matches(pattern, known.effort));
    check(condition.tools, (pattern) => known.tools.some((tool) => matches(pattern, tool)));
    check(condition.toolCount, (wanted) => within(wanted, known.tools.length));
    check(condition.inputTokens, (wanted) => within(wanted, known.inputTokens));
    check(condition.maxTokens, (wanted) => within(wanted, known.maxTokens));
    check(condition.images, (wanted) => wanted === known.images);
    check(condition.thinking, (wanted) => wanted === known.thinking);
    check(condition.headers, (wanted) =>
      Object.entries(wanted).every(([name, value]) => {
        const header = new Map(Object.entries(known.headers)).get(name.toLowerCase()) ?? null;
        return typeof value === 'boolean' ? (header !== null) === value : matches(value, header);
      }),
    );
    return !checks.includes(false);
  }

  it('agree with what is said of them, and always say why', () => {
    let held = 0;
    fc.assert(
      fc.property(conditions, questions, (condition, asked) => {
        const compiled = compileCondition(conditionSchema.parse(condition));
        expect(compiled.holds(asked)).toBe(holds(condition, asked));
        expect(compiled.why(asked)).not.toBe('');
        held += compiled.holds(asked) ? 1 : 0;
      }),
      { numRuns: 3000 },
    );
    // Both happen often enough to mean something.
    expect(held).toBeGreaterThan(300);
    expect(held).toBeLessThan(2700);
  });
});
