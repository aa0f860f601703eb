import type { ProviderView } from '../../src-shared/control.ts';
import type { EngineFacts, Lead } from '../clients/client.ts';
import type { Folders } from '../config/folders.ts';
import { loadConfig } from '../config/load-config.ts';
import { withEngine } from './control-client.ts';
import { CommandError } from './exit-codes.ts';

export interface FoundEngine {
  facts: EngineFacts;
  endpoint: string;
  running: boolean;
}

/**
 * What a client's set-up asks of the engine: of the one that runs, else of the configuration, which knows only where it will be.
 * @throws CommandError where no endpoint is known
 */
export async function findEngine(
  folders: Folders,
  { config, env }: { config?: string; env?: string },
): Promise<FoundEngine> {
  const asked = await withEngine(folders.data, (client) => client.status());
  if (asked === null) return fromConfiguration(folders, { config, env });
  const { endpoint, providers } = asked.result;
  const usable = providers
    .filter(({ enabled, type }) => enabled && type !== 'demo')
    .sort((a, b) => a.priority - b.priority);
  const windows = new Map<string, Promise<ReadonlyMap<string, number | null>>>();
  const windowOf = async (provider: string, model: string): Promise<number | null> => {
    // The built-in demo is no provider of the configuration, and has no list.
    if (!providers.some(({ id }) => id === provider)) return null;
    const known = windows.get(provider) ?? windowsOf(folders, provider);
    windows.set(provider, known);
    return (await known).get(model) ?? null;
  };
  return {
    endpoint,
    running: true,
    facts: {
      models: usable.flatMap(({ id, models }) => models.ids.map((model) => `${id}/${model}`)),
      loginProviders: providers.filter(takesLogin).map(({ id }) => id),
      leadsTo: async (model): Promise<Lead | null | 'unknown'> => {
        const simulated = await withEngine(folders.data, ({ routing }) => routing.simulate({ facts: { model } }));
        if (simulated === null) return 'unknown';
        const target = simulated.result.results[0]?.to.target ?? null;
        if (target === null) return null;
        const slash = target.indexOf('/');
        const lead = { provider: target.slice(0, slash), model: target.slice(slash + 1) };
        return { ...lead, contextWindow: await windowOf(lead.provider, lead.model) };
      },
    },
  };
}

const takesLogin = ({ enabled, keys }: ProviderView): boolean =>
  enabled && keys.some(({ state }) => state === 'from-client');

async function windowsOf(folders: Folders, provider: string): Promise<ReadonlyMap<string, number | null>> {
  const listed = await withEngine(folders.data, ({ models }) => models.list({ provider }));
  return new Map((listed?.result.models ?? []).map(({ id, contextWindow }) => [id, contextWindow]));
}

function fromConfiguration(
  folders: Folders,
  { config: file, env: environment }: { config: string | undefined; env: string | undefined },
): FoundEngine {
  const { config } = loadConfig({ file, environment, env: process.env, folders });
  const { host, port } = config.server;
  if (port === 0)
    throw new CommandError(
      'server.port is 0, so where CProxy listens is not known before it runs. Start it first, or choose a port.',
    );
  return {
    endpoint: `http://${reachableHost(host)}:${port}`,
    running: false,
    facts: {
      models: [],
      loginProviders: config.providers.filter(({ enabled, key }) => enabled && key === 'client').map(({ id }) => id),
      leadsTo: () => Promise.resolve('unknown'),
    },
  };
}

/** An address to listen on as one to go to. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
