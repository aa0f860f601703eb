import type { Rank } from '../strategies.ts';
import { inPercent } from '../words.ts';
import { lot, partOf } from './lot.ts';

/** Each gets its part of the conversations, and of the requests without one. */
export const weighted: Rank = (choices, { facts, random }) => {
  const conversation = choices.length > 1 ? facts.conversation : null;
  let total = 0;
  for (const { weight } of choices) total += weight;
  const how = conversation === null ? 'drawn at random' : 'drawn for this conversation, always the same';
  return choices
    .map((choice) => ({
      choice,
      drawn: lot(conversation === null ? random() : partOf(conversation, choice.target), choice.weight),
    }))
    .sort((a, b) => a.drawn - b.drawn)
    .map(({ choice }) => ({
      choice,
      score: choice.weight / total,
      why: () => `gets ${inPercent(choice.weight / total)} by weight; ${how}`,
    }));
};
