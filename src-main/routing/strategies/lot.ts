import { nameOf, type Target } from '../plan.ts';

/**
 * Weighted lots: the choice with the smallest is first with a probability that is its part of all weights, and so on among
 * the others (Efraimidis and Spirakis).
 * @param part evenly distributed, 0 (inclusive) to 1.
 */
export const lot = (part: number, weight: number): number => -Math.log(1 - part) / weight;

/**
 * A part of 0 to 1 that is always the same for a target and a conversation, and as good as random else: with lots of these, a
 * conversation has an order of its own, in which nothing changes but the place of what comes or goes (rendezvous hashing).
 */
export function partOf(conversation: string, target: Target): number {
  return mixed(hashed(nameOf(target), hashed(conversation, 0x811c9dc5))) / 2 ** 32;
}

/** FNV-1a, going on from what was hashed before. */
function hashed(text: string, before: number): number {
  let hash = before;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

/** Lets every bit count for every other (the end of MurmurHash3): FNV's last characters hardly reach the first bits. */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}
