import type { Writable } from 'node:stream';

/**
 * Takes standard output for one writer: whatever else is printed, by whichever part of this process, goes to standard error.
 * @returns the only way to write there. It resolves when the text is written, or nobody reads any more.
 */
export function takeStandardOutput(
  stdout: Writable = process.stdout,
  stderr: Writable = process.stderr,
): (text: string) => Promise<void> {
  const write = stdout.write.bind(stdout);
  // Workers print through it, too.
  stdout.write = stderr.write.bind(stderr);
  return (text) => new Promise((resolve) => write(text, 'utf8', () => resolve()));
}
