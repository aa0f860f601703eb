import type { RoutingFacts } from '../../src-shared/routing.ts';
import type { Strategy } from '../../src-shared/rules.ts';
import type { Outcomes } from './outcomes.ts';
import type { Target } from './plan.ts';
import { cheapest } from './strategies/cheapest.ts';
import { learned } from './strategies/learned.ts';
import { leastConnections } from './strategies/least-connections.ts';
import { responseTime } from './strategies/response-time.ts';
import { roundRobin } from './strategies/round-robin.ts';
import { weighted } from './strategies/weighted.ts';

/** A target that a strategy may choose. */
export interface Choice {
  readonly target: Target;
  readonly weight: number;
}

/** In words; put together when somebody asks, for that costs more than the choice. */
export type Why = string | null | (() => string);

export interface Ranked {
  readonly choice: Choice;
  readonly score: number | null;
  /** What the score is made of. */
  readonly why: Why;
}

/** What a strategy may look at. */
export interface Situation {
  readonly facts: RoutingFacts;
  readonly outcomes: Outcomes;
  /** 0 (inclusive) to 1. */
  readonly random: () => number;
  /** How often `learned` tries another than the best, 0 to 1. */
  readonly explore: number;
}

/** Puts choices in an order. Changes nothing: what a strategy counts is counted when attempts begin and end. */
export type Rank = (choices: readonly Choice[], situation: Situation) => Ranked[];

const priority: Rank = (choices) => choices.map((choice) => ({ choice, score: null, why: null }));

const ranks: Readonly<Record<Strategy, Rank>> = {
  priority,
  weighted,
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  'response-time': responseTime,
  cheapest,
  learned,
};

/** Puts choices in the order in which they are to be tried. @param choices in the order of the configuration; at least one. */
export const rank = (strategy: Strategy, choices: readonly Choice[], situation: Situation): Ranked[] =>
  ranks[strategy](choices, situation);
