import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../src-shared/config.ts';
import { ConfigError } from './config-error.ts';
import type { Folders } from './folders.ts';
import { type LoadedConfig, loadConfig } from './load-config.ts';
import { validateConfig } from './validate.ts';

/** A configuration that is to be tried and not used: as the text of a file, or some of its sections. */
export type EditedInput =
  | { text: string; file?: string | undefined; environment?: string | undefined }
  | { routing?: unknown; aliases?: unknown };

export interface EditedConfig {
  config: Config;
  /** What of it cannot be tried, in words. */
  notes: string[];
}

/**
 * Checks an edited configuration as a real one is. Only what it says of aliases and routing is there to be tried.
 * @throws ConfigError with every problem, and where it stands
 */
export function editedConfig(
  edited: EditedInput,
  { loaded, env, folders }: { loaded: LoadedConfig; env: NodeJS.ProcessEnv; folders: Folders },
): EditedConfig {
  if ('text' in edited) {
    const environment = edited.environment ?? loaded.environment ?? undefined;
    const file = edited.file ?? loaded.file ?? 'config.yaml';
    const other = loadConfig({ file, text: edited.text, environment, env, folders });
    return { config: other.config, notes: [...differences(loaded.config, other), ...other.warnings] };
  }
  const { routing = loaded.config.routing, aliases = loaded.config.aliases } = edited;
  const { config, problems } = validateConfig({ ...loaded.config, routing, aliases }, () => ({ in: 'nowhere' }));
  if (config === null) throw new ConfigError(problems);
  return { config, notes: [] };
}

function differences({ providers }: Config, other: LoadedConfig): string[] {
  const theirs = new Map(other.config.providers.map((provider) => [provider.id, provider]));
  const ours = new Map(providers.map((provider) => [provider.id, provider]));
  return [
    ...[...theirs].flatMap(([id, provider]) => {
      const running = ours.get(id);
      if (running === undefined)
        return [`Provider '${id}' is only in the edited file: nothing is tried there, as it does not run.`];
      return isDeepStrictEqual(running, provider)
        ? []
        : [`Provider '${id}' is another in the edited file: it is tried as it runs.`];
    }),
    ...(other.namesProviders ? [...ours.keys()] : [])
      .filter((id) => !theirs.has(id))
      .map((id) => `Provider '${id}' runs, but is not in the edited file: it is tried nevertheless.`),
  ];
}
