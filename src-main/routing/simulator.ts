import { isDeepStrictEqual } from 'node:util';
import type { MadeFacts } from '../../src-shared/facts-input.ts';
import type { Destination, RouteView, RoutingFacts, SimulationView } from '../../src-shared/routing.ts';
import type { Condition, Rule } from '../../src-shared/rules.ts';
import { ProviderRouter, type RouterOptions } from './provider-router.ts';
import { localTime } from './request-facts.ts';

/** Where strategies draw lots, they draw the middle: the same question has the same answer. */
const LOT = 0.5;

/** A request to be tried, and how it went where it was a real one. */
export interface Trial {
  id: string | null;
  facts: RoutingFacts;
  went: RouteView | null;
}

/** Rules, and the router that goes by them. */
export interface TrialRules {
  rules: readonly Rule[];
  router: ProviderRouter;
}

/** A router that tries things out: it looks at what is known of targets, and changes nothing of it. */
export const trialRules = (options: Omit<RouterOptions, 'random'>): TrialRules => ({
  rules: options.config.routing.rules,
  router: new ProviderRouter({ ...options, random: () => LOT }),
});

/** A request made by hand. @param now Unix time in ms. */
export const madeFacts = (input: MadeFacts, now: number): RoutingFacts => ({
  ...input,
  headers: Object.fromEntries(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value])),
  classSource: { from: 'given', why: 'made by hand' },
  time: input.time ?? localTime(now),
});

/**
 * Where a request would go, without calling anyone and without any trace in what is known of targets.
 * @param edited rules to be tried; null for those in force.
 */
export function simulate(
  { id, facts, went }: Trial,
  { inForce, edited }: { inForce: TrialRules; edited: TrialRules | null },
): SimulationView & { explanation: RouteView } {
  const { router, rules } = edited ?? inForce;
  const explanation = router.explain(facts);
  // How it went, it went by circuits and turns of then: edited rules are held against those in force, both as of now.
  const before = edited === null ? went : inForce.router.explain(facts);
  const to = destination(explanation);
  const from = before === null ? null : destination(before);
  return {
    request: id,
    class: facts.class,
    model: facts.model,
    to,
    before: from,
    differs: from !== null && !sameWay(from, to),
    unknown: id === null ? [] : unknownFacts(facts, explanation, rules, askedHeaders(inForce.rules)),
    explanation,
  };
}

function destination({ route, candidates, changes }: RouteView): Destination {
  const first = candidates.find(({ order }) => order === 1);
  return { route, target: first === undefined ? null : `${first.provider}/${first.model}`, changes };
}

const sameWay = (a: Destination, b: Destination): boolean =>
  a.target === b.target && isDeepStrictEqual(a.changes, b.changes);

/** Of a logged request, only those headers are kept that rules asked for then, and of others with x- that they were there. */
function unknownFacts(
  { headers }: RoutingFacts,
  route: RouteView,
  rules: readonly Rule[],
  kept: ReadonlyMap<string, boolean>,
): string[] {
  const reached = new Set(
    route.rules.filter(({ outcome }) => outcome === 'matched' || outcome === 'not-matched').map(({ id }) => id),
  );
  const asked = askedHeaders(rules.filter(({ id }) => reached.has(id)));
  return [...asked].flatMap(([name, value]) => {
    if (kept.has(name)) return [];
    if (!name.startsWith('x-')) return [`whether the request had the header '${name}' was not kept: taken as if not`];
    return value && headers[name] === ''
      ? [`what the header '${name}' of the request said was not kept: taken as if empty`]
      : [];
  });
}

/** Names, in lower case, of the headers that rules ask for; true where they ask for what it says. */
function askedHeaders(rules: readonly Rule[]): Map<string, boolean> {
  const asked = new Map<string, boolean>();
  const look = ({ all = [], any = [], not, headers = {} }: Condition): void => {
    for (const [name, wanted] of Object.entries(headers)) {
      const lower = name.toLowerCase();
      asked.set(lower, asked.get(lower) === true || typeof wanted !== 'boolean');
    }
    for (const part of [...all, ...any, ...(not === undefined ? [] : [not])]) look(part);
  };
  for (const { when } of rules) look(when);
  return asked;
}
