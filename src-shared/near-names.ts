/** A name without what people get wrong in it: letter case and separators. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** The candidate that a misspelt name most likely means; null where none is close. */
export function nearName(name: string, candidates: Iterable<string>): string | null {
  const asked = plainName(name);
  if (asked === '' || asked.length > 64) return null;
  let best: { name: string; distance: number } | null = null;
  for (const candidate of candidates) {
    const plain = plainName(candidate);
    const contained = plain.length >= 3 && asked.length >= 3 && (asked.includes(plain) || plain.includes(asked));
    const limit = Math.max(1, Math.floor(Math.max(asked.length, plain.length) / 3));
    const edits = editDistance(asked, plain);
    const distance = contained ? Math.min(edits, limit) : edits;
    if (distance <= limit && (best === null || distance < best.distance)) best = { name: candidate, distance };
  }
  return best?.name ?? null;
}

/** Edits, as a part of the longer name's length, up to which names are near. */
const FARTHEST = 0.4;

/** Lists may have thousands of names: those whose letters alone differ too much need no more looking at. */
function distanceWithin(from: string, to: string, part: number): number {
  const most = part * Math.max(from.length, to.length, 1);
  if (Math.abs(from.length - to.length) > most || lettersApart(from, to) > most) return Number.POSITIVE_INFINITY;
  return editDistance(from, to, most);
}

const LETTERS = 128;

/** Edits that are needed at least, by how often each letter stands in the words, wherever it stands. */
function lettersApart(from: string, to: string): number {
  const surplus = new Int16Array(LETTERS);
  const count = (text: string, by: number): void => {
    for (let index = 0; index < text.length; index++) {
      const letter = text.charCodeAt(index) % LETTERS;
      surplus[letter] = (surplus[letter] ?? 0) + by;
    }
  };
  count(from, 1);
  count(to, -1);
  let more = 0;
  let less = 0;
  for (const one of surplus) {
    if (one > 0) more += one;
    else less -= one;
  }
  return Math.max(more, less);
}

/** The names most like the one that was asked for, best first; none where nothing is near. `provider/model` also counts as `model`. */
export function nearNames(asked: string, names: Iterable<string>, most = 3): string[] {
  // Names come from clients: the work is bounded whatever they send.
  const wanted = asked.toLowerCase().slice(0, 100);
  // The best so far; whoever is not nearer than the last of them need not be measured to the end.
  let scored: { name: string; score: number }[] = [];
  for (const name of names) {
    const farthest = scored.length < most ? FARTHEST : (scored.at(-1)?.score ?? FARTHEST);
    const own = name.toLowerCase();
    const bare = own.slice(own.indexOf('/') + 1);
    const contained = own.includes(wanted) || wanted.includes(bare);
    const score = contained
      ? 0.1
      : Math.min(...[own, bare].map((candidate) => distanceWithin(wanted, candidate, farthest))) /
        Math.max(wanted.length, bare.length, 1);
    if (score > farthest || (score === farthest && scored.length === most)) continue;
    scored = [...scored, { name, score }].sort((a, b) => a.score - b.score).slice(0, most);
  }
  return scored.map(({ name }) => name);
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
 * @param most beyond which nobody asks how many.
 */
function editDistance(from: string, to: string, most = Number.POSITIVE_INFINITY): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    // Nothing that follows costs less than the least of a row, or, by a swap, of the one before it.
    if (Math.min(...current) > most && Math.min(...last) > most) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
