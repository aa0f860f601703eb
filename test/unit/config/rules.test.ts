import { describe, expect, it, test } from 'vitest';
import { formatProblem } from '../../../src-main/config/config-error.ts';
import { configForDisplay } from '../../../src-main/config/config-for-display.ts';
import { applyVariables } from '../../../src-main/config/environment-variables.ts';
import { noticesOn } from '../../../src-main/config/notices.ts';
import { parseSource } from '../../../src-main/config/source-file.ts';
import { validateConfig } from '../../../src-main/config/validate.ts';
import { type ConfigInput, configSchema } from '../../../src-shared/config.ts';

/** What is wrong with a file, a line each. */
function problemsIn(text: string): string[] {
  const source = parseSource('f', text);
  const { problems } = validateConfig(source.value, (path, part) => source.placeOf(path, part) ?? { in: 'nowhere' });
  return (problems ?? []).map(formatProblem);
}

const ruleWith = (fields: string): string => `routing:\n  rules:\n    - { id: a, ${fields} }\n`;

const classes = 'main, subagent, background, compaction, web-search, title, classifier';
const strategies = 'priority, weighted, round-robin, least-connections, response-time, cheapest, learned';

describe('what is wrong with a rule', () => {
  test.each([
    [
      'when: { class: backgroud }',
      `3:31 .when.class: must be one of ${classes}; found "backgroud"; did you mean background?`,
    ],
    [
      'when: { class: [main, titel] }',
      `3:38 .when.class[1]: must be one of ${classes}; found "titel"; did you mean title?`,
    ],
    ['when: { class: {} }', `3:31 .when.class: must be one of ${classes}; found a section`],
    ['when: { modle: x }', '3:24 .when.modle: there is no such field; did you mean model?'],
    [
      'when: { model: 5 }',
      '3:31 .when.model: must be a text in which * and ? stand for others, a list of such, or a section with regex; found 5',
    ],
    ['when: { model: [x, 5] }', '3:35 .when.model[1]: must be text; found 5 (put it in quotes)'],
    ['when: { model: { regex: x, flags: i } }', '3:43 .when.model.flags: there is no such field; known here: regex'],
    ["when: { model: { regex: 'a(b' } }", '3:40 .when.model.regex: is no regular expression: missing closing ): `a(b`'],
    [
      "when: { model: { regex: '(?<=a)b' } }",
      '3:40 .when.model.regex: is no regular expression: invalid named capture: `(?<=a)b`',
    ],
    [
      "when: { any: [{ not: { headers: { x-a: { regex: '[' } } } }] }",
      '3:64 .when.any[0].not.headers.x-a.regex: is no regular expression: missing closing ]: `[`',
    ],
    ['when: { images: "yes" }', '3:32 .when.images: must be true or false; found "yes"'],
    [
      'when: { inputTokens: 60k }',
      '3:37 .when.inputTokens: must be a number, or a section with min, max or both; found "60k"',
    ],
    ['when: { inputTokens: { min: -1 } }', '3:44 .when.inputTokens.min: must be at least 0; found -1'],
    [
      'when: { inputTokens: { mn: 5, max: 9 } }',
      '3:39 .when.inputTokens.mn: there is no such field; did you mean min?',
    ],
    ['when: { maxTokens: { min: 5, max: 1 } }', '3:35 .when.maxTokens: has a min above its max'],
    ['when: { subscription: { min: 80 } }', '3:45 .when.subscription.min: must be at most 1; found 80'],
    ['when: { time: {} }', '3:30 .when.time: needs days, from, to or several of these'],
    ['when: { time: { from: 25:00 } }', '3:38 .when.time.from: must be a time such as 08:30; found "25:00"'],
    ['when: { time: { from: 8:00, to: 8:00 } }', '3:30 .when.time: ends when it begins'],
    ['when: { time: { from: 8:00, to: 08:00 } }', '3:30 .when.time: ends when it begins'],
    [
      'when: { headers: { Authorization: x* } }',
      '3:50 .when.headers.Authorization: is a credential, which rules do not see',
    ],
    ['when: { headers: { "a b": true } }', '3:42 .when.headers["a b"]: the name must be the name of an HTTP header'],
    ['when: []', '3:22 .when: must be a section (name: value); found an empty list'],
    ['when: { all: [] }', '3:29 .when.all: must not be empty'],
    ['use: { target: p/m }', '3:23 .use.target: there is no such field; did you mean targets?'],
    ['use: p/m', '3:21 .use: must be a section (name: value); found "p/m"'],
    ['use: { targets: 5 }', '3:32 .use.targets: must be a target (provider-id/model-id) or a list of targets; found 5'],
    ['use: { targets: [p/m, { target: x, weight: 0 }] }', '3:59 .use.targets[1].weight: must be more than 0; found 0'],
    ['use: { strategy: fastest }', `3:33 .use.strategy: must be one of ${strategies}; found "fastest"`],
    ['use: { change: { efort: low } }', '3:33 .use.change.efort: there is no such field; did you mean effort?'],
  ])('%s', (fields, expected) => {
    const full = fields.startsWith('use') ? fields : `${fields}, use: {}`;
    expect(problemsIn(ruleWith(full))).toEqual([`f:${expected.replace(' .', ' routing.rules[0].')}`]);
  });

  it('is said of every rule at once, and of ids that stand twice', () => {
    const problems = problemsIn(`routing:
  rules:
    - { id: a, when: { model: { regex: "*" } }, use: {} }
    - { id: b, use: { strategy: fast } }
    - { id: a, use: {} }
    - { id: "c d" }
`);
    expect(problems).toEqual([
      'configuration routing.rules[3].use: is missing; expected a section (name: value)',
      'f:3:40 routing.rules[0].when.model.regex: is no regular expression: missing argument to repetition operator: `*`',
      `f:4:33 routing.rules[1].use.strategy: must be one of ${strategies}; found "fast"`,
      "f:5:13 routing.rules[2].id: another rule has the id 'a' already",
      `f:6:13 routing.rules[3].id: may hold only letters, digits, ".", "_" and "-"; found "c d"`,
    ]);
  });

  it('or with a ready-made route', () => {
    expect(
      problemsIn(`routing:
  routes:
    background: 5
    webSearch: { target: x }
    image: [5]
    thinking: { targets: x, strategy: fast }
    longContextTokens: 1.5
    subagents: x
`),
    ).toEqual([
      'f:3:17 routing.routes.background: must be a target (provider-id/model-id), a list of targets, or what stands under use in a rule; found 5',
      'f:4:18 routing.routes.webSearch.target: there is no such field; did you mean targets?',
      'f:5:13 routing.routes.image[0]: must be a target (provider-id/model-id), or a section with target and weight; found 5',
      `f:6:39 routing.routes.thinking.strategy: must be one of ${strategies}; found "fast"`,
      'f:7:24 routing.routes.longContextTokens: must be a whole number; found 1.5',
      'f:8:5 routing.routes.subagents: there is no such field; did you mean subagent?',
    ]);
  });

  it('is nothing where a header is called regex', () => {
    expect(problemsIn(ruleWith('when: { headers: { regex: "*" } }, use: {}'))).toEqual([]);
  });
});

describe('what has no effect is noticed', () => {
  const notices = (routing: ConfigInput['routing']) => noticesOn(configSchema.parse({ routing }));
  const use = { targets: 'p/m' };

  it('rules after one that matches every request', () => {
    expect(
      notices({
        rules: [
          { id: 'a', when: { class: 'main' }, use },
          { id: 'off', enabled: false, use },
          { id: 'all', when: { any: [{ images: true }, { all: [{}, { headers: {} }] }] }, use },
          { id: 'b', when: { class: 'title' }, use },
        ],
        routes: { webSearch: 'p/m' },
      }),
    ).toEqual(["routing.rules: 'all' matches every request, so never reached: b, routing.routes.webSearch."]);
  });

  it('but none after one that depends on the request, and nothing of the last one', () => {
    const rules = [
      { id: 'a', when: { any: [{ images: true }, { images: false }] }, use },
      { id: 'b', when: { not: { headers: { 'x-a': true } } }, use },
      { id: 'c', use },
    ];
    expect(notices({ rules })).toEqual([]);
  });

  it('rules that match nothing', () => {
    const rules = [{ id: 'never', when: { class: 'main' as const, not: { not: { not: {} } } }, use }];
    expect(notices({ rules })).toEqual(["routing.rules: 'never' matches no request."]);
    expect(notices({ rules: [{ id: 'never', when: { all: [{}, { not: { any: [{}] } }] }, use }] })).toHaveLength(1);
  });

  it('ids that two rules have', () => {
    const rules = [{ id: 'web-search', when: { images: true }, use }];
    expect(notices({ rules })).toEqual([]);
    expect(notices({ rules, routes: { webSearch: 'p/m' } })).toEqual([
      "routing.rules: 'web-search' is also the id of routing.routes.webSearch, so 'rule web-search' may mean either.",
    ]);
  });

  it('chains, strategies and weights that change nothing', () => {
    const heavy = { target: 'p/n', weight: 3 };
    expect(
      notices({
        rules: [
          { id: 'a', when: { images: true }, use: { targets: ['p/m', 'p/n'], fallback: 'p/m' } },
          { id: 'b', when: { images: true }, use: { targets: 'p/m', strategy: 'learned', fallback: [heavy] } },
          { id: 'c', when: { images: true }, use: { targets: ['p/m', heavy] } },
          { id: 'd', when: { images: true }, use: { targets: ['p/m', heavy], strategy: 'round-robin' } },
          { id: 'e', when: { images: true }, use: { targets: 'alias', strategy: 'learned' } },
        ],
      }),
    ).toEqual([
      "routing.rules: of 'a', fallback has no effect, for targets names all of it.",
      "routing.rules: of 'b', weights in fallback have no effect: it is tried in its order.",
      "routing.rules: of 'b', strategy has no effect, for there is one target.",
      "routing.rules: of 'c', weights have no effect with the strategy priority, but with weighted, round-robin, least-connections.",
    ]);
    expect(
      notices({
        loadBalancing: { failover: false },
        routes: { image: { targets: 'p/m', fallback: 'p/n', contentPolicy: 'p/o' } },
      }),
    ).toEqual([
      'routing.routes.image: fallback has no effect, for routing.loadBalancing.failover is false.',
      'routing.routes.image: contentPolicy has no effect, for routing.loadBalancing.failover is false.',
    ]);
  });
});

describe('rules elsewhere', () => {
  it('can be set by variables', () => {
    const { config, problems, warnings } = applyVariables(
      { routing: { rules: [{ id: 'a', use: { targets: ['p/m'] } }] } },
      {
        CPROXY_ROUTING__RULES__0__WHEN__CLASS: 'background,title',
        CPROXY_ROUTING__RULES__0__WHEN__NOT__INPUT_TOKENS__MIN: '5000',
        CPROXY_ROUTING__RULES__0__WHEN__MODEL__REGEX: '^a,b',
        CPROXY_ROUTING__RULES__0__WHEN__HEADERS: '{"x-a": true}',
        CPROXY_ROUTING__RULES__0__USE__TARGETS__0: '{"target": "p/m", "weight": 2}',
        CPROXY_ROUTING__RULES__0__USE__TARGETS__1: 'p/n',
        CPROXY_ROUTING__ROUTES__BACKGROUND: 'p/small',
        CPROXY_ROUTING__ROUTES__IMAGE: 'p/a,p/b',
        CPROXY_ROUTING__ROUTES__THINKING: '{"targets": ["p/a", "p/b"], "strategy": "learned"}',
        CPROXY_ROUTING__ROUTES__SUBAGENT__STRATEGY: 'cheapest',
        CPROXY_ROUTING__ROUTES__LONG_CONTEXT_TOKENS: '100000',
      },
    );
    expect([problems, warnings]).toEqual([[], []]);
    expect(config).toEqual({
      routing: {
        rules: [
          {
            id: 'a',
            when: {
              class: ['background', 'title'],
              not: { inputTokens: { min: 5000 } },
              model: { regex: '^a,b' },
              headers: { 'x-a': true },
            },
            use: { targets: [{ target: 'p/m', weight: 2 }, 'p/n'] },
          },
        ],
        routes: {
          background: 'p/small',
          image: ['p/a', 'p/b'],
          thinking: { targets: ['p/a', 'p/b'], strategy: 'learned' },
          subagent: { strategy: 'cheapest' },
          longContextTokens: 100_000,
        },
      },
    });
    expect(configSchema.safeParse(config).error).toBeUndefined();
  });

  it('are shown without the values of the headers that they send', () => {
    const canary = 'CANARY-77ab';
    const use = { targets: 'p/m', change: { headers: { 'x-secret': canary }, effort: 'low' as const } };
    const config = configSchema.parse({
      routing: { rules: [{ id: 'a', use }], routes: { image: use, thinking: 'p/m' } },
    });
    const { routing } = configForDisplay(config);
    expect(JSON.stringify(routing)).not.toContain(canary);
    const shown = { headers: { 'x-secret': '[redacted]' }, effort: 'low' };
    expect([routing.rules[0]?.use.change, routing.routes.image?.change]).toEqual([shown, shown]);
    expect(configSchema.parse({ routing }).routing.routes.thinking).toEqual(config.routing.routes.thinking);
  });
});
