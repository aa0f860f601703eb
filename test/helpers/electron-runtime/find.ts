import { existsSync } from 'node:fs';
import path from 'node:path';
import { findElectron } from '../../../scripts/lib/electron-binary.ts';
import { projectFolder } from '../../../scripts/lib/project.ts';
import { testCacheFolder } from '../test-cache.ts';

export const runtimeFolder = testCacheFolder('electron-33.2.1');

/** Marks a runtime whose preparation went through to the end. */
export const completeMark = path.join(runtimeFolder, '.complete');

/** An Electron for tests: the one this project would start, or else the runtime that the tests' installer brings. */
export function findElectronRuntime(): string | null {
  const own = findElectron(path.join(projectFolder, 'node_modules/electron'), process.env);
  if ('executable' in own) return own.executable;
  return existsSync(completeMark) ? path.join(runtimeFolder, 'electron') : null;
}

/** How to start CProxy in it. A packaged Electron, as the tests' runtime is one, takes the project in its working folder. */
export function electronLaunch(): { executablePath: string; args: string[]; cwd: string } {
  const executablePath = findElectronRuntime();
  if (executablePath === null) throw new Error('there is no Electron to test with');
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return { executablePath, args: [projectFolder, ...asRoot, '--disable-gpu'], cwd: projectFolder };
}
