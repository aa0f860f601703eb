import path from 'node:path';
import type { Folders } from '../config/folders.ts';
import { loadConfig } from '../config/load-config.ts';
import { type Engine, EngineStartError, startEngine } from '../engine.ts';
import { withLocalServers } from '../first-run.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { withEngine } from './control-client.ts';
import { surviveBugs } from './serve.ts';

export interface SessionEngine {
  engine: Engine;
  /** Its lines go here: the terminal is the client's. */
  logFile: string;
}

/**
 * An engine for the time of one session, in this process, at the configured port or, where that is taken, at any; null where
 * one has begun to run meanwhile.
 * @throws ConfigError, EngineStartError
 */
export async function startSessionEngine(folders: Folders, env: NodeJS.ProcessEnv): Promise<SessionEngine | null> {
  const logFile = path.join(folders.logs, 'claude.log');
  const start = async (flags: { port?: number }): Promise<{ engine: Engine; log: Logger }> => {
    const load = async () => withLocalServers(loadConfig({ env, folders, flags }));
    const loaded = await load();
    const log = createLogger(loaded.config.logging.level, logFile);
    return { engine: await startEngine({ loaded, load, folders, env, host: 'headless', log, uiFolder: null }), log };
  };
  try {
    const { engine, log } = await start({}).catch((error: unknown) => {
      if (error instanceof EngineStartError && error.code === 'port_in_use') return start({ port: 0 });
      throw error;
    });
    surviveBugs(log);
    // Whoever is told of the file finds one.
    log.info(`CProxy runs at ${engine.endpoint} for a session`);
    if (engine.firstToken !== null) await forgetFirstToken(folders);
    return { engine, logFile };
  } catch (error) {
    if (error instanceof EngineStartError && error.code === 'already_running') return null;
    throw error;
  }
}

/** Nobody has seen the token of a very first start, so that the next one makes another, and shows it. */
async function forgetFirstToken({ data }: Folders): Promise<void> {
  await withEngine(data, async ({ tokens }) => {
    for (const { id } of await tokens.list()) await tokens.revoke({ id });
  });
}
