import path from 'node:path';

/** The project's root folder. */
export const projectFolder = path.resolve(import.meta.dirname, '../..');

/** A line on standard output: what a script reports to the person who ran it. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
