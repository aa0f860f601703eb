import path from 'node:path';
import type { ConfigFileView, ConfigSavedView, ConfigVersionView } from '../../src-shared/control.ts';
import { ConfigError } from '../config/config-error.ts';
import { ConfigManager } from '../config/config-manager.ts';
import { ensureFolders, resolveFolders } from '../config/folders.ts';
import { findConfigFile, type LoadedConfig, type LoadOptions, loadConfig } from '../config/load-config.ts';
import { acquireLock } from '../config/lock-file.ts';
import { createLogger } from '../observability/logger.ts';
import { withEngine } from './control-client.ts';
import { note } from './output.ts';

/** The file of the configuration, through the engine that runs or directly. */
export interface ConfigFiles {
  file(): Promise<ConfigFileView>;
  check(text: string): Promise<{ problems: string[]; warnings: string[] }>;
  save(change: { text: string; base: string }): Promise<ConfigSavedView>;
  edit(change: { changes: { path: (string | number)[]; value?: unknown }[]; base: string }): Promise<ConfigSavedView>;
  versions(): Promise<ConfigVersionView[]>;
  /** What a version says. */
  version(id: string): Promise<{ text: string }>;
  rollback(id: string): Promise<ConfigSavedView>;
}

/**
 * Runs an action on the file: through the engine that runs with it, so that two never write at once; else directly, under the
 * lock, so that none starts meanwhile.
 * @param named value of `--config`. @param action `live`: whether an engine uses the file.
 */
export async function withConfigFiles<T>(
  named: string | undefined,
  action: (files: ConfigFiles, live: boolean) => Promise<T>,
): Promise<T> {
  const folders = resolveFolders(process.env);
  const asked = named === undefined ? null : findConfigFile({ file: named, env: process.env, folders }).file;
  const remote = await withEngine(folders.data, async ({ config }) => {
    const { file } = await config.file();
    if (asked !== null && path.resolve(file) !== asked) return null;
    const files: ConfigFiles = {
      file: () => config.file(),
      check: (text) => config.check({ text }),
      save: (change) => config.save(change),
      edit: (change) => config.edit(change),
      versions: () => config.versions(),
      version: (id) => config.version({ id }),
      rollback: (id) => config.rollback({ id }),
    };
    return { result: await action(files, true) };
  });
  if (remote?.result != null) return remote.result.result;

  for (const warning of ensureFolders(folders)) note(warning);
  // Where an engine runs, it is with another file, and holds the lock.
  const lock = remote === null ? await acquireLock(folders.data, { host: 'command' }) : null;
  try {
    const options = { file: named, env: process.env, folders };
    const manager = new ConfigManager({
      loaded: asItIs(options),
      load: async (edited) => loadConfig({ ...options, ...edited }),
      folders,
      env: process.env,
      apply: async () => [],
      log: createLogger('warn'),
    });
    return await action(manager, false);
  } finally {
    lock?.release();
  }
}

/** A file that cannot be used can still be changed, and most needs to be. */
function asItIs(options: LoadOptions): LoadedConfig {
  try {
    return loadConfig(options);
  } catch (error) {
    const { file } = findConfigFile(options);
    if (!(error instanceof ConfigError) || file === null) throw error;
    return { ...loadConfig({ ...options, file, text: '' }), text: null };
  }
}
