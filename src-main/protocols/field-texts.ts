const COLON = 0x3a;
const QUOTE = 0x22;

/**
 * The texts that a field has anywhere in a request's bytes, which are not decoded for it: most requests hold nothing that
 * would have to be changed. What stands inside of texts is never taken for a field, since its quotes are escaped.
 */
export function* fieldTexts(raw: Buffer, field: string): Generator<string> {
  const key = `"${field}"`;
  for (let at = raw.indexOf(key); at !== -1; at = raw.indexOf(key, at + key.length)) {
    const colon = afterSpace(raw, at + key.length);
    const start = afterSpace(raw, colon + 1);
    if (raw[colon] !== COLON || raw[start] !== QUOTE) continue;
    const end = raw.indexOf(QUOTE, start + 1);
    if (end === -1) return;
    const text = unescaped(raw.toString('latin1', start + 1, end));
    if (text !== null) yield text;
  }
}

function afterSpace(raw: Buffer, at: number): number {
  let index = at;
  while (raw[index] === 0x20 || raw[index] === 0x0a || raw[index] === 0x0d || raw[index] === 0x09) index += 1;
  return index;
}

/** Signatures need no escapes, but PHP's clients write `\/`. Null for a text that holds a quote: it is no signature. */
function unescaped(text: string): string | null {
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return null;
  }
}

/** Whether one of those texts is of some kind. */
export function someFieldText(raw: Buffer, field: string, is: (text: string) => boolean): boolean {
  for (const text of fieldTexts(raw, field)) if (is(text)) return true;
  return false;
}
