import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rounds } from '../../../src-main/routing/rounds.ts';

/** Takes turns and tells who had them. */
function turns(rounds: Rounds, weights: Readonly<Record<string, number>>, count: number, round = 'r'): string[] {
  const taken: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const standings = Object.entries(weights).map(([name, weight]) => ({
      name,
      weight,
      at: rounds.standing({ round, weight }, name),
    }));
    const [next] = standings.toSorted((a, b) => a.at - b.at);
    if (next === undefined) break;
    rounds.take({ round, weight: next.weight }, next.name);
    taken.push(next.name);
  }
  return taken;
}

const countOf = (taken: readonly string[], name: string): number => taken.filter((one) => one === name).length;

describe('turns', () => {
  it('are taken one after the other', () => {
    expect(turns(new Rounds(), { a: 1, b: 1, c: 1 }, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('are mixed by weight, not taken in a row', () => {
    expect(turns(new Rounds(), { a: 5, b: 1, c: 1 }, 7).join(' ')).toBe('a a a b c a a');
  });

  it('are as many as the weights say, exactly after each whole round and nearly at any moment', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 1, max: 300 }),
        (list, count) => {
          const weights = Object.fromEntries(list.map((weight, index) => [`t${index}`, weight]));
          const total = list.reduce((sum, weight) => sum + weight, 0);
          const whole = turns(new Rounds(), weights, 2 * total);
          for (const [name, weight] of Object.entries(weights)) expect(countOf(whole, name)).toBe(2 * weight);
          const taken = turns(new Rounds(), weights, count);
          const served = list.map((weight, index) => countOf(taken, `t${index}`) / weight);
          const longest = 2 / Math.min(...list);
          expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(longest + 1e-9);
        },
      ),
    );
  });

  it('are not caught up on by one who was away', () => {
    const rounds = new Rounds();
    turns(rounds, { a: 1, b: 1 }, 10);
    turns(rounds, { a: 1 }, 100);
    const after = turns(rounds, { a: 1, b: 1 }, 10);
    expect(countOf(after, 'b')).toBeGreaterThanOrEqual(5);
    expect(countOf(after, 'b')).toBeLessThanOrEqual(6);
  });

  it('of one round are not those of another', () => {
    const rounds = new Rounds();
    turns(rounds, { a: 1, b: 1 }, 1, 'one');
    expect(turns(rounds, { a: 1, b: 1 }, 2, 'another')).toEqual(['a', 'b']);
    expect(turns(rounds, { a: 1, b: 1 }, 1, 'one')).toEqual(['b']);
  });

  it('do not change by looking', () => {
    const rounds = new Rounds();
    const turn = { round: 'r', weight: 1 };
    rounds.take(turn, 'a');
    const before = [rounds.standing(turn, 'a'), rounds.standing(turn, 'b')];
    for (let index = 0; index < 10; index += 1) rounds.standing(turn, 'c');
    expect([rounds.standing(turn, 'a'), rounds.standing(turn, 'b')]).toEqual(before);
  });

  it('are forgotten when there are too many rounds, the oldest first', () => {
    const rounds = new Rounds();
    for (let index = 0; index < 501; index += 1) rounds.take({ round: `r${index}`, weight: 1 }, 'a');
    expect(rounds.standing({ round: 'r0', weight: 1 }, 'a')).toBe(0.5);
    expect(rounds.standing({ round: 'r1', weight: 1 }, 'a')).toBe(1.5);
  });
});
