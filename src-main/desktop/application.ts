import { app, clipboard, dialog, Menu, session } from 'electron';
import { commandName, outliveReaders } from '../cli/output.ts';
import { startMessage } from '../cli/start-message.ts';
import type { EditedFile } from '../config/config-manager.ts';
import type { Folders } from '../config/folders.ts';
import { loadConfig } from '../config/load-config.ts';
import { type Engine, startEngine } from '../engine.ts';
import { withLocalServers } from '../first-run.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { guardContents, guardPermissions } from './content-guards.ts';
import { handOutControlPorts } from './control-port.ts';
import { engineFailedExitCode } from './exit-codes.ts';
import { parseFlags } from './flags.ts';
import { uiFolder } from './locations.ts';
import { createTray } from './tray.ts';
import { serveUi } from './ui-protocol.ts';
import { bringToFront, createWindow } from './window.ts';

/** Runs CProxy with a window and a tray icon until somebody quits it. Resolves when it is up, or has said why it is not. */
export async function runApplication(folders: Folders): Promise<void> {
  outliveReaders();
  guardContents();
  // Closing the window leaves the engine and the tray icon.
  app.on('window-all-closed', () => undefined);
  try {
    const [{ engine, log }] = await Promise.all([start(folders), app.whenReady()]);
    show(engine, log);
  } catch (error) {
    await tellFailure(error);
    app.exit(engineFailedExitCode);
  }
}

async function start(folders: Folders): Promise<{ engine: Engine; log: Logger }> {
  const { env, platform } = process;
  const { file, environment, ...flags } = parseFlags(process.argv.slice(1));
  const load = async (edited?: EditedFile) =>
    withLocalServers(loadConfig({ file, ...edited, environment, flags, env, folders }));
  const loaded = await load();
  const log = createLogger(loaded.config.logging.level);
  // The desktop's own proxy settings, or its script: Electron can be asked once it is ready.
  const systemProxy = async (url: string): Promise<string> => {
    await app.whenReady();
    return session.defaultSession.resolveProxy(url);
  };
  const engine = await startEngine({ loaded, load, folders, env, host: 'desktop', log, uiFolder, systemProxy });
  // Nowhere else: started from a menu, standard output is the desktop's log, which must not hold the first token.
  if (startedFromTerminal())
    process.stdout.write(
      `${startMessage({
        status: engine.status(),
        firstToken: engine.firstToken,
        startNote: null,
        command: commandName(env),
        configFolder: folders.config,
        environment: loaded.environment,
        sources: loaded.sources,
        platform,
      }).join('\n')}\n`,
    );
  return { engine, log };
}

const startedFromTerminal = (): boolean => process.stdout.isTTY || process.env.npm_lifecycle_event !== undefined;

function show(engine: Engine, log: Logger): void {
  // A session of its own: what the window may do and reach is settled here, and nothing else of Electron uses it.
  const ownSession = session.fromPartition('persist:window');
  guardPermissions(ownSession);
  serveUi(ownSession, uiFolder);
  // Out of sight on Linux and Windows, but its shortcuts work: a desktop without a tray still has a way to quit.
  Menu.setApplicationMenu(Menu.buildFromTemplate([{ role: 'fileMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]));

  let ending = false;
  const window = createWindow(ownSession, () => ending);
  handOutControlPorts(window.webContents, () => engine.controlRouter(), log);
  const openWindow = () => bringToFront(window);
  const copyEndpoint = () => clipboard.writeText(engine.endpoint);
  const showState = createTray({ copyEndpoint, openWindow, quit: () => app.quit() }, engine.status());
  engine.onMoved(() => showState(engine.status()));
  app.on('second-instance', openWindow);
  app.on('activate', openWindow);

  app.on('before-quit', (event) => {
    event.preventDefault();
    // Asked a second time: at once.
    if (ending) return app.exit(0);
    ending = true;
    showState({ state: 'draining', endpoint: engine.endpoint });
    engine.stop().catch((error: unknown) => {
      log.error('The engine did not stop cleanly', { reason: String(error) });
      app.exit(1);
    });
  });
  // However it was stopped: from here, or over the control API.
  void engine.stopped.then(() => app.exit(0));
}

async function tellFailure(error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`CProxy could not start.\n${message}\n`);
  if (startedFromTerminal()) return;
  await app.whenReady();
  await dialog.showMessageBox({ type: 'error', title: 'CProxy', message: 'CProxy could not start.', detail: message });
}
