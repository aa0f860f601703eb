import { describe, expect, it } from 'vitest';
import { explanationLines } from '../../../src-main/cli/explain.ts';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import type { ExplanationView, RouteView } from '../../../src-shared/routing.ts';
import { factsOf, planOf } from '../../helpers/routing.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const attempt = (changes: Partial<AttemptRow>): AttemptRow =>
  makeAttempt({ provider: 'first', model: 'big', startedMs: 0, ...changes });

const view = (request: Partial<RequestRow>, route: Partial<RouteView> | null = {}): ExplanationView => ({
  request: makeRow({ askedModel: 'm', endedMs: 2345, ...request }),
  route: route === null ? null : { ...planOf('model m').explain(), ...route },
  steps: [],
});

const refused = { code: 'provider_key_refused', status: 502, message: 'The key was refused.' } as const;
const failedOver = view(
  {
    state: 'answered',
    status: 200,
    route: 'rule night',
    attempts: [
      attempt({ startedMs: 3, endedMs: 1203, status: 401, outcome: 'failed', error: refused }),
      attempt({
        provider: 'second',
        key: 'work',
        startedMs: 1210,
        firstContentMs: 1650,
        endedMs: 2340,
        outcome: 'answered',
        status: 200,
        mode: 'translated',
        usage: { input: 1000, cacheRead: 20_000, cacheWrite: 0, output: 345 },
      }),
    ],
  },
  {
    facts: factsOf({ tools: ['Bash', 'Read'], thinking: true, effort: 'high', images: true, project: '/src/app' }),
    rules: [
      { id: 'off', name: null, source: 'rule', outcome: 'off', why: null },
      { id: 'day', name: 'By day', source: 'rule', outcome: 'not-matched', why: 'it is 23:10' },
      { id: 'night', name: null, source: 'rule', outcome: 'matched', why: 'it is 23:10' },
      { id: 'image', name: null, source: 'ready-made', outcome: 'not-reached', why: null },
    ],
    strategy: { name: 'learned', why: "rule 'night' says so" },
    affinity: 'the conversation is at home with first/big',
    changes: { maxTokens: 4000 },
    candidates: [
      { provider: 'first', model: 'big', place: 'target', order: 1, score: 0.91234, why: 'answers 99 of 100' },
      { provider: 'second', model: 'big', place: 'fallback', order: 2, score: null, why: null },
      { provider: 'third', model: 'blind', place: 'skipped', order: null, score: null, why: 'it reads no images' },
    ],
  },
);

describe('the explanation of a request', () => {
  it('says first what happened and by whose word, then what was tried and for how long', () => {
    const lines = explanationLines(failedOver);
    expect(lines.slice(0, 2)).toEqual([
      'm was answered by second/big in 2.35 s, with 2 attempts',
      '  sent there by rule night, after first/big had failed',
    ]);
    const tried = lines.slice(lines.indexOf('Attempts:') + 1, lines.indexOf('What to do:') - 1);
    expect(tried).toEqual([
      '  x 1  +3 ms    first/big',
      '      failed after 1.20 s; HTTP 401',
      '      The key was refused.',
      '  + 2  +1.21 s  second/big with key work',
      '      answered in 1.13 s; first content after 440 ms; 21,000 tokens read (20,000',
      '        from its cache), 345 written; translated',
    ]);
    expect(lines.join('\n')).toContain('cproxy keys set first');
  });

  it('says why: rules, order, home, changes, each target and the facts', () => {
    const text = explanationLines(failedOver, 200).join('\n');
    for (const part of [
      '  - off: is off',
      '  - day (By day): it is 23:10',
      '  + night: matches: it is 23:10',
      '    1 more was not reached',
      "  order: learned, rule 'night' says so",
      '  conversation: the conversation is at home with first/big',
      '  changed: maxTokens 4000',
      '  1  first/big    score 0.912',
      '       answers 99 of 100',
      '  2  second/big   fallback',
      '  -  third/blind  skipped',
      '       it reads no images',
      '2 tools (Bash, Read), images, thinking, effort high',
      'in /src/app',
    ])
      expect(text).toContain(part);
  });

  it('fits 80 columns, and any width that its words allow', () => {
    for (const width of [80, 60])
      for (const line of explanationLines(failedOver, width)) expect(line.length, line).toBeLessThanOrEqual(width);
  });

  it('tells what leads nowhere, once', () => {
    const error = { code: 'unknown_model', status: 404, message: "No provider has a model named 'm'." } as const;
    const lines = explanationLines(
      view({ state: 'failed', status: 404, error, attempts: [] }, { problem: error.message, candidates: [] }),
    );
    expect(lines[0]).toBe('m failed with HTTP 404 in 2.35 s, before anyone was asked');
    expect(lines.filter((line) => line.includes(error.message))).toHaveLength(1);
  });

  it('tells of a request that was refused before it was routed', () => {
    const error = { code: 'loop_detected', status: 508, message: 'It came back.' } as const;
    const lines = explanationLines(view({ state: 'failed', status: 508, error, route: null, attempts: [] }, null));
    expect(lines).toContain('It was refused before it was routed.');
    expect(lines).toContain('  It came back.');
  });

  it('advises a second target where one alone has failed, unless none would have helped', () => {
    const candidates = [
      { provider: 'first', model: 'big', place: 'target', order: 1, score: null, why: null } as const,
    ];
    const failed = (status: number) =>
      explanationLines(
        view(
          {
            state: 'failed',
            attempts: [
              attempt({ outcome: 'failed', error: { code: 'provider_error', status, message: 'no' }, endedMs: 5 }),
            ],
          },
          { candidates },
        ),
      ).join('\n');
    expect(failed(502)).toContain('Only one target came into question');
    expect(failed(400)).not.toContain('Only one target came into question');
  });

  it('says how a target that is left alone is tried again', () => {
    const candidates = (place: 'target' | 'reserve') => [
      { provider: 'first', model: 'big', place, order: null, score: null, why: 'failed 5 times' },
    ];
    const lines = (place: 'target' | 'reserve') =>
      explanationLines(view({}, { candidates: candidates(place) })).join('\n');
    expect(lines('reserve')).toContain('cproxy circuits');
    expect(lines('reserve')).toContain('-  first/big  left alone');
    expect(lines('target')).not.toContain('cproxy circuits');
  });

  it('lets no name steer the terminal', () => {
    const text = explanationLines(view({ state: 'failed', askedModel: 'a\u001b[2J\u202eb' })).join('\n');
    for (const steering of ['\u001b', '\u202e']) expect(text).not.toContain(steering);
    expect(text).toContain('a\ufffd[2J\ufffdb');
  });

  it('shows the last of very many rules that do not match', () => {
    const rules = Array.from({ length: 200 }, (_, index) => ({
      id: `rule-${index}`,
      name: null,
      source: 'rule' as const,
      outcome: index === 199 ? ('matched' as const) : ('not-matched' as const),
      why: null,
    }));
    const lines = explanationLines(view({ state: 'answered', attempts: [attempt({})] }, { rules }));
    expect(lines).toContain('    179 more before these do not match');
    expect(lines).toContain('  + rule-199: matches');
    expect(lines.filter((line) => /rule-\d/.test(line))).toHaveLength(21);
  });
});
