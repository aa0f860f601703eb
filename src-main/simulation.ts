import { setImmediate } from 'node:timers/promises';
import type { SimulationQuestion } from '../src-shared/control.ts';
import { ProxyError } from '../src-shared/errors.ts';
import { factsInputSchema } from '../src-shared/facts-input.ts';
import type { RoutingView, SimulationsView, SimulationView } from '../src-shared/routing.ts';
import { ConfigError } from './config/config-error.ts';
import { type EditedConfig, editedConfig } from './config/edited-config.ts';
import type { Folders } from './config/folders.ts';
import type { LoadedConfig } from './config/load-config.ts';
import type { RequestLog } from './observability/request-log.ts';
import type { BaseProvider } from './providers/base-provider.ts';
import { demoConfig } from './providers/demo-config.ts';
import { createProvider } from './providers/provider-types.ts';
import { createTransport } from './providers/transport.ts';
import { RoutingState } from './routing/routing-state.ts';
import { madeFacts, simulate, type Trial, type TrialRules, trialRules } from './routing/simulator.ts';

export interface SimulationOptions {
  loaded: LoadedConfig;
  env: NodeJS.ProcessEnv;
  folders: Folders;
  providers: readonly BaseProvider[];
  demo: BaseProvider;
  state: RoutingState;
  /** Real requests; null where there are none. */
  requests: Pick<RequestLog, 'explain' | 'routed'> | null;
}

/** So long nothing else is done, in ms. */
const AT_A_TIME_MS = 5;

/** Tries out where requests would go. Calls nobody, and leaves no trace. */
export class Simulation {
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  /** @throws ProxyError `invalid_field` for a request that is not known, or an edited configuration that is not valid. */
  async run({ request, facts, last, edited }: SimulationQuestion): Promise<SimulationsView> {
    const other = edited === undefined ? null : this.#edited(edited);
    const trials =
      facts !== undefined
        ? [{ id: null, facts: madeFacts(factsInputSchema.parse(facts), Date.now()), went: null }]
        : last !== undefined
          ? this.#newest(last)
          : [this.#logged(request ?? 'latest')];
    const rules = { inForce: this.#rules(), edited: other === null ? null : this.#rules(other.config) };
    const results: SimulationView[] = [];
    let begun = performance.now();
    for (const trial of trials) {
      const result = simulate(trial, rules);
      results.push(last === undefined ? result : { ...result, explanation: null });
      if (performance.now() - begun < AT_A_TIME_MS) continue;
      // Requests that are under way go first.
      await setImmediate();
      begun = performance.now();
    }
    return { results, notes: other?.notes ?? [] };
  }

  /** The rules in force, and what else decides. @param warnings of the configuration. */
  view(warnings: readonly string[]): RoutingView {
    const { config } = this.#options.loaded;
    const { strategy, failover } = config.routing.loadBalancing;
    const { router } = this.#rules();
    // What becomes of the rules for any one request says which there are.
    const { rules } = router.explain(madeFacts(factsInputSchema.parse({ model: 'any' }), Date.now()));
    return {
      rules: rules.map(({ id, name, source, outcome }) => ({ id, name, source, enabled: outcome !== 'off' })),
      strategy,
      failover,
      circuits: this.#options.state.circuits.views(),
      warnings: [...warnings],
    };
  }

  #rules(config = this.#options.loaded.config): TrialRules {
    const { providers, demo, state } = this.#options;
    return trialRules({ config, providers, demo, state });
  }

  *#newest(count: number): Generator<Trial> {
    for (const { id, view } of this.#options.requests?.routed(count) ?? []) {
      const went = view();
      yield { id, facts: went.facts, went };
    }
  }

  #logged(which: string): Trial {
    const found = this.#options.requests?.explain(which) ?? null;
    if (found === null)
      throw ProxyError.of('invalid_field', {
        field: 'request',
        expected: 'must be the id of one of the newest requests, or the beginning of one',
      });
    const { request, route } = found;
    if (route === null)
      throw ProxyError.of('invalid_field', {
        field: 'request',
        expected: `must be one that has been routed; ${request.id} was refused before`,
      });
    return { id: request.id, facts: route.facts, went: route };
  }

  #edited(edited: NonNullable<SimulationQuestion['edited']>): EditedConfig {
    try {
      return editedConfig(edited, this.#options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw ProxyError.of('invalid_field', { field: 'edited', expected: `cannot be used\n${error.message}` });
    }
  }
}

/**
 * The same where no engine runs: by the configuration alone. Nobody is asked, so providers' own lists of models are not known,
 * nor is how anyone does.
 * @throws ProxyError `invalid_field`
 */
export async function simulateAlone(
  question: SimulationQuestion,
  { loaded, env, folders }: Pick<SimulationOptions, 'loaded' | 'env' | 'folders'>,
): Promise<SimulationsView> {
  const transport = createTransport({ env: {} });
  try {
    const resources = {
      transport,
      resolveKey: () => Promise.reject(new Error('nobody is called, so no key is read')),
    };
    const providers = loaded.config.providers.map((provider) => createProvider(provider, resources));
    const simulation = new Simulation({
      loaded,
      env,
      folders,
      providers,
      demo: createProvider(demoConfig, resources),
      state: new RoutingState({ downReason: () => null, settings: () => loaded.config.routing }),
      requests: null,
    });
    const { results, notes } = await simulation.run(question);
    const unlisted = providers.filter(({ enabled, listsModels }) => enabled && listsModels).map(({ id }) => id);
    return {
      results,
      notes: [
        'CProxy is not running: this goes by the configuration alone. Nobody knows how providers do now, what conversations are under way, or which keys there are.',
        ...(unlisted.length === 0
          ? []
          : [`Models that ${unlisted.join(', ')} would list are not known, so only provider/model names lead there.`]),
        ...notes,
      ],
    };
  } finally {
    await transport.close();
  }
}
