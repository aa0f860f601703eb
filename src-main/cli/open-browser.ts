import { spawn } from 'node:child_process';

/** Opens an address in the user's browser. Resolves with why that did not work; null where it did. */
export function openBrowser(url: string, platform: NodeJS.Platform = process.platform): Promise<string | null> {
  const [program, ...args] = opener(platform);
  return new Promise((resolve) => {
    const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? `${program} is not installed` : error.message),
    );
    child.once('exit', (code) => resolve(code === 0 ? null : `${program} ended with code ${code}`));
    // Some openers stay as long as the browser they started.
    child.once('spawn', () => setTimeout(() => resolve(null), 2_000).unref());
    child.unref();
  });
}

function opener(platform: NodeJS.Platform): [string, ...string[]] {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return ['xdg-open'];
}
