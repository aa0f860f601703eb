import { providerSchema } from '../src-shared/config.ts';
import type { LoadedConfig } from './config/load-config.ts';
import { findLocalServers, type LocalServer, usualLocalServers } from './providers/found-servers.ts';
import { createTransport } from './providers/transport.ts';

/** On this machine, what does not answer at once does not run. */
const WAIT_MS = 300;

/**
 * A configuration that names no provider, with the servers that run on this machine as providers. Any other as it is, and
 * one without `modelLists.fetch`: what they serve could not be known.
 */
export async function withLocalServers(
  loaded: LoadedConfig,
  servers: readonly LocalServer[] = usualLocalServers,
): Promise<LoadedConfig> {
  const { config, namesProviders, sources } = loaded;
  if (namesProviders || !config.modelLists.fetch) return loaded;
  // Asked directly, whatever proxies the environment names.
  const transport = createTransport({ env: {} });
  try {
    const local = await findLocalServers(servers, { transport, timeoutMs: WAIT_MS });
    const ids = new Set(config.providers.map(({ id }) => id));
    const found = local.found
      .filter(({ type }) => !ids.has(type))
      .map(({ type, name, baseUrl }) => providerSchema.parse({ id: type, type, name, baseUrl }));
    return {
      ...loaded,
      config: { ...config, providers: [...config.providers, ...found] },
      sources: [...sources, ...local.sources],
    };
  } finally {
    await transport.close();
  }
}
