import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where peers are kept between runs, outside the tree. */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'cproxy-bench');
}

/**
 * Installs an exact version of an npm package into the bench's cache, where it is not there yet, without running its
 * install scripts. `overrides` pins packages below it, by name. Returns the package's folder.
 * @throws Error saying that npm could not bring it.
 */
export async function installPackage(
  name: string,
  version: string,
  overrides: Record<string, string> = {},
): Promise<string> {
  const folder = join(cacheFolder(), `${name.replaceAll('/', '+')}@${version}`);
  const installed = join(folder, 'node_modules', name);
  const manifest = JSON.stringify({ private: true, overrides });
  const complete = join(folder, 'complete.json');
  if (existsSync(complete) && (await readFile(complete, 'utf8')) === manifest) return installed;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), manifest);
  // npm picks versions by the Node it runs on, which must be the one that runs the package.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` };
  try {
    await run('npm', ['install', '--save-exact', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], {
      cwd: folder,
      env,
      timeout: 120_000,
    });
  } catch (error) {
    throw new Error(`npm could not install ${name}@${version}`, { cause: error });
  }
  await writeFile(complete, manifest);
  return installed;
}
