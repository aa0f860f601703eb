import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { ExplanationView } from '../../src-shared/routing.ts';
import type { RuleInput } from '../../src-shared/rules.ts';
import {
  background,
  classifier,
  claudeCodeHeaders,
  compaction,
  image,
  pdf,
  step,
  title,
  turn,
  webSearch,
} from '../helpers/claude-code-requests.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

/**
 * Where requests go, on real sockets. What is promised, and which test shows it:
 *
 * - Facts: each of them by a rule that looks at it, below; the request class, said and inferred, below and in
 *   test/unit/routing/request-class.test.ts, with the real Claude Code in test/e2e/claude-code-failover.test.ts.
 * - Rules, first match wins, all/any/not, globs, ranges, expressions, rules that are off: below; bounded expressions in
 *   test/unit/routing/text-pattern.test.ts; what a rule changes in test/integration/rule-changes.test.ts.
 * - Aliases, tiers and ready-made routes: below.
 * - A target that cannot do what a request needs is skipped, with the reason, before it is called: below.
 * - Strategies across providers and across keys: test/integration/balancing.test.ts; weights of a rule's targets below.
 * - Affinity, and what breaking it costs: test/e2e/claude-code-failover.test.ts and the tests of affinity.
 * - Failover: test/integration/failover*.test.ts, hold.test.ts, key-rotation.test.ts, window-check.test.ts; ten thousand requests
 *   in test/bench/chaos.ts.
 * - Circuits, visible and resettable: below.
 * - Explanation and `x-cproxy-route`: below and in test/integration/explain.test.ts; the simulator in simulate.test.ts.
 * - A plan never has what is disabled, unable or left alone: test/unit/routing/plan-properties.test.ts.
 */

type Json = Record<string, unknown>;

let upstream: ScriptableUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
beforeEach(() => {
  upstream.reset();
  upstream.script(() => say('ok'));
});
afterAll(() => upstream.close());

const abilities = { tools: true, vision: true, documents: true };

/** Many providers at one address: answers tell by whom they were given. */
const providers = (): NonNullable<ConfigInput['providers']> => [
  {
    id: 'claude',
    type: 'anthropic-compatible',
    baseUrl: upstream.url,
    models: ['claude-opus-5-5', 'claude-haiku-5-5'].map((id) => ({
      id,
      capabilities: abilities,
      contextWindow: 1_000_000,
    })),
  },
  {
    id: 'local',
    type: 'openai-compatible',
    baseUrl: upstream.url,
    models: [
      'qwen',
      'searcher',
      'summarizer',
      'seer',
      'reader',
      'small',
      'helper',
      'thinker',
      { id: 'no-tools', capabilities: { tools: false } },
      { id: 'blind', capabilities: { vision: false, documents: false } },
      { id: 'narrow', contextWindow: 4_000 },
    ],
  },
];

interface Went {
  status: number;
  route: string | null;
  to: string;
  attempts: string | null;
  explanation: ExplanationView;
}

async function went(
  running: RunningEngine,
  body: Json,
  headers: Record<string, string> = claudeCodeHeaders,
  path = '/v1/messages?beta=true',
): Promise<Went> {
  const response = await running.ask(body, { headers, path });
  await response.text();
  const told = (name: string): string | null => response.headers.get(`x-cproxy-${name}`);
  const control = createRouterClient(await running.engine.controlRouter());
  const explanation = await control.requests.explain({ id: told('request-id') ?? '' });
  if (explanation === null) throw new Error('there is no explanation');
  return {
    status: response.status,
    route: told('route'),
    to: `${told('provider')}/${told('model')}`,
    attempts: told('attempts'),
    explanation,
  };
}

describe('a target that cannot do what the request needs', () => {
  let running: RunningEngine;
  beforeAll(async () => {
    running = await runEngine({
      providers: providers(),
      aliases: {
        'with-tools': ['local/no-tools', 'claude/claude-opus-5-5'],
        'with-eyes': ['local/blind', 'claude/claude-opus-5-5'],
        'with-room': ['local/narrow', 'claude/claude-opus-5-5'],
        poor: ['local/no-tools', 'local/narrow'],
      },
    });
  });
  afterAll(() => running.stop());

  it.each([
    ['with-tools', 'tools', turn('with-tools'), 'it cannot call tools'],
    ['with-eyes', 'an image in a tool result', step('with-eyes', image), 'it reads no images'],
    ['with-eyes', 'a document', step('with-eyes', [pdf]), 'it reads no documents'],
    [
      'with-room',
      'more than its window',
      turn('with-room', { system: 'word '.repeat(20_000) }),
      /tokens are more than its window of 4,000/,
    ],
  ])('%s: is skipped before it is called, with the reason: %s', async (_alias, _name, body, reason) => {
    const { to, attempts, explanation } = await went(running, body);
    expect(to).toBe('claude/claude-opus-5-5');
    expect(attempts).toBe('1');
    expect(upstream.asked.map(({ model }) => model)).toEqual(['claude-opus-5-5']);
    const [skipped] = explanation.route?.candidates.filter(({ place }) => place === 'skipped') ?? [];
    expect(skipped?.why).toMatch(reason);
    const steps = explanation.request.trace.filter(({ step: name }) => name === 'target skipped');
    expect(steps.map(({ detail }) => detail)).toEqual([`${skipped?.provider}/${skipped?.model}: ${skipped?.why}`]);
  });

  it('is called where it can', async () => {
    const plain = { model: 'with-tools', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] };
    expect((await went(running, plain, {})).to).toBe('local/no-tools');
    expect((await went(running, { ...plain, model: 'with-eyes' }, {})).to).toBe('local/blind');
    expect((await went(running, { ...plain, model: 'with-room' }, {})).to).toBe('local/narrow');
  });

  it('is asked all the same where nobody else is there: what is known of models may be wrong', async () => {
    const { status, to } = await went(running, turn('local/no-tools'));
    expect([status, to]).toEqual([200, 'local/no-tools']);
  });
});

describe('ready-made routes', () => {
  let running: RunningEngine;
  beforeAll(async () => {
    running = await runEngine({
      providers: providers(),
      routing: {
        routes: {
          webSearch: 'local/searcher',
          compaction: 'local/summarizer',
          image: 'local/seer',
          longContext: 'local/reader',
          longContextTokens: 50_000,
          background: 'local/small',
          subagent: 'local/helper',
        },
      },
    });
  });
  afterAll(() => running.stop());

  const opus = 'claude-opus-5-5';
  const haiku = 'claude-haiku-5-5';
  const long = turn(opus, { system: 'word '.repeat(80_000) });

  it.each<[string, Json, Record<string, string>, string, string, string]>([
    ['a web search', webSearch(opus), {}, 'web-search', 'local/searcher', 'web-search'],
    ['a wish for a summary', compaction(opus), {}, 'compaction', 'local/summarizer', 'compaction'],
    ['an image in a tool result', step(opus, image), {}, 'image', 'local/seer', 'main'],
    ['a long context', long, {}, 'long-context', 'local/reader', 'main'],
    ['a small question', background(haiku), {}, 'background', 'local/small', 'background'],
    ['a title', title(haiku), {}, 'background', 'local/small', 'title'],
    ['a subagent', turn(opus), { 'x-claude-code-agent-id': 'a1' }, 'subagent', 'local/helper', 'subagent'],
    [
      'a subagent that says so',
      turn(opus),
      { 'x-claude-code-request-class': 'subagent' },
      'subagent',
      'local/helper',
      'subagent',
    ],
  ])('%s', async (_name, body, headers, route, to, requestClass) => {
    const seen = await went(running, body, { ...claudeCodeHeaders, ...headers });
    expect(seen.to).toBe(to);
    expect(seen.route).toBe(`rule ${route}`);
    const { facts } = seen.explanation.route ?? {};
    expect(facts?.class).toBe(requestClass);
    expect(facts?.classSource.from).toBe('x-claude-code-request-class' in headers ? 'header' : 'inferred');
    expect(facts?.classSource.why).not.toBe('');
  });

  it.each<[string, Json]>([
    ['a turn', turn(opus)],
    ['a step with text', step(opus, 'what the file says')],
    ['the check of a command', classifier(haiku)],
    ['a small question with tools', turn(haiku, { thinking: undefined })],
  ])('none of them takes %s', async (_name, body) => {
    const seen = await went(running, body);
    expect(seen.to).toBe(`claude/${body.model}`);
    expect(seen.route).toBe(`model ${body.model}`);
  });

  it.each<[string, Json]>([
    ['a web search', webSearch(`claude/${opus}`)],
    ['an image', step(`claude/${opus}`, image)],
    ['a small question', background(`claude/${haiku}`)],
  ])('none of them takes %s that names its provider', async (_name, body) => {
    const seen = await went(running, body);
    expect(seen.to).toBe(body.model);
    expect(seen.route).toBe('provider claude');
  });

  it('thinking', async () => {
    await using other = await runEngine({ providers: providers(), routing: { routes: { thinking: 'local/thinker' } } });
    expect((await went(other, turn(opus))).to).toBe('local/thinker');
    expect((await went(other, turn(opus, { thinking: { type: 'disabled' } }))).to).toBe(`claude/${opus}`);
  });

  it("come after a user's own rules", async () => {
    await using other = await runEngine({
      providers: providers(),
      routing: {
        rules: [{ id: 'mine', when: { class: 'web-search' }, use: { targets: 'local/qwen' } }],
        routes: { webSearch: 'local/searcher' },
      },
    });
    expect(await went(other, webSearch(opus))).toMatchObject({ route: 'rule mine', to: 'local/qwen' });
  });
});

describe('names', () => {
  let running: RunningEngine;
  beforeAll(async () => {
    running = await runEngine({
      providers: providers(),
      aliases: { fast: 'local/qwen' },
      routing: {
        defaultProvider: 'claude',
        tiers: {
          opus: 'local/thinker',
          sonnet: ['local/qwen', 'claude/claude-opus-5-5'],
          haiku: 'local/small',
          fable: 'local/reader',
        },
      },
    });
  });
  afterAll(() => running.stop());

  it.each([
    ['fast', 'alias fast', 'local/qwen'],
    ['local/small', 'provider local', 'local/small'],
    ['claude-opus-5-5', 'model claude-opus-5-5', 'claude/claude-opus-5-5'],
    ['claude-opus-9-1', 'tier opus', 'local/thinker'],
    ['claude-sonnet-5-5', 'tier sonnet', 'local/qwen'],
    ['claude-sonnet-5-5[1m]', 'tier sonnet', 'local/qwen'],
    ['anthropic.claude-haiku-4-5', 'tier haiku', 'local/small'],
    ['claude-fable-5-2', 'tier fable', 'local/reader'],
    ['unheard-of', 'default claude', 'claude/claude-opus-5-5'],
  ])('%s is %s', async (model, route, to) => {
    expect(await went(running, turn(model))).toMatchObject({ route, to, status: 200 });
  });

  it.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
    ['/v1/responses', { input: 'hi' }],
  ])('are understood alike at %s, which tells the route as well', async (path, body) => {
    expect(await went(running, { model: 'claude-haiku-9', ...body }, {}, path)).toMatchObject({
      route: 'tier haiku',
      to: 'local/small',
    });
  });
});

describe('every fact can decide', () => {
  const now = new Date();
  const minutes = (offset: number): string => {
    const at = (now.getHours() * 60 + now.getMinutes() + offset + 1440) % 1440;
    return `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`;
  };
  const claude = 'claude-opus-5-5';
  const agent = { 'x-claude-code-agent-id': 'agent-7', 'x-claude-code-parent-agent-id': 'agent-1' };
  const plain = { model: claude, max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] };
  type Asked = [body: Json, headers?: Record<string, string>, path?: string];

  const cases: [string, RuleInput['when'], Asked, Asked][] = [
    ['protocol', { protocol: 'openai-chat' }, [{ ...plain }, {}, '/v1/chat/completions'], [plain]],
    ['model', { model: 'claude-opus-*' }, [turn(claude)], [turn('claude-haiku-5-5')]],
    ['named', { named: 'provider' }, [turn(`claude/${claude}`)], [turn(claude)]],
    ['alias', { alias: 'nick' }, [turn('nick')], [turn(claude)]],
    ['tier', { tier: 'haiku' }, [turn('claude-haiku-5-5')], [turn(claude)]],
    ['class', { class: ['title', 'background'] }, [title('claude-haiku-5-5')], [turn('claude-haiku-5-5')]],
    ['a name of a tool', { tools: 'mcp__*' }, [turn(claude)], [plain]],
    ['tools by an expression', { tools: { regex: '^mcp__tickets__(search|find)$' } }, [turn(claude)], [plain]],
    ['the number of tools', { toolCount: { min: 3 } }, [turn(claude)], [webSearch(claude)]],
    ['images', { images: true }, [step(claude, image)], [step(claude, 'text')]],
    ['documents', { documents: true }, [step(claude, [pdf])], [step(claude, image)]],
    ['thinking', { thinking: true }, [turn(claude)], [plain]],
    ['effort', { effort: ['medium', 'high'] }, [turn(claude)], [turn(claude, { output_config: { effort: 'low' } })]],
    [
      'input tokens',
      { inputTokens: { min: 20_000 } },
      [turn(claude, { system: 'word '.repeat(60_000) })],
      [turn(claude)],
    ],
    ['max tokens', { maxTokens: { max: 1_000 } }, [plain], [turn(claude)]],
    ['streaming', { stream: true }, [turn(claude)], [plain]],
    ['session', { session: '3f2c6f1e-*' }, [turn(claude)], [turn(claude), { 'user-agent': 'curl/8' }]],
    ['agent', { agent: '*' }, [turn(claude), { ...claudeCodeHeaders, ...agent }], [turn(claude)]],
    ['parent agent', { parentAgent: 'agent-1' }, [turn(claude), { ...claudeCodeHeaders, ...agent }], [turn(claude)]],
    [
      'kind of agent',
      { agentType: 'explore' },
      [turn(claude), { ...claudeCodeHeaders, 'x-claude-code-agent-type': 'Explore' }],
      [turn(claude)],
    ],
    ['project in the prompt', { project: '/home/user' }, [turn(claude)], [plain]],
    ['project in a header', { project: '/srv/shop' }, [plain, { 'x-cproxy-project': '/srv/shop/web' }], [plain]],
    ['client', { client: 'claude-code' }, [plain], [plain, { 'user-agent': 'curl/8' }]],
    ['user agent', { userAgent: '*opencode*' }, [plain, { 'user-agent': 'opencode/1.2' }], [plain]],
    ['time', { time: { from: minutes(-30), to: minutes(30) } }, [plain], [plain]],
    ['budget', { budget: ['none', 'within'] }, [plain], [plain]],
    ['a header', { headers: { 'X-Team': 'blue' } }, [plain, { 'x-team': 'Blue' }], [plain, { 'x-team': 'red' }]],
    ['that a header is there', { headers: { 'x-team': true } }, [plain, { 'x-team': 'red' }], [plain]],
    [
      'several at once',
      { any: [{ model: 'gpt-*' }, { all: [{ stream: true }, { not: { images: true } }] }] },
      [turn(claude)],
      [step(claude, image)],
    ],
  ];

  it.each(cases)('%s', async (name, when, met, other) => {
    await using running = await runEngine({
      providers: providers(),
      aliases: { nick: `claude/${claude}` },
      routing: {
        rules: [
          { id: 'off', enabled: false, when, use: { targets: 'local/small' } },
          { id: 'decides', when, use: { targets: 'local/qwen' } },
          { id: 'too-late', when, use: { targets: 'local/small' } },
          { id: 'rest', use: { targets: 'claude/*' } },
        ],
      },
    });
    const yes = await went(running, ...met);
    expect(yes).toMatchObject({ status: 200, route: 'rule decides', to: 'local/qwen' });
    expect(yes.explanation.route?.rules.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['off', 'off'],
      ['decides', 'matched'],
      ['too-late', 'not-reached'],
      ['rest', 'not-reached'],
    ]);
    // Time and budget are the same for every request.
    if (name === 'time' || name === 'budget') return;
    const no = await went(running, ...other);
    expect(no).toMatchObject({ status: 200, route: 'rule rest' });
    const refused = no.explanation.route?.rules.find(({ id }) => id === 'decides');
    expect(refused).toMatchObject({ outcome: 'not-matched', why: expect.stringMatching(/\S/) });
  });

  it('is there for who asks afterwards, whether a rule looked at it or not', async () => {
    await using running = await runEngine({ providers: providers() });
    const { explanation } = await went(running, turn(claude));
    expect(explanation.route?.facts).toMatchObject({
      protocol: 'anthropic',
      model: claude,
      tools: ['Agent', 'Bash', 'Edit', 'Read', 'mcp__tickets__search'],
      thinking: true,
      effort: 'medium',
      maxTokens: 64_000,
      project: '/home/user/project',
      client: 'claude-code',
      class: 'main',
    });
  });
});

describe("a rule's targets", () => {
  it('share requests by their weights, and stand in for each other', async () => {
    await using running = await runEngine({
      providers: providers(),
      routing: {
        rules: [
          {
            id: 'share',
            use: {
              strategy: 'weighted',
              targets: [
                { target: 'claude/claude-opus-5-5', weight: 3 },
                { target: 'local/qwen', weight: 1 },
              ],
              fallback: 'local/small',
            },
          },
        ],
      },
    });
    const counts = new Map<string, number>();
    for (let index = 0; index < 80; index += 1) {
      const body = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: `conversation ${index}` }] };
      const { to } = await went(running, body, {});
      counts.set(to, (counts.get(to) ?? 0) + 1);
    }
    // By turns or by chance: three parts of four, and never far from it.
    const large = counts.get('claude/claude-opus-5-5') ?? 0;
    expect(large).toBeGreaterThanOrEqual(45);
    expect(large).toBeLessThanOrEqual(74);
    expect(large + (counts.get('local/qwen') ?? 0)).toBe(80);

    upstream.script(({ model }) => (model === 'small' ? say('ok') : fail(500)));
    const last = await went(
      running,
      { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'and now' }] },
      {},
    );
    expect(last).toMatchObject({ status: 200, to: 'local/small', attempts: '3' });
    expect(last.explanation.request.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'answered']);
  });
});

describe('a target that fails too often', () => {
  it('is left alone, visibly; is asked again at once when told, or when nothing else is left', async () => {
    await using running = await runEngine({
      providers: providers(),
      aliases: { both: ['local/qwen', 'local/small'] },
      routing: { circuit: { failures: 3 } },
    });
    const control = createRouterClient(await running.engine.controlRouter());
    const ask = (index: number): Promise<Went> =>
      went(running, { model: 'both', max_tokens: 9, messages: [{ role: 'user', content: `talk ${index}` }] }, {});
    let isWell = false;
    upstream.script(({ model }) => (model === 'qwen' && !isWell ? fail(500) : say('ok')));
    for (let index = 0; index < 3; index += 1)
      expect(await ask(index)).toMatchObject({ to: 'local/small', attempts: '2' });

    const [circuit, ...others] = await control.circuits.list();
    expect(circuit).toMatchObject({ provider: 'local', model: 'qwen', state: 'open', failures: 3 });
    expect(circuit?.reason).toMatch(/HTTP 500/);
    expect(others).toEqual([]);
    const alone = await ask(10);
    expect(alone).toMatchObject({ to: 'local/small', attempts: '1' });
    const reserve = alone.explanation.route?.candidates.find(({ place }) => place === 'reserve');
    expect(reserve).toMatchObject({ provider: 'local', model: 'qwen', order: null, why: expect.stringMatching(/\S/) });

    // Nothing else is left.
    upstream.script(({ model }) => (model === 'small' ? fail(500) : say('ok')));
    expect(await ask(11)).toMatchObject({ status: 200, to: 'local/qwen', attempts: '2' });

    isWell = true;
    upstream.script(() => say('ok'));
    await control.circuits.reset({ provider: 'local' });
    expect(await control.circuits.list()).toEqual([]);
    expect(await ask(12)).toMatchObject({ to: 'local/qwen', attempts: '1' });
  });

  it('is tried with one request when its time has come, and is back when that is answered', async () => {
    await using running = await runEngine({
      providers: providers(),
      aliases: { both: ['local/qwen', 'local/small'] },
      routing: { circuit: { failures: 2, openMs: 100 } },
    });
    const control = createRouterClient(await running.engine.controlRouter());
    let number = 0;
    const ask = (): Promise<Went> =>
      went(running, { model: 'both', max_tokens: 9, messages: [{ role: 'user', content: `talk ${number++}` }] }, {});
    upstream.script(({ model }) => (model === 'qwen' ? fail(500) : say('ok')));
    await ask();
    await ask();
    upstream.script(() => say('ok'));
    await waitUntil('the target', async () => (await ask()).to === 'local/qwen');
    expect(await control.circuits.list()).toEqual([]);
  });
});
