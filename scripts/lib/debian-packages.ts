import { spawnSync } from 'node:child_process';
import { debianPrograms } from '../../test/helpers/missing-programs.ts';

/** The programs, and what they need to run here. */
const packages = [
  ...debianPrograms,
  // The page in a browser
  'fonts-dejavu-core',
  // A desktop with a tray
  'dbus-x11',
  // Electron
  'libgtk-3-0',
  'libnss3',
  'libasound2',
  'libgbm1',
  'unzip',
];

/** Installs what is not there yet. Throws where apt cannot. */
export function installDebianPackages(): void {
  const missing = packages.filter(
    (name) => !run('dpkg-query', ['-W', '-f', '$' + '{Status}', name]).stdout.includes('install ok installed'),
  );
  if (missing.length === 0) return;
  mustRun('apt-get', ['update', '-qq']);
  mustRun('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing]);
}

function run(command: string, args: readonly string[]) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync(command, args, { encoding: 'utf8', env, maxBuffer: 64 << 20 });
  if (result.error !== undefined) throw new Error(`${command}: ${result.error.message}`);
  return result;
}

function mustRun(command: string, args: readonly string[]): void {
  const { status, stderr } = run(command, args);
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status}: ${stderr.trim().slice(-1_000)}`);
}
