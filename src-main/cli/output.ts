import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** A line of a command's result. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A command's result for programs: one JSON document. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A line about the command itself; it stays out of pipes. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The same for a sentence, which is broken between words where the terminal ends. */
export function noteSentence(text: string): void {
  for (const line of wrapped(text, process.stderr.columns ?? 80, '')) note(line);
}

/**
 * Lets the process live on when nobody reads its output any more: `cproxy status | head -1` closes the pipe early (EPIPE), and
 * a terminal may be closed (EIO). Without this, the next line of the log would end the engine.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
}

/** Colours, where standard output is a terminal that shows them and NO_COLOR is not set. */
export function styled(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/** How this program is called where it runs: a checkout has no `cproxy` on the path. */
export function commandName(env: NodeJS.ProcessEnv): string {
  return env.npm_lifecycle_event === undefined ? 'cproxy' : 'npx cproxy';
}

/** Rows of cells, each column as wide as its widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * A text in lines of a width, broken between words; a word that is longer stays whole, so that it can be copied. Lines but the
 * first stand two further in.
 * @param width in columns; 80 where a terminal says 0, as one without a size does.
 */
export function wrapped(text: string, width: number, indent: string): string[] {
  const limit = width > 0 ? width : 80;
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    const begins = line.trim() === '';
    if (!begins && line.length + 1 + word.length > limit) {
      lines.push(line);
      line = `${indent}  ${word}`;
    } else {
      line += begins ? word : ` ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
