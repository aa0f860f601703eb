import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { WslFacts } from '../clients/wsl.ts';

/** `wslinfo` may be a program of something else. */
const LIMIT_MS = 2_000;

/** What of this machine tells whether WSL's border is in the way of a client. */
export const wslFacts = (env: NodeJS.ProcessEnv): WslFacts => ({
  platform: process.platform,
  env,
  readFile: (file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return null;
    }
  },
  networkingMode: () => {
    const { status, stdout } = spawnSync('wslinfo', ['--networking-mode'], { encoding: 'utf8', timeout: LIMIT_MS });
    return status === 0 ? stdout : null;
  },
});
