/** A Markdown table, padded so that it reads well in a terminal too. The first column is aligned left, the others right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(3, ...[header, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (column === 0 ? (cells[column] ?? '').padEnd(width) : (cells[column] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** A number with as many places as it deserves: `0.123`, `4.56`, `78.9`, `1234`; `-` where there is none. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return value.toFixed(size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
}

export const ratio = (value: number, base: number): string =>
  Number.isFinite(value / base) ? `${figure(value / base)}×` : '-';
export const megabytes = (bytes: number): string => (Number.isFinite(bytes) ? (bytes / 1e6).toFixed(0) : '-');
export const added = (value: number, base: number): string =>
  Number.isFinite(value - base) ? `${value >= base ? '+' : ''}${figure(value - base)}` : '-';
