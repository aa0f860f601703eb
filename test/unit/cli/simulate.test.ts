import { describe, expect, it } from 'vitest';
import { simulationLines } from '../../../src-main/cli/simulate.ts';
import type { Destination, SimulationView } from '../../../src-shared/routing.ts';
import { planOf } from '../../helpers/routing.ts';

const to = (target: string | null, changes: Destination['changes'] = null): Destination => ({
  route: target === null ? 'none' : 'rule night',
  target,
  changes,
});
const result = (changes: Partial<SimulationView>): SimulationView => ({
  request: null,
  class: 'main',
  model: 'm',
  to: to('a/m'),
  before: null,
  differs: false,
  unknown: [],
  explanation: null,
  ...changes,
});
const text = (...results: SimulationView[]): string[] => simulationLines({ results, notes: [] });

describe('what the simulator has found', () => {
  it('is said of one request in a line, with where it went before', () => {
    expect(text(result({}))[0]).toBe('m would go to a/m (rule night)');
    expect(text(result({ to: to(null) }))[0]).toBe('m would go nowhere');
    expect(text(result({ before: to('b/m'), differs: true }))[1]).toBe('  instead of b/m (rule night)');
    expect(text(result({ before: to('a/m') }))[1]).toBe('  as before: a/m (rule night)');
    expect(text(result({ explanation: planOf('rule night').explain() }))).toContain('The request:');
  });

  it('is counted of many, alike ones together, the most first', () => {
    const id = (n: number): string => `req_${n}2345678abcdef`;
    const results = [
      result({ request: id(1), before: to('a/m') }),
      result({ request: id(2), before: to('b/m'), differs: true }),
      ...[3, 4].map((n) =>
        result({
          request: id(n),
          class: 'background',
          before: to('b/m'),
          to: to('a/m', { maxTokens: 100 }),
          differs: true,
          unknown: ['a header was not kept'],
        }),
      ),
    ];
    expect(text(...results)).toEqual([
      '3 of 4 requests would go elsewhere, or be changed otherwise.',
      '  2 x background, m: b/m (rule night) -> a/m (rule night) with maxTokens 100,',
      '    such as req_32345678',
      '  1 x main, m: b/m (rule night) -> a/m (rule night), such as req_22345678',
      '',
      'Not known of some:',
      '  a header was not kept',
    ]);
    expect(text(results[0] ?? result({}), results[0] ?? result({}))[0]).toBe('None of 2 requests would go elsewhere.');
  });

  it('is nothing without requests; notes stand behind the first lines', () => {
    expect(simulationLines({ results: [], notes: ['a note'] })).toEqual([
      'No request has been routed yet.',
      '',
      'Mind:',
      '  a note',
    ]);
  });
});
