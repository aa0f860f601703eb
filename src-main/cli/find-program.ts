import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

interface Place {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
}

/** A program by its path, or by its name on the PATH, as a shell finds it; null where there is none. Absolute. */
export function findProgram(name: string, { env, platform }: Place): string | null {
  const windows = platform === 'win32';
  const endings = windows && path.extname(name) === '' ? ['.exe', '.cmd', '.bat'] : [''];
  const folders = /[/\\]/.test(name) ? [''] : (env.PATH ?? env.Path ?? '').split(windows ? ';' : ':');
  for (const folder of folders)
    for (const ending of endings) {
      const file = path.resolve(folder.replace(/^"|"$/g, ''), name + ending);
      if (isProgram(file)) return file;
    }
  return null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
