import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, utimes } from 'node:fs/promises';
import path from 'node:path';

const preload = path.resolve(import.meta.dirname, 'crash-at.ts');

export interface Crash {
  /** The first is 1. */
  moment: number;
  /** In which call it was. */
  where: string;
}

/**
 * Runs a program of Node's again and again and kills it at the first moment in which it changes the disk, the second, and so
 * on, until it comes to its end.
 * @param args what Node runs
 * @param afterwards looks at what is left after each
 * @returns the crashes that there were
 */
export async function crashAtEachMoment(
  program: { args: (moment: number) => readonly string[]; env: NodeJS.ProcessEnv },
  afterwards: (crash: Crash) => Promise<void>,
): Promise<Crash[]> {
  const crashes: Crash[] = [];
  for (let moment = 1; ; moment += 1) {
    const child = spawn(process.execPath, ['--import', preload, ...program.args(moment)], {
      env: { ...program.env, CRASH_AT: String(moment) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (signal === null && code === 0) return crashes;
    if (signal !== 'SIGKILL') throw new Error(`It ended with ${code ?? signal} at moment ${moment}: ${said}`);
    const crash = { moment, where: /killed (.*)/.exec(said)?.[1] ?? said };
    crashes.push(crash);
    try {
      await afterwards(crash);
    } catch (error) {
      throw new Error(`After it was killed at moment ${moment}, ${crash.where}`, { cause: error });
    }
  }
}

/** Makes all that writers have left in a folder and below an hour old, so that nobody has to wait. */
export async function letTimePass(folder: string): Promise<void> {
  const then = Date.now() / 1_000 - 3_600;
  for (const file of await filesBelow(folder)) if (/\.(tmp|takeover|lock)$/.test(file)) await utimes(file, then, then);
}

/** What writers that were killed have left half written in a folder and below. */
export async function leftovers(folder: string): Promise<string[]> {
  return (await filesBelow(folder)).filter((file) => file.endsWith('.tmp'));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}
