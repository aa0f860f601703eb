/** Rounds whose turns are remembered; the ones that were not used for longest are forgotten. */
const MOST_ROUNDS = 500;

/** One of several that take turns. */
export interface Turn {
  /** Names all that take turns with it. */
  readonly round: string;
  /** How many turns it has, as against the others. */
  readonly weight: number;
}

interface Round {
  /** Where the one stood that had the last turn: who was away does not catch up on what it missed. */
  at: number;
  readonly standing: Map<string, number>;
}

/** Who takes the next turn: whoever has had the fewest for its weight (stride scheduling). Looking changes nothing. */
export class Rounds {
  readonly #rounds = new Map<string, Round>();

  /** The one with the smallest is next. */
  standing({ round: id, weight }: Turn, name: string): number {
    const round = this.#rounds.get(id);
    return round === undefined ? firstStanding(weight) : standingIn(round, weight, name);
  }

  take({ round: id, weight }: Turn, name: string): void {
    const round = this.#rounds.get(id) ?? { at: 0, standing: new Map<string, number>() };
    const at = standingIn(round, weight, name);
    round.at = Math.max(round.at, at);
    round.standing.set(name, at + 1 / weight);
    this.#rounds.delete(id);
    this.#rounds.set(id, round);
    const [oldest] = this.#rounds.keys();
    if (this.#rounds.size > MOST_ROUNDS && oldest !== undefined) this.#rounds.delete(oldest);
  }
}

/** In the middle of its share, so that turns are mixed: a a b a c a a, not a a a a a b c. */
const firstStanding = (weight: number): number => 0.5 / weight;

const standingIn = ({ at, standing }: Round, weight: number, name: string): number =>
  Math.max(at, standing.get(name) ?? firstStanding(weight));
