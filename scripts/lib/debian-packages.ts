import { spawnSync } from 'node:child_process';

const packages = [
  // The page in a browser
  'chromium',
  'fonts-dejavu-core',
  // A desktop with a tray and a keyring
  'xvfb',
  'openbox',
  'tint2',
  'dbus',
  'dbus-x11',
  'gnome-keyring',
  'libsecret-1-0',
  'libsecret-tools',
  'xdotool',
  'imagemagick',
  // Electron
  'libgtk-3-0',
  'libnss3',
  'libasound2',
  'libgbm1',
  'unzip',
  // Shared state
  'redis-server',
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
