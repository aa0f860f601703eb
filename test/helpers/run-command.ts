import { spawnSync } from 'node:child_process';

/** Runs a program to its end and returns what it printed. Throws with its complaint when it fails. */
export function runCommand(command: string, args: readonly string[], cwd?: string): string {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (result.error !== undefined) throw new Error(`${command}: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} ${args.join(' ')} ended with ${result.status}: ${result.stderr.trim().slice(-2_000)}`);
}
