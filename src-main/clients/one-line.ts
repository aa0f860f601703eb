/** A value of several lines, such as `ANTHROPIC_CUSTOM_HEADERS`, of which one line is ours. */

/** The line that begins so, whatever its case; undefined where there is none. */
export function lineOf(value: unknown, beginning: string): string | undefined {
  return linesOf(value).find((line) => begins(line, beginning));
}

/** With our line in the place of the one that begins so, or as the last. */
export function withLine(value: unknown, beginning: string, line: string): string {
  const lines = linesOf(value);
  const index = lines.findIndex((one) => begins(one, beginning));
  if (index !== -1) return lines.with(index, line).join('\n');
  // A line break at the end stays the end.
  if (lines.length > 1 && lines.at(-1) === '') return [...lines.slice(0, -1), line, ''].join('\n');
  return [...lines, line].join('\n');
}

/**
 * With what the user had in the place of the line that begins so.
 * @param before the whole value that was there
 * @returns undefined where nothing is left of a value that was not there, or that had more
 */
export function withoutLine(value: string, beginning: string, before: unknown): string | undefined {
  const lines = linesOf(value);
  const index = lines.findIndex((one) => begins(one, beginning));
  const former = lineOf(before, beginning);
  const rest = (former === undefined ? lines.toSpliced(index, 1) : lines.with(index, former)).join('\n');
  return rest === '' && before !== '' ? undefined : rest;
}

const linesOf = (value: unknown): string[] => (typeof value === 'string' && value !== '' ? value.split('\n') : []);

const begins = (line: string, beginning: string): boolean =>
  line.trimStart().toLowerCase().startsWith(beginning.toLowerCase());
