import type { Expectation } from '../outcomes.ts';
import type { Rank } from '../strategies.ts';
import { inDollars, inPercent, inTokens } from '../words.ts';
import { expectedCost } from './expected-cost.ts';

/** By what the request is expected to cost; those whose prices are not known come last. */
export const cheapest: Rank = (choices, { facts, outcomes }) => {
  const { inputTokens, class: requestClass } = facts;
  return choices
    .map((choice) => {
      const expectation = outcomes.expected(requestClass, choice.target);
      return { choice, expectation, dollars: expectedCost(choice.target, inputTokens, expectation) };
    })
    .sort((a, b) => (a.dollars ?? Number.MAX_VALUE) - (b.dollars ?? Number.MAX_VALUE))
    .map(({ choice, expectation, dollars }) => ({
      choice,
      score: dollars,
      why: () => (dollars === null ? 'its price is not known' : inWords(dollars, inputTokens, expectation)),
    }));
};

function inWords(dollars: number, inputTokens: number, { output, cacheRead }: Expectation): string {
  if (dollars === 0) return 'costs nothing';
  const cached = cacheRead === null || cacheRead < 0.005 ? '' : `, ${inPercent(cacheRead)} of them from its cache`;
  return `about ${inDollars(dollars)} for ${inTokens(inputTokens)} read${cached}, and ${inTokens(output)} written`;
}
