/** Edit distance of two short strings (Levenshtein). */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The names most like the one that was asked for, best first; none where nothing is near. */
export function nearNames(asked: string, names: Iterable<string>, most = 3): string[] {
  // Names come from clients: the work is bounded whatever they send.
  const wanted = asked.toLowerCase().slice(0, 100);
  const scored: { name: string; score: number }[] = [];
  for (const name of names) {
    const own = name.toLowerCase();
    const bare = own.slice(own.indexOf('/') + 1);
    const contained = own.includes(wanted) || wanted.includes(bare);
    const score = contained
      ? 0.1
      : Math.min(distance(wanted, own), distance(wanted, bare)) / Math.max(wanted.length, bare.length, 1);
    if (score <= 0.4) scored.push({ name, score });
  }
  return scored
    .sort((a, b) => a.score - b.score)
    .slice(0, most)
    .map(({ name }) => name);
}
