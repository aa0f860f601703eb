import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { waitUntil } from './wait-until.ts';

export interface DesktopSession extends AsyncDisposable {
  /** For programs that run in it: its display, its bus, and a home of its own. */
  readonly env: Record<string, string>;
  readonly home: string;
  /** Writes a picture of the whole screen to a PNG file. */
  screenshot(file: string): void;
  /** Runs xdotool and returns what it printed. */
  xdotool(...args: string[]): string;
  end(): Promise<void>;
}

/**
 * A desktop without a screen: an X server, a D-Bus session, an unlocked keyring, a window manager, and a panel with a
 * system tray. Everything in it ends with it. Needs the `desktopPrograms` of missing-programs.ts.
 */
export async function startDesktopSession(size = '1440x900'): Promise<DesktopSession> {
  const home = await mkdtemp(path.join(tmpdir(), 'cproxy-desktop-'));
  const runtime = path.join(home, 'run');
  await mkdir(runtime, { mode: 0o700 });
  const started: ChildProcess[] = [];
  const end = async () => {
    for (const child of started.reverse()) await stopChild(child);
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? '',
      LANG: 'C.UTF-8',
      HOME: home,
      XDG_RUNTIME_DIR: runtime,
      XDG_CURRENT_DESKTOP: 'GNOME',
    };
    const run = (command: string, args: string[], stdio: ('ignore' | 'pipe')[]) => {
      const child = spawn(command, args, { env: { ...env }, stdio });
      started.push(child);
      return child;
    };

    // The server picks a free display itself and says which on the file descriptor it is given. Without -noreset it would
    // drop everybody when its only client of the moment leaves, as while the desktop starts.
    const server = run(
      'Xvfb',
      ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp', '-noreset'],
      ['ignore', 'ignore', 'ignore', 'pipe'],
    );
    env.DISPLAY = `:${await firstLine(server.stdio[3])}`;
    const bus = run('dbus-daemon', ['--session', '--nofork', '--print-address=1'], ['ignore', 'pipe', 'ignore']);
    env.DBUS_SESSION_BUS_ADDRESS = await firstLine(bus.stdout);
    const keyring = run(
      'gnome-keyring-daemon',
      ['--foreground', '--unlock', '--components=secrets'],
      ['pipe', 'ignore', 'ignore'],
    );
    keyring.stdin?.end('test');
    const xdotool = (...args: string[]) => inSession(env, 'xdotool', args);
    run('openbox', [], ['ignore', 'ignore', 'ignore']);
    await waitUntil('the window manager of the desktop session', () => xdotool('get_num_desktops') !== '');
    run('tint2', [], ['ignore', 'ignore', 'ignore']);
    await waitUntil(
      'the panel of the desktop session',
      () => xdotool('search', '--onlyvisible', '--class', 'tint2') !== '',
    );
    await waitUntil('the keyring of the desktop session', () =>
      inSession(env, 'dbus-send', ownerQuestion('org.freedesktop.secrets')).includes('boolean true'),
    );
    return {
      env,
      home,
      screenshot: (file) => void inSession(env, 'import', ['-window', 'root', file]),
      xdotool,
      end,
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, 'exit');
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await closed;
  clearTimeout(impatient);
}

/** xdotool fails when it finds nothing, which is an answer here. */
function inSession(env: Record<string, string>, command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, { env, encoding: 'utf8' });
  if (result.error !== undefined) throw result.error;
  return result.stdout.trim();
}

const ownerQuestion = (name: string) => [
  '--session',
  '--print-reply',
  '--dest=org.freedesktop.DBus',
  '/org/freedesktop/DBus',
  'org.freedesktop.DBus.NameHasOwner',
  `string:${name}`,
];

async function firstLine(stream: unknown): Promise<string> {
  if (!(stream instanceof Readable)) throw new Error('the program has no such output');
  const lines = createInterface({ input: stream });
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(lines, 'close').then(() => Promise.reject(new Error('the program ended without a word'))),
  ])) as [string];
  return line;
}
