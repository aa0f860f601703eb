import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { findClaudeCode } from './claude-code.ts';
import { findElectronRuntime } from './electron-runtime/find.ts';

/**
 * Programs that some tests need and npm does not bring. Tests never install anything: what is missing makes them skip, by
 * name and with the command that brings it. `node scripts/run.mjs scripts/install-test-programs.mjs` brings them all.
 */

interface Program {
  find: () => string | null;
  bring: string;
  /** Debian's, where it is one of theirs. */
  packages: readonly string[];
}

const debian = (packages: string, ...names: string[]): Program => ({
  find: () => names.map(onPath).find((file) => file !== null) ?? null,
  bring: `apt-get install -y --no-install-recommends ${packages}`,
  packages: packages.split(' '),
});

const installer = 'node scripts/run.mjs scripts/install-test-programs.mjs';

const programs = {
  chromium: debian('chromium', 'chromium', 'chromium-browser', 'google-chrome'),
  Xvfb: debian('xvfb', 'Xvfb'),
  openbox: debian('openbox', 'openbox'),
  tint2: debian('tint2', 'tint2'),
  'dbus-daemon': debian('dbus', 'dbus-daemon'),
  'dbus-run-session': debian('dbus', 'dbus-run-session'),
  'gnome-keyring-daemon': debian('gnome-keyring libsecret-1-0', 'gnome-keyring-daemon'),
  'secret-tool': debian('libsecret-tools', 'secret-tool'),
  xdotool: debian('xdotool', 'xdotool'),
  import: debian('imagemagick', 'import'),
  bash: debian('bash', 'bash'),
  zsh: debian('zsh', 'zsh'),
  fish: debian('fish', 'fish'),
  'redis-server': debian('redis-server', 'redis-server'),
  electron: { find: findElectronRuntime, bring: installer, packages: [] },
  'claude-code': { find: findClaudeCode, bring: installer, packages: [] },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

/** What brings all of them that Debian has. */
export const debianPrograms: readonly string[] = Object.values<Program>(programs).flatMap(({ packages }) => packages);

/** The programs of a desktop session with a tray and a keyring. */
export const desktopPrograms = [
  'Xvfb',
  'dbus-daemon',
  'gnome-keyring-daemon',
  'openbox',
  'tint2',
  'xdotool',
  'import',
] as const satisfies readonly ProgramName[];

/**
 * ```ts
 * const need = requires('chromium');
 * describe.skipIf(need.missing)(`the status page in Chromium${need.reason}`, () => {
 *   const browser = await chromium.launch({ executablePath: programPath('chromium') });
 * ```
 */
export function requires(...names: readonly ProgramName[]): { missing: boolean; reason: string } {
  const absent = names.filter((name) => programs[name].find() === null);
  if (absent.length === 0) return { missing: false, reason: '' };
  const commands = new Set(absent.map((name) => programs[name].bring));
  return { missing: true, reason: ` [SKIPPED: no ${absent.join(', ')}; ${[...commands].join(' && ')}]` };
}

/** Where a program is. Throws where it is missing: ask `requires` first. */
export function programPath(name: ProgramName): string {
  const file = programs[name].find();
  if (file === null) throw new Error(`${name} is missing; ${programs[name].bring}`);
  return file;
}

/** What is missing on this machine, with the command that brings it. */
export function missingPrograms(): { name: string; bring: string }[] {
  return Object.entries<Program>(programs)
    .filter(([, program]) => program.find() === null)
    .map(([name, program]) => ({ name, bring: program.bring }));
}

function onPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
