import type { Rank } from '../strategies.ts';
import { lot } from './lot.ts';

/** First the one with the fewest requests under way for its weight; of equals, one by lot. */
export const leastConnections: Rank = (choices, { outcomes, random }) =>
  choices
    .map((choice) => {
      const underWay = outcomes.underWay(choice.target);
      return { choice, underWay, load: underWay / choice.weight, drawn: lot(random(), choice.weight) };
    })
    .sort((a, b) => a.load - b.load || a.drawn - b.drawn)
    .map(({ choice, underWay, load }) => ({
      choice,
      score: load,
      why: () => `${underWay} under way${choice.weight === 1 ? '' : `, for a weight of ${choice.weight}`}`,
    }));
