/**
 * From where on a text may be the beginning of one of these sequences, which goes on in what has not arrived yet; the
 * text's length where it is none. None of the sequences stands in the text as a whole.
 */
export function partialMatchAt(text: string, sequences: readonly string[]): number {
  let first = text.length;
  for (const sequence of sequences) {
    const start = sequence.charAt(0);
    let at = text.indexOf(start, Math.max(0, text.length - sequence.length + 1));
    while (at !== -1 && at < first) {
      if (sequence.startsWith(text.slice(at))) first = at;
      else at = text.indexOf(start, at + 1);
    }
  }
  return first;
}
