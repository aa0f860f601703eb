import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import type { EngineStatus } from '../../src-shared/control.ts';
import type { EditedFile } from '../config/config-manager.ts';
import { resolveFolders } from '../config/folders.ts';
import { loadConfig } from '../config/load-config.ts';
import { type Engine, startEngine } from '../engine.ts';
import { withLocalServers } from '../first-run.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { endSoon } from './end-soon.ts';
import { exitCodes } from './exit-codes.ts';
import { commandName, note, print } from './output.ts';
import { startMessage } from './start-message.ts';

export interface ServeOptions {
  port?: number;
  host?: string;
  config?: string;
  env?: string;
  open?: boolean;
  json?: boolean;
}

/** Seen from src-main/cli and, built, from dist/main alike. */
const uiFolder = path.resolve(import.meta.dirname, '../../dist/renderer');

/**
 * `cproxy serve`: runs an engine in the foreground until it is stopped, by a signal or over the control API.
 * @returns the exit code
 * @throws ConfigError, EngineStartError
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { env, platform } = process;
  const folders = resolveFolders(env);
  const load = async (edited?: EditedFile) =>
    withLocalServers(
      loadConfig({
        file: options.config,
        ...edited,
        environment: options.env,
        flags: { port: options.port, host: options.host },
        env,
        folders,
      }),
    );
  const loaded = await load();
  const log = createLogger(loaded.config.logging.level);
  const engine = await startEngine({
    loaded,
    load,
    folders,
    env,
    host: 'headless',
    log,
    uiFolder: existsSync(uiFolder) ? uiFolder : null,
  });
  stopOnSignals(engine);
  surviveBugs(log);

  const status = engine.status();
  if (options.json === true) print(JSON.stringify(startDocument(status, engine.firstToken)));
  else
    print(
      startMessage({
        status,
        firstToken: engine.firstToken,
        startNote: env.CPROXY_START_NOTE?.trim() || null,
        command: commandName(env),
        configFolder: folders.config,
        environment: loaded.environment,
        sources: loaded.sources,
        platform,
      }).join('\n'),
    );
  if (options.open === true) await openPages(engine, folders.data, options.json === true ? note : print);

  await engine.stopped;
  endSoon();
  return exitCodes.ok;
}

/** What `cproxy serve --json` says once it listens, in one line. */
function startDocument(status: EngineStatus, firstToken: string | null) {
  const { version, pid, endpoint, auth, configFile, warnings } = status;
  return { version, pid, endpoint, auth, firstToken, configFile, warnings };
}

/** One request's bug must not end all the others: it is logged, and the engine serves on. */
export function surviveBugs(log: Logger): void {
  const report = (error: unknown): void =>
    log.error('Something failed outside any request; CProxy goes on. Please report it', {
      stack: error instanceof Error ? error.stack : String(error),
    });
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

/** The first signal lets answers in flight finish; another one ends at once. */
function stopOnSignals(engine: Engine): void {
  let firstAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === null) {
      firstAt = Date.now();
      const { running } = engine.status().requests;
      note(
        running === 0 ? 'Stopping …' : `Stopping when ${running} running answers are done; once more to stop at once …`,
      );
      engine.stop().catch((error: unknown) => {
        note(`The engine did not stop cleanly: ${error instanceof Error ? error.message : String(error)}`);
        process.exit(exitCodes.failure);
      });
      return;
    }
    // npm passes on a Ctrl-C that the terminal has already sent to us: one keystroke, two signals.
    if (Date.now() - firstAt > 300) process.exit(128 + constants.signals[signal]);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // The terminal was closed.
  process.on('SIGHUP', onSignal);
}

/** The address holds no secret, so the browser asks for a code. */
async function openPages(engine: Engine, dataFolder: string, say: (line: string) => void): Promise<void> {
  const [{ openBrowser }, { withEngine }, { loginLines }] = await Promise.all([
    import('./open-browser.ts'),
    import('./control-client.ts'),
    import('./login.ts'),
  ]);
  const login = await withEngine(dataFolder, (client) => client.sessions.createLoginCode());
  const failure = await openBrowser(`${engine.endpoint}/ui/`);
  if (failure !== null) note(`The browser could not be opened: ${failure}.`);
  const lines = login === null ? [] : loginLines({ ...login.result, endpoint: engine.endpoint });
  for (const line of lines) say(line);
}
