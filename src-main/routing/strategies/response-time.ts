import type { Rank, Ranked } from '../strategies.ts';
import { inSeconds } from '../words.ts';

/**
 * Of two at random the one whose first content is to be expected sooner, then the same among the others (the power of two
 * choices): what was fast a moment ago does not get everything at once.
 */
export const responseTime: Rank = (choices, { outcomes, random }) => {
  const left = choices.map((choice) => ({ choice, ...outcomes.waiting(choice.target) }));
  const ranked: Ranked[] = [];
  for (;;) {
    const one = taken(left, random);
    if (one === undefined) return ranked;
    const other = taken(left, random);
    const isSlower = other !== undefined && other.loadMs < one.loadMs;
    const faster = isSlower ? other : one;
    if (other !== undefined) left.push(isSlower ? one : other);
    const { choice, loadMs, firstContentMs, underWay } = faster;
    ranked.push({ choice, score: loadMs, why: () => inWords(firstContentMs, underWay) });
  }
};

/** One of them at random, and no longer among them. */
function taken<Value>(values: Value[], random: () => number): Value | undefined {
  const last = values.pop();
  const index = Math.floor(random() * (values.length + 1));
  if (last === undefined || index >= values.length) return last;
  const value = values[index];
  values[index] = last;
  return value;
}

function inWords(firstContentMs: number | null, underWay: number): string {
  const first =
    firstContentMs === null
      ? 'its first content has not been timed yet'
      : `first content in ${inSeconds(firstContentMs)}`;
  return underWay === 0 ? first : `${first}, ${underWay} under way`;
}
