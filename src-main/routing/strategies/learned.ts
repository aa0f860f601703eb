import type { Expectation } from '../outcomes.ts';
import type { Choice, Rank, Ranked } from '../strategies.ts';
import { inDollars, inPercent, inSeconds } from '../words.ts';
import { expectedCost } from './expected-cost.ts';

/** As if of so many attempts, counted less with time: after three it is known well enough. */
const LITTLE_KNOWN = 2;

/** What earns half of the points. */
const HALF_FIRST_CONTENT_MS = 2_000;
const HALF_TOKENS_PER_SECOND = 40;
const HALF_DOLLARS = 0.05;
/** What each is worth; together 1. */
const WORTH = { always: 0.2, firstContent: 0.25, speed: 0.2, cost: 0.25, cache: 0.1 } as const;
/** Of what is not known. */
const UNKNOWN = 0.5;

/** What a target is judged by. */
export interface Merits extends Pick<Expectation, 'success' | 'firstContentMs' | 'tokensPerSecond' | 'cacheRead'> {
  /** US dollars. */
  readonly dollars: number | null;
}

/**
 * 0 to 1: how good a target is. More success, speed and cache and less time and money always earn more; success counts
 * twice, since a failure costs the time of another attempt.
 */
export function merit({ success, firstContentMs, tokensPerSecond, cacheRead, dollars }: Merits): number {
  const points =
    WORTH.always +
    WORTH.firstContent * (firstContentMs === null ? UNKNOWN : falling(firstContentMs, HALF_FIRST_CONTENT_MS)) +
    WORTH.speed * (tokensPerSecond === null ? UNKNOWN : 1 - falling(tokensPerSecond, HALF_TOKENS_PER_SECOND)) +
    WORTH.cost * (dollars === null ? UNKNOWN : falling(dollars, HALF_DOLLARS)) +
    WORTH.cache * (cacheRead ?? UNKNOWN);
  return success * success * points;
}

/** From 1 at 0 towards 0, by way of a half. */
const falling = (value: number, half: number): number => half / (half + value);

interface Judged {
  readonly choice: Choice;
  readonly merits: Merits & { readonly attempts: number };
  readonly score: number;
  readonly isNew: boolean;
}

/**
 * By how earlier requests of the same class went at each target: what is little known first, a few times; now and then
 * another than the best, to see how it does now; else the best.
 */
export const learned: Rank = (choices, { facts, outcomes, random, explore }) => {
  const { inputTokens, class: requestClass } = facts;
  const judged = choices.map((choice): Judged => {
    const expectation = outcomes.expected(requestClass, choice.target);
    const merits = { ...expectation, dollars: expectedCost(choice.target, inputTokens, expectation) };
    return { choice, merits, score: merit(merits), isNew: expectation.attempts < LITTLE_KNOWN };
  });
  judged.sort((a, b) => {
    if (a.isNew !== b.isNew) return a.isNew ? -1 : 1;
    return a.isNew ? a.merits.attempts - b.merits.attempts : b.score - a.score;
  });
  const isExplored = judged[0]?.isNew === false && random() < explore;
  const [explored] = isExplored ? judged.splice(1 + Math.floor(random() * (judged.length - 1)), 1) : [];
  if (explored !== undefined) judged.unshift(explored);
  return judged.map(({ choice, merits, score, isNew }, index): Ranked => {
    const isTried = index === 0 && explored !== undefined;
    const because = isTried
      ? 'tried now and then, to see how it does: '
      : isNew
        ? 'tried, since little is known of it: '
        : '';
    return { choice, score, why: () => because + inWords(merits) };
  });
};

function inWords({ attempts, success, firstContentMs, tokensPerSecond, cacheRead, dollars }: Judged['merits']): string {
  const words = [
    attempts < 0.5 ? 'no attempts yet' : `${inPercent(success)} success in about ${Math.round(attempts)} attempts`,
  ];
  if (firstContentMs !== null) words.push(`first content in ${inSeconds(firstContentMs)}`);
  if (tokensPerSecond !== null) words.push(`${Math.round(tokensPerSecond)} tokens/s`);
  if (dollars !== null) words.push(dollars === 0 ? 'costs nothing' : `about ${inDollars(dollars)}`);
  if (cacheRead !== null) words.push(`${inPercent(cacheRead)} of its input from its cache`);
  return words.join(', ');
}
