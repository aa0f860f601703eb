/** More pages than vendors take. */
const MOST_PAGES = 1000;

/**
 * How many pages a PDF has, as far as that is readable without unpacking it: its page objects, or what it says at its beginning
 * when it is linearized. At least one.
 */
export function pdfPages(base64: string): number {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  // Not `/Pages`, the nodes above them.
  const pages = text.match(/\/Type\s*\/Page(?![A-Za-z])/g)?.length ?? 0;
  const told = /\/Linearized\b[^>]{0,200}?\/N\s+(\d{1,6})/.exec(text.slice(0, 2048))?.[1];
  return Math.min(MOST_PAGES, Math.max(1, pages, Number(told ?? 0)));
}
