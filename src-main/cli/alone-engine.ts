import { existsSync, rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EditedFile } from '../config/config-manager.ts';
import type { Folders } from '../config/folders.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../config/load-config.ts';
import { type Engine, startEngine } from '../engine.ts';
import { withLocalServers } from '../first-run.ts';
import { createLogger } from '../observability/logger.ts';
import { openSecretStore } from '../secrets/open-secret-store.ts';

/** What an engine has written down that bears upon requests: read as it is, and never written back. */
const READ_FROM_DATA = ['budgets.json', 'rates.json', 'outcomes.json', 'batches.json'];
const READ_FROM_CACHE = ['models'];

export interface AloneOptions extends Pick<LoadOptions, 'file' | 'environment'> {
  /** The user's. */
  folders: Folders;
  env: NodeJS.ProcessEnv;
}

export interface AloneEngine {
  engine: Engine;
  stop(): Promise<void>;
}

/**
 * An engine for one client in this process: it listens nowhere, takes no lock and opens no database. It knows the user's
 * configuration, keys, and what an engine has written down; what it writes down itself goes with it.
 * @throws ConfigError, and the errors of the file system
 */
export async function startAloneEngine({ folders, env, ...named }: AloneOptions): Promise<AloneEngine> {
  const load = async (edited?: EditedFile): Promise<LoadedConfig> => {
    const loaded = loadConfig({ ...named, ...edited, env, folders });
    return inMemory(await withLocalServers(loaded));
  };
  const loaded = await load();
  const log = createLogger(loaded.config.logging.level);
  const root = await mkdtemp(path.join(tmpdir(), 'cproxy-mcp-'));
  const own: Folders = {
    // Relative references to keys start from there; it is not made for that.
    config: existsSync(folders.config) ? folders.config : path.join(root, 'config'),
    data: path.join(root, 'data'),
    logs: path.join(root, 'logs'),
    cache: path.join(root, 'cache'),
  };
  // Whoever ends it may not wait.
  const removeAtExit = (): void => rmSync(root, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  const remove = async (): Promise<void> => {
    await rm(root, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  };
  try {
    await copy(READ_FROM_DATA, folders.data, own.data);
    await copy(READ_FROM_CACHE, folders.cache, own.cache);
    const engine = await startEngine({
      ...{ loaded, load, env, log, folders: own },
      host: 'headless',
      uiFolder: null,
      secrets: openSecretStore(loaded.config.secrets, folders.data),
      alone: { data: folders.data },
    });
    return {
      engine,
      stop: async () => {
        try {
          await engine.stop();
        } finally {
          await remove();
        }
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Nothing of it is kept, nor is anything that an engine may write to. Nobody waits for its answers once its client is gone. */
function inMemory(loaded: LoadedConfig): LoadedConfig {
  const { config } = loaded;
  const { server, history, conversations, logging } = config;
  return {
    ...loaded,
    config: {
      ...config,
      server: { ...server, graceMs: 1 },
      history: { ...history, keep: 'memory', bodies: { ...history.bodies, record: 'off' } },
      conversations: { ...conversations, keep: conversations.keep === 'nothing' ? 'nothing' : 'memory' },
      logging: { ...logging, file: false },
    },
  };
}

async function copy(names: readonly string[], from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const source = path.join(from, name);
    if (existsSync(source)) await cp(source, path.join(to, name), { recursive: true });
  }
}
