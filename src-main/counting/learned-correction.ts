import { z } from 'zod';
import { featureNames, type PromptFeatures } from './prompt-features.ts';

/**
 * By what a model's own counts differ from ours: a factor for each kind of content, found by a Kalman filter (recursive least
 * squares) over what its answers report. It starts from what is known of the model's family and believes in one factor for
 * all kinds more than in many, so that the first sample already moves all of them; samples with other mixtures then set
 * them apart. No sample moves it far, and no factor leaves its bounds.
 */

const KINDS = featureNames.length;
type Vector = readonly number[];

/** How far a family's factor may be from a model's, as a part of it: all kinds alike, and each by itself. */
const SHARED_DEVIATION = 0.15;
const OWN_DEVIATION: Readonly<Record<keyof PromptFeatures, number>> = {
  text: 0.1,
  numbers: 0.3,
  foreign: 0.5,
  tools: 0.35,
  media: 0.6,
  frame: 0.5,
};
/** What counts differ by for no reason that is known: a part of the count, and some tokens. */
const NOISE = 0.01;
const NOISE_TOKENS = 8;
/** Deviations beyond which a sample counts for as much as one at that distance: servers report strange numbers at times. */
const OUTLIER = 2.5;
/** How much of what has been learned each sample makes uncertain again: providers change what stands behind a name. */
const FORGETTING = 0.002;

/** Of our count, and of each kind's factor. */
const LEAST = 0.5;
const MOST = 2.5;

/** From so many times what is expected on a count may hold a part of the prompt twice, and so near the other one is right. */
const TWICE = 1.5;
const NEAR = 0.35;

/** Beyond so many times its family's count a model's reports are taken for what it counts, but nothing is refused on them. */
const BELIEVABLE = 1.25;
/** Deviations. */
const SURELY = 2;

/** A factor that differs by this much is saved. */
const WORTH_SAVING = 0.01;

const savedSchema = z.object({
  version: z.literal(1),
  samples: z.number().int().min(1),
  factors: z.array(z.number().min(LEAST).max(MOST)).length(KINDS),
  spread: z.array(z.array(z.number()).length(KINDS)).length(KINDS),
});

export class LearnedCorrection {
  #samples = 0;
  #factors: number[];
  /** Their covariance. */
  #spread: number[][];
  readonly #prior: readonly Vector[];
  readonly #family: Vector;
  #saved: Vector | null = null;

  /**
   * @param family the factors of the model's family.
   * @param saved what `dataToSave` gave before; anything else is left aside.
   */
  constructor(family: PromptFeatures, saved?: unknown) {
    const factors = toVector(family);
    this.#family = factors;
    const deviations = featureNames.map((name) => OWN_DEVIATION[name]);
    this.#prior = factors.map((own, row) =>
      factors.map((other, column) => {
        const shared = own * other * SHARED_DEVIATION ** 2;
        return row === column ? shared + (own * at(deviations, row)) ** 2 : shared;
      }),
    );
    const { data } = savedSchema.safeParse(saved);
    this.#factors = data?.factors ?? factors;
    this.#spread = data?.spread ?? this.#prior.map((row) => [...row]);
    this.#samples = data?.samples ?? 0;
    if (data !== undefined) this.#saved = [...data.factors];
  }

  /** Counts of the model itself that have been believed. */
  get samples(): number {
    return this.#samples;
  }

  /** The model's tokens for a prompt, as far as is known. */
  apply(features: PromptFeatures): number {
    const counts = toVector(features);
    const own = sum(counts);
    return Math.ceil(Math.min(MOST * own, Math.max(LEAST * own, dot(counts, this.#factors))));
  }

  /**
   * What the model's own count of a prompt cannot be below, by all that it has reported; 0 where it has reported nothing, or
   * so much more than its family would take that the reports may be wrong.
   */
  least(features: PromptFeatures): number {
    const counts = toVector(features);
    const tokens = this.apply(features);
    if (this.#samples === 0 || tokens > BELIEVABLE * dot(counts, this.#family)) return 0;
    const variance = dot(
      counts,
      this.#spread.map((row) => dot(row, counts)),
    );
    return Math.max(0, Math.floor(tokens - SURELY * Math.sqrt(Math.max(0, variance))));
  }

  /**
   * Which of two counts is the whole input: servers of Anthropic's dialect are to leave what came from their cache out of the
   * one number, and some do not, so that it would be counted twice.
   */
  likelier(features: PromptFeatures, withCache: number, withoutCache: number): number {
    const expected = this.apply(features);
    const isTwice = withCache > TWICE * expected && Math.abs(withoutCache / expected - 1) < NEAR;
    return isTwice ? withoutCache : withCache;
  }

  /**
   * @param tokens of the whole input, as the model has counted them. What cannot be true is left aside: servers report
   * nothing, or only what was not in their cache.
   */
  learn(features: PromptFeatures, tokens: number): void {
    const counts = toVector(features);
    const own = sum(counts);
    if (!(own > 0 && tokens >= LEAST * own && tokens <= MOST * own)) return;
    for (const [row, values] of this.#spread.entries())
      for (const column of values.keys())
        values[column] = (1 - FORGETTING) * at(values, column) + FORGETTING * at(at(this.#prior, row), column);
    let gains = this.#spread.map((row) => dot(row, counts));
    if (!(dot(counts, gains) >= 0)) {
      // No spread is like that but one that was not saved by us, or has been worn out by rounding.
      this.#spread = this.#prior.map((row) => [...row]);
      gains = this.#spread.map((row) => dot(row, counts));
    }
    const off = tokens - dot(counts, this.#factors);
    const doubt = dot(counts, gains) + (NOISE * tokens) ** 2 + NOISE_TOKENS ** 2;
    // Huber's weight: an outlier moves the factors as far as a sample at the limit would, and teaches less.
    const weight = Math.min(1, (OUTLIER * Math.sqrt(doubt)) / Math.abs(off));
    this.#factors = this.#factors.map((factor, kind) =>
      Math.min(MOST, Math.max(LEAST, factor + (weight * off * at(gains, kind)) / doubt)),
    );
    this.#spread = this.#spread.map((row, kind) =>
      row.map((value, other) => value - (weight * at(gains, kind) * at(gains, other)) / doubt),
    );
    this.#samples += 1;
  }

  /** What is to be saved, as JSON; null where little has changed since. */
  dataToSave(): unknown {
    const saved = this.#saved;
    if (this.#samples === 0) return null;
    if (saved?.every((factor, kind) => Math.abs(at(this.#factors, kind) / factor - 1) < WORTH_SAVING)) return null;
    this.#saved = this.#factors;
    return { version: 1, samples: this.#samples, factors: this.#factors, spread: this.#spread };
  }
}

const toVector = (features: PromptFeatures): number[] => featureNames.map((name) => features[name]);
const sum = (values: Vector): number => values.reduce((total, value) => total + value, 0);
const dot = (one: Vector, other: Vector): number =>
  one.reduce((total, value, index) => total + value * at(other, index), 0);

/** All vectors here have one length. */
function at<Value>(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no value at ${index}`);
  return value;
}
