import { nameOf } from '../plan.ts';
import type { Rank } from '../strategies.ts';

/** In turn, each as often as its weight says. */
export const roundRobin: Rank = (choices, { outcomes }) => {
  const round = choices.map(({ target }) => nameOf(target)).join('\n');
  return choices
    .map(({ target, weight }) => {
      const turn = { round, weight };
      return { choice: { target: { ...target, turn }, weight }, at: outcomes.turn(turn, target) };
    })
    .sort((a, b) => a.at - b.at)
    .map(({ choice }, index) => ({
      choice,
      score: index + 1,
      why: () => (index === 0 ? 'it is its turn' : `its turn is after ${index} ${index === 1 ? 'other' : 'others'}`),
    }));
};
