import type { ConfigInput } from '../../src-shared/config.ts';

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

const IDS = ['north', 'east', 'south', 'west', 'middle'];
const TYPES = ['anthropic-compatible', 'openai-compatible'] as const;
const STRATEGIES = ['weighted', 'round-robin', 'least-connections', 'response-time'] as const;
/** Variables of the environment that hold keys. */
export const KEY_VARIABLES = ['CHANGING_KEY_A', 'CHANGING_KEY_B'] as const;

export interface Random {
  /** Below `end`, whole. */
  below(end: number): number;
  pick<T>(items: readonly [T, ...T[]] | readonly T[]): T;
}

/** @param next 0 (inclusive) to 1 */
export function randomOf(next: () => number): Random {
  const below = (end: number): number => Math.floor(next() * end);
  return {
    below,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('There is nothing to pick from');
      return item;
    },
  };
}

/** A valid configuration in which the alias `steady` leads somewhere, and nearly everything else is another each time. */
export function randomConfig(random: Random, { urls, port }: { urls: readonly string[]; port: number }): ConfigInput {
  const ids = IDS.filter(() => random.below(2) === 0);
  if (ids.length === 0) ids.push(random.pick(IDS));
  const providers = ids.map(
    (id): ProviderInput => ({
      id,
      type: random.pick(TYPES),
      baseUrl: random.pick(urls),
      models: ['m'],
      key: `env:${random.pick(KEY_VARIABLES)}`,
      weight: 1 + random.below(5),
      priority: 1 + random.below(3),
    }),
  );
  const targets = ids.map((id) => `${id}/m`).sort(() => random.below(3) - 1);
  const rules = targets
    .slice(random.below(targets.length + 1))
    .map((target, index) => ({ id: `rule-${index}`, when: { tools: ['Bash'] }, use: { targets: [target] } }));
  return {
    server: { port },
    providers,
    aliases: { steady: targets, [`other-${random.below(9)}`]: random.pick(targets) },
    routing: { rules, loadBalancing: { strategy: random.pick(STRATEGIES), healthCheck: false } },
    modelLists: { fetch: false },
  };
}

/** What editors leave behind, and users write. */
export function brokenText(random: Random, text: string): string {
  return random.pick([
    `${text}\nproviders: [`,
    text.slice(0, text.length / 2),
    '{ "alias": { "steady": "nowhere/m" } }',
    '{ "providers": [{ "id": "north" }] }',
    '{ "server": { "port": "many" } }',
  ]);
}
