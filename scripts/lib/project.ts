import path from 'node:path';

/** The project's root folder. */
export const projectFolder = path.resolve(import.meta.dirname, '../..');

/** A line on standard output: what a script reports to the person who ran it. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Flags of Node for the engine, the same as in the first line of src-main/cli.ts, where the reason stands. */
export const engineNodeFlags: readonly string[] = ['--max-semi-space-size=8'];
