import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { RequestBody } from '../../src-main/protocols/request-body.ts';
import type { FactSource } from '../../src-main/routing/request-facts.ts';
import { RequestFacts } from '../../src-main/routing/request-facts.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { type RuleInput, type Strategy, strategies } from '../../src-shared/rules.ts';
import { factWorld, type RouterParts, routerFor } from '../helpers/routing.ts';
import { seededRandom } from '../helpers/seeded-random.ts';
import { dialectRequest, longRequest } from './dialect-requests.ts';
import { median, percentile } from './statistics.ts';
import { figure, table } from './table.ts';

/** What it costs to plan a request: CPU time in this process, by strategy, for few rules and for many. */

/** The most that planning may cost, in microseconds of CPU. */
const limitMicroseconds = 100;
const ruleCount = 200;
const targetCount = 50;
const classes = ['subagent', 'background', 'compaction', 'web-search', 'title', 'classifier'] as const;

/** Conditions of every kind that this request does not meet, so that all of them are looked at. */
const conditions: readonly ((index: number) => RuleInput['when'])[] = [
  (index) => ({ class: classes[index % classes.length] ?? 'title' }),
  (index) => ({ model: `gpt-${index}*` }),
  (index) => ({ model: { regex: `^(qwen|llama)-[0-9]+-${index}$` } }),
  (index) => ({ tools: `mcp__server${index}__*` }),
  (index) => ({ tools: { regex: `^(Run|Start)${index}` } }),
  (index) => ({ inputTokens: { min: 1_000_000 + index } }),
  (index) => ({ all: [{ thinking: true }, { images: true }, { toolCount: { min: 100 + index } }] }),
  (index) => ({ any: [{ project: `/srv/other-${index}` }, { client: `codex-${index}` }] }),
  (index) => ({ not: { any: [{ protocol: 'anthropic' }, { maxTokens: { max: index } }] } }),
  (index) => ({
    time: { days: 'sun', from: '03:00', to: `03:${String(1 + (index % 59)).padStart(2, '0')}` },
    effort: 'max',
  }),
  (index) => ({ headers: { [`x-team-${index % 5}`]: `other-${index}` } }),
  (index) => ({ agentType: `Explore-${index}`, userAgent: ['*opencode*', '*cline*'] }),
  (index) => ({ subscription: { min: 0.9 }, budget: 'exceeded', session: `${index}*` }),
];

function rulesOf(strategy: Strategy, targets: readonly string[]): RuleInput[] {
  const others = Array.from({ length: ruleCount - 1 }, (_, index): RuleInput => {
    const when = conditions[index % conditions.length]?.(index) ?? {};
    return { id: `rule-${index}`, when, use: { targets: targets[index % targets.length] ?? 'p0/m' } };
  });
  const last: RuleInput = {
    id: 'last',
    when: { class: 'main', tools: 'Bash', inputTokens: { min: 100 } },
    use: { targets: targets.map((target, index) => ({ target, weight: 1 + (index % 3) })), strategy },
  };
  return [...others, last];
}

const providerIds = Array.from({ length: targetCount }, (_, index) => `p${index}`);
const providers: ConfigInput['providers'] = providerIds.map((id, index) => ({
  id,
  type: 'anthropic-compatible',
  baseUrl: `http://127.0.0.1:${10_000 + index}`,
  models: [{ id: 'claude-sonnet-5-5', price: { input: 3 + index / 10, output: 15 } }],
  weight: 1 + (index % 3),
}));

/** Providers that have answered before, so that there is something to choose by. */
function experienced(parts: RouterParts, settings: Settings): RouterParts {
  const random = seededRandom(7);
  const facts = factsFor(settings.raw);
  for (let round = 0; round < 5; round += 1)
    for (const target of parts.router.plan(facts).targets) {
      const end = parts.router.begin(facts, target);
      end?.({
        outcome: 'answered',
        error: null,
        status: 200,
        retryAfterMs: null,
        firstContentMs: 300 + random() * 900,
        totalMs: 4_000 + random() * 9_000,
        usage: { input: 300, cacheRead: 20_000 * random(), cacheWrite: 900, output: 300 + 600 * random() },
      });
    }
  return parts;
}

interface Settings {
  raw: Buffer;
}

const headers: Readonly<Record<string, string>> = {
  'user-agent': 'claude-cli/2.1.330 (external, cli)',
  'x-claude-code-session-id': randomUUID(),
  'x-app': 'cli',
  'anthropic-version': '2023-06-01',
  'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27',
  'content-type': 'application/json',
};
const rawHeaders = Object.entries(headers).flat();
const worldOfRules = { ...factWorld, headers: new Set(['x-team-0', 'x-team-1', 'x-team-2', 'x-team-3', 'x-team-4']) };

/** A request as it arrives: nothing of it is known but what its door has read. */
function sourceOf(raw: Buffer): FactSource {
  return {
    protocol: 'anthropic',
    body: new RequestBody(raw),
    rawHeaders,
    conversation: () => 'a-conversation',
    conversationIfNamed: () => 'a-conversation',
    token: null,
  };
}

function factsFor(raw: Buffer): RequestFacts {
  const source = sourceOf(raw);
  return new RequestFacts(source, worldOfRules);
}

interface Cost {
  median: number;
  least: number;
}

const rounds = 15;

/** CPU time of one call in microseconds: the median of rounds of many calls, after V8 has compiled it. */
function cpuOf<Prepared>(calls: number, prepare: () => Prepared, work: (prepared: Prepared) => unknown): Cost {
  const samples: number[] = [];
  for (let round = -5; round < rounds; round += 1) {
    const prepared = Array.from({ length: calls }, prepare);
    const before = process.cpuUsage();
    for (const one of prepared) work(one);
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) samples.push((user + system) / calls);
  }
  return { median: median(samples), least: percentile(samples, 0) };
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** @returns whether planning was within its limit everywhere. */
function main(): boolean {
  const { values } = parseArgs({
    options: { calls: { type: 'string', default: '400' }, strategy: { type: 'string' } },
  });
  const calls = Number(values.calls);
  const bodies: [string, Buffer][] = [
    ['60 kB', Buffer.from(dialectRequest('anthropic', 'claude-sonnet-5-5', true, 'burst'))],
    ['500 kB', longRequest('anthropic', 'claude-sonnet-5-5', 500_000)],
  ];
  const targets = providerIds.map((id) => `${id}/claude-sonnet-5-5`);
  const cell = ({ median: middle, least }: Cost): string => `${figure(middle)} (${figure(least)})`;
  let most = 0;
  const rows: string[][] = [];
  const [, [, large = Buffer.alloc(0)] = []] = bodies;
  for (const strategy of strategies) {
    if (values.strategy !== undefined && values.strategy !== strategy) continue;
    const settings = { raw: large };
    const ruled = experienced(
      routerFor({ providers, routing: { rules: rulesOf(strategy, targets) } }, { random: seededRandom(1) }),
      settings,
    );
    const shared = experienced(
      routerFor({ providers, routing: { loadBalancing: { strategy } } }, { random: seededRandom(1) }),
      settings,
    );
    const check = ruled.router.plan(factsFor(large));
    if (check.route !== 'rule last' || check.targets.length !== targetCount)
      throw new Error(
        `planned by '${check.route}' with ${check.targets.length} targets, not by the last rule with all`,
      );
    // The facts are known already.
    const knownFacts = factsFor(large);
    ruled.router.plan(knownFacts);
    const byRules = cpuOf(
      calls,
      () => knownFacts,
      (facts) => ruled.router.plan(facts),
    );
    const byName = cpuOf(
      calls,
      () => knownFacts,
      (facts) => shared.router.plan(facts),
    );
    most = Math.max(most, byRules.median, byName.median);
    const whole = bodies.map(([, raw]) =>
      cpuOf(
        Math.ceil(calls / 8),
        () => factsFor(raw),
        (facts) => ruled.router.plan(facts),
      ),
    );
    rows.push([strategy, cell(byRules), cell(byName), ...whole.map(cell)]);
  }
  say(
    `Planning with ${ruleCount} rules, of which the last matches, and ${targetCount} targets; µs of CPU, median (least):\n`,
  );
  say(
    table(
      ['strategy', 'rules, then targets', 'shared model', ...bodies.map(([name]) => `with facts of ${name}`)],
      rows,
    ),
  );
  const factRows = bodies.map(([name, raw]) => [
    `facts of ${name}`,
    cell(
      cpuOf(
        Math.ceil(calls / 8),
        () => factsFor(raw),
        (facts) => facts.settled(),
      ),
    ),
  ]);
  const explained = routerFor({ providers, routing: { rules: rulesOf('weighted', targets) } });
  const facts = factsFor(large);
  const planned = explained.router.plan(facts);
  factRows.push([
    'an explanation, for who asks',
    cell(
      cpuOf(
        Math.ceil(calls / 8),
        () => planned,
        (plan) => plan.explain(),
      ),
    ),
  ]);
  say(`\n${table(['beside it, µs of CPU', 'median (least)'], factRows)}`);
  const reached = most <= limitMicroseconds;
  say(`\n${reached ? 'pass' : 'FAIL'}  planning: at most ${figure(most)} µs (limit ${limitMicroseconds} µs)`);
  return reached;
}

process.exitCode = main() ? 0 : 1;
