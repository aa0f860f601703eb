import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export type ElectronLookup = { executable: string } | { missing: string; fetchable: boolean };

const defaultNames: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

/**
 * Where Electron's program is, found by looking at files: loading the package `electron` would download it. Like the
 * package, it prefers the folder named by ELECTRON_OVERRIDE_DIST_PATH, and takes only the version the package pins.
 */
export function findElectron(
  packageFolder: string,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): ElectronLookup {
  const name = readText(path.join(packageFolder, 'path.txt')) ?? defaultNames[platform] ?? 'electron';

  const override = env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override !== undefined && override !== '') {
    const executable = path.join(override, name);
    if (existsSync(executable)) return { executable };
    return { missing: `ELECTRON_OVERRIDE_DIST_PATH names ${override}, where there is no ${name}`, fetchable: false };
  }

  const manifest = readText(path.join(packageFolder, 'package.json'));
  if (manifest === null) return { missing: 'the package electron is not installed', fetchable: false };
  const { version } = JSON.parse(manifest) as { version: string };
  const installed = readText(path.join(packageFolder, 'dist/version'))?.replace(/^v/, '');
  const executable = path.join(packageFolder, 'dist', name);
  if (installed === version && existsSync(executable)) return { executable };
  return { missing: `the program of Electron ${version} has not been downloaded yet`, fetchable: true };
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // Absent or unreadable is the same here: not installed.
    return null;
  }
}
