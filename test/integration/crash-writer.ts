/** Writes what its arguments say, by the means of CProxy, and ends. Tests kill it meanwhile. */
import { ConfigManager, type EditedFile, versionOf } from '../../src-main/config/config-manager.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { acquireLock } from '../../src-main/config/lock-file.ts';
import { writePrivateFile } from '../../src-main/config/private-file.ts';
import { TokenStore } from '../../src-main/secrets/token-store.ts';

const [what = '', first = '', second = ''] = process.argv.slice(2);
const { env } = process;
const folders = resolveFolders(env);

const manager = (): ConfigManager => {
  const load = async (edited?: EditedFile) => loadConfig({ ...edited, env, folders });
  const log = { info: () => undefined, warn: (line: string) => process.stderr.write(`${line}\n`) };
  return new ConfigManager({ loaded: loadConfig({ env, folders }), load, folders, env, apply: async () => [], log });
};

const writers: Record<string, () => Promise<unknown>> = {
  file: () => writePrivateFile(first, second),
  token: () => TokenStore.open(folders.data).create(first),
  lock: async () => {
    const lock = await acquireLock(folders.data, { host: 'headless' });
    lock.update({ endpoint: 'http://127.0.0.1:1' });
    lock.release();
  },
  save: async () => {
    const config = manager();
    const saved = await config.save({ text: first, base: versionOf((await config.file()).text) });
    if (saved.state !== 'saved') throw new Error(JSON.stringify(saved));
  },
  rollback: async () => {
    const back = await manager().rollback(undefined);
    if (back.state !== 'saved') throw new Error(JSON.stringify(back));
  },
};
await writers[what]?.();
