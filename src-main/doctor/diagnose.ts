import type { EngineStatus } from '../../src-shared/control.ts';
import type { Folders } from '../config/folders.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { openSecretStore } from '../secrets/open-secret-store.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import { type Check, reasonOf, red, type Section, skipped } from './check.ts';
import { configurationChecks, tryLoading } from './configuration-checks.ts';
import { accessChecks, engineChecks, portCheck, storedTokenCheck, type WithEngine } from './engine-checks.ts';
import { keychainCheck } from './keychain-check.ts';
import { folderChecks, nodeCheck } from './machine-checks.ts';
import { startPrivateEngine } from './private-engine.ts';
import { providerChecks } from './provider-checks.ts';

export interface Surroundings {
  env: NodeJS.ProcessEnv;
  folders: Folders;
  /** Of this program. */
  version: string;
  /** How the program is called here. */
  command: string;
  /** Loads the configuration as a start would. @throws ConfigError */
  load: () => Promise<LoadedConfig>;
  withEngine: WithEngine;
  /** How clients are led to CProxy. @param status of the running engine; null where none runs. */
  clients: (status: EngineStatus | null) => Promise<Check[]>;
  /** Where stored keys are; what the configuration names where absent. */
  secrets?: SecretStore;
}

/** How long probes of all providers may take, in ms: many wait for their turn. */
const PROBES_LIMIT_MS = 120_000;

/**
 * Looks at everything that can be looked at without cost. A check that fails in a way that nobody thought of is a red one, and
 * the others are made all the same.
 * @param onSection told of each section as it begins.
 */
export async function diagnose(
  around: Surroundings,
  onSection: (title: string) => void = () => undefined,
): Promise<Section[]> {
  const { folders, env, command } = around;
  const sections: Section[] = [];
  const add = async (title: string, look: () => Promise<Check[]>): Promise<void> => {
    onSection(title);
    sections.push({
      title,
      checks: await look().catch((error: unknown) => [red(title.toLowerCase(), reasonOf(error))]),
    });
  };

  let status: EngineStatus | null = null;
  const loading = await tryLoading(around.load);
  const config = 'loaded' in loading ? loading.loaded.config : null;

  await add('This machine', async () => [nodeCheck(process.versions.node), ...(await folderChecks(folders))]);
  await add('Engine', async () => {
    const engine = await engineChecks({ ...around, dataFolder: folders.data });
    status = engine.status;
    const port = config === null || status !== null ? [] : [await portCheck(config.server, folders.data)];
    return [...engine.checks, ...port];
  });
  // Assigned in a closure, which TypeScript does not follow.
  const running = status as EngineStatus | null;
  await add('Configuration', async () => configurationChecks(loading, running, command));
  await add('Access', async () =>
    running === null
      ? storedTokenCheck(folders.data, config?.server.auth ?? 'token', command)
      : accessChecks(around.withEngine, running.auth, command),
  );
  const secrets = around.secrets ?? (config === null ? null : openSecretStore(config.secrets, folders.data));
  await add('Keys', async () =>
    config === null || secrets === null
      ? [skipped('key store', 'Where keys are kept is in the configuration, which cannot be read.')]
      : [await keychainCheck(secrets, config)],
  );
  await add('Providers', async () => {
    if (running !== null) {
      const probed = await around.withEngine((client) => client.health.probe({}), PROBES_LIMIT_MS);
      if (probed !== null) return providerChecks(probed.result.providers, command);
    }
    if ('problems' in loading || secrets === null)
      return [skipped('providers', 'They are in the configuration, which cannot be read.')];
    const engine = await startPrivateEngine({ loaded: loading.loaded, folders, env, secrets });
    try {
      if (loading.loaded.config.modelLists.fetch) await engine.control.models.refresh({});
      return providerChecks((await engine.control.health.probe({})).providers, command);
    } finally {
      await engine.stop();
    }
  });
  await add('Clients', () => around.clients(running));
  return sections;
}
