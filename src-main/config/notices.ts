import type { Config } from '../../src-shared/config.ts';
import type { Condition, Rule, RuleTarget, Strategy } from '../../src-shared/rules.ts';

/** What a valid configuration says that has no effect. */
export function noticesOn({ routing }: Config): string[] {
  const { loadBalancing, rules, routes } = routing;
  const { longContextTokens: _, ...uses } = routes;
  const ready = Object.entries(uses).flatMap(([name, use]) => (use === undefined ? [] : [{ name, use }]));
  const enabled = rules.filter((rule) => rule.enabled);
  return [
    ...unreachable(
      enabled,
      ready.map(({ name }) => name),
    ),
    ...enabled
      .filter(({ when }) => certainly(when) === false)
      .map(({ id }) => `routing.rules: '${id}' matches no request.`),
    ...ready
      .filter(({ name }) => enabled.some(({ id }) => id === idOfRoute(name)))
      .map(({ name }) => {
        const id = idOfRoute(name);
        return `routing.rules: '${id}' is also the id of routing.routes.${name}, so 'rule ${id}' may mean either.`;
      }),
    ...[
      ...enabled.map(({ id, use }) => ({ where: `routing.rules: of '${id}',`, use })),
      ...ready.map(({ name, use }) => ({ where: `routing.routes.${name}:`, use })),
    ].flatMap(({ where, use }) => idleParts(use, loadBalancing.failover).map((part) => `${where} ${part}.`)),
  ];
}

function unreachable(rules: readonly Rule[], ready: readonly string[]): string[] {
  const last = rules.findIndex(({ when }) => certainly(when) === true);
  const decided = rules[last];
  if (decided === undefined) return [];
  const after = [...rules.slice(last + 1).map(({ id }) => id), ...ready.map((name) => `routing.routes.${name}`)];
  if (after.length === 0) return [];
  return [`routing.rules: '${decided.id}' matches every request, so never reached: ${after.join(', ')}.`];
}

/** Whether a condition holds always, or never; null where that depends on the request. */
function certainly({ all = [], any, not, headers = {}, ...others }: Condition): boolean | null {
  const inner: (boolean | null)[] = all.map(certainly);
  if (any !== undefined) {
    const some = any.map(certainly);
    inner.push(some.includes(true) || (some.every((one) => one === false) ? false : null));
  }
  if (not !== undefined) {
    const one = certainly(not);
    inner.push(one === null ? null : !one);
  }
  const isOpen = Object.keys(headers).length > 0 || Object.values(others).some((wanted) => wanted !== undefined);
  if (inner.includes(false)) return false;
  return isOpen || inner.includes(null) ? null : true;
}

const weighing: ReadonlySet<Strategy> = new Set(['weighted', 'round-robin', 'least-connections']);

/** What of a rule's `use` changes nothing. */
function idleParts({ targets, strategy, fallback, contentPolicy }: Rule['use'], failover: boolean): string[] {
  const chains = { fallback, contentPolicy };
  const own = namesOf(targets);
  const idle: string[] = [];
  for (const [name, chain] of Object.entries(chains)) {
    if (chain === undefined) continue;
    if (!failover) idle.push(`${name} has no effect, for routing.loadBalancing.failover is false`);
    else if (name === 'fallback' && chain.every(({ target }) => own.includes(target)))
      idle.push('fallback has no effect, for targets names all of it');
    if (chain.some(({ weight }) => weight !== 1))
      idle.push(`weights in ${name} have no effect: it is tried in its order`);
  }
  const [only, ...others] = own;
  // An alias may lead to several.
  if (strategy !== undefined && only?.includes('/') && others.length === 0)
    idle.push('strategy has no effect, for there is one target');
  if (targets?.some(({ weight }) => weight !== 1) && !weighing.has(strategy ?? 'priority'))
    idle.push(
      `weights have no effect with the strategy ${strategy ?? 'priority'}, but with ${[...weighing].join(', ')}`,
    );
  return idle;
}

const namesOf = (targets: readonly RuleTarget[] | undefined): string[] => targets?.map(({ target }) => target) ?? [];

/** `webSearch` → `web-search` */
const idOfRoute = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
