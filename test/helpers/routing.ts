import { createProvider } from '../../src-main/providers/provider-types.ts';
import type { Transport } from '../../src-main/providers/transport.ts';
import type { Plan } from '../../src-main/routing/plan.ts';
import { ProviderRouter } from '../../src-main/routing/provider-router.ts';
import type { FactWorld } from '../../src-main/routing/request-facts.ts';
import { RoutingState, type RoutingStateOptions } from '../../src-main/routing/routing-state.ts';
import { type ConfigInput, configSchema } from '../../src-shared/config.ts';
import type { RouteView, RoutingFacts } from '../../src-shared/routing.ts';

const transport: Transport = {
  send: () => Promise.reject(new Error('routing calls nobody')),
  check: () => null,
  reset: () => undefined,
  close: () => Promise.resolve(),
};

export interface RouterParts {
  router: ProviderRouter;
  state: RoutingState;
}

/** A router with providers that nobody can call. */
export function routerFor(
  input: ConfigInput,
  options: Partial<RoutingStateOptions> & { random?: () => number } = {},
): RouterParts {
  const config = configSchema.parse(input);
  const resources = {
    transport,
    resolveKey: async () => ({ state: 'present', value: 'key', reference: 'env:KEY', warning: null }) as const,
  };
  const [demo] = configSchema.parse({ providers: [{ id: 'demo', type: 'demo' }] }).providers;
  if (demo === undefined) throw new Error('there is no demo');
  const { random, ...rest } = options;
  const state = new RoutingState({ downReason: () => null, settings: () => config.routing, ...rest });
  const router = new ProviderRouter({
    config,
    providers: config.providers.map((provider) => createProvider(provider, resources)),
    demo: createProvider(demo, resources),
    state,
    ...(random === undefined ? {} : { random }),
  });
  return { router, state };
}

/** A plain request of Claude Code, but for what is given. */
export const factsOf = (facts: Partial<RoutingFacts> = {}): RoutingFacts => ({
  protocol: 'anthropic',
  model: 'claude-sonnet-5-5',
  tools: [],
  images: false,
  documents: false,
  thinking: false,
  effort: null,
  inputTokens: 1000,
  maxTokens: 32_000,
  stream: true,
  session: null,
  agent: null,
  agentType: null,
  parentAgent: null,
  class: 'main',
  classSource: { from: 'inferred', why: 'nothing speaks of another' },
  project: null,
  client: 'claude-code',
  userAgent: 'claude-cli/2.1.330 (external, cli)',
  time: { day: 'wed', minute: 600 },
  budget: 'none',
  subscription: null,
  headers: {},
  midTurn: false,
  conversation: null,
  ...facts,
});

/** Nothing is known besides the request. */
export const factWorld: FactWorld = {
  headers: new Set(),
  budgets: () => ({ state: 'none', spent: [] }),
  subscription: () => null,
  now: Date.now,
};

/** A plan that says no more than its route. */
export const planOf = (route: string): Plan => ({
  route,
  targets: [],
  reserves: [],
  cache: null,
  contentPolicy: [],
  trace: [],
  explain: (): RouteView => ({
    facts: factsOf(),
    naming: { as: 'model', alias: null, tier: null, steps: [] },
    rules: [],
    route,
    strategy: { name: 'priority', why: '' },
    affinity: null,
    changes: null,
    candidates: [],
    problem: null,
  }),
});
