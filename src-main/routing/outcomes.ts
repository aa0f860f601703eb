import type { RoutingFacts } from '../../src-shared/routing.ts';
import { type RequestClass, requestClasses } from '../../src-shared/rules.ts';
import { PeakEwma } from '../providers/peak-ewma.ts';
import type { AttemptResult } from './attempt-result.ts';
import { addTo, type FadingMean, meanOf, noValues, shrunk } from './fading-mean.ts';
import { isFaultOfTarget } from './fault-of-target.ts';
import { nameOf, type Target } from './plan.ts';
import { Rounds, type Turn } from './rounds.ts';
import type { SavedOutcomes } from './saved-outcomes.ts';

/** Far more than anybody configures; the ones that were not used for longest are forgotten. */
const MOST_TARGETS = 1_000;
/** Each attempt counts a thirtieth less with each that follows, and half as much after three days. */
const KEEP = 29 / 30;
const HALF_LIFE_MS = 3 * 24 * 3_600_000;
/** A failure counts as if the first content had come so late, where it took no longer. */
const FAILURE_MS = 10_000;
/** Answers that are shorter tell nothing of a speed. */
const FEWEST_TOKENS = 20;
const SHORTEST_MS = 250;
/** Of a target that nothing is known of yet. */
const USUAL_SUCCESS = 0.9;
const USUAL_OUTPUT = 500;
/** What is known of all requests counts as so many of a class. */
const PRIOR_WEIGHT = 2;

/** What requests of one class have shown of one target, fading. */
export interface Experience {
  /** Unix time in ms up to which it has faded. */
  at: number;
  /** 1 for an answer, 0 for a failure. */
  readonly success: FadingMean;
  readonly firstContentMs: FadingMean;
  readonly tokensPerSecond: FadingMean;
  /** Parts of the input, 0 to 1. */
  readonly cacheRead: FadingMean;
  readonly cacheWrite: FadingMean;
  /** Tokens. */
  readonly output: FadingMean;
}

/** What is to be expected of a request at a target. */
export interface Expectation {
  /** Attempts that it is known from; older ones count less. */
  readonly attempts: number;
  /** 0 to 1. */
  readonly success: number;
  readonly firstContentMs: number | null;
  readonly tokensPerSecond: number | null;
  /** Parts of the input, 0 to 1; null: not known. */
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
  /** Tokens. */
  readonly output: number;
}

/** What is known of a target. */
interface Known {
  /** Attempts under way. */
  underWay: number;
  readonly firstContent: PeakEwma;
  /** Of all classes. */
  readonly all: Experience;
  readonly byClass: Map<RequestClass, Experience>;
}

export interface OutcomesOptions {
  /** Unix time in ms. */
  now?: () => number;
  /** What was learned before. */
  saved?: SavedOutcomes | null;
  /** Told after each attempt that something was learned from. */
  onLearned?: () => void;
}

/** What attempts have shown of each target: how many are under way, how fast it answers, how often it fails, what it costs. */
export class Outcomes {
  readonly #now: () => number;
  readonly #onLearned: () => void;
  readonly #targets = new Map<string, Known>();
  /** How long answers are, whoever gives them. */
  readonly #outputs = new Map<RequestClass, FadingMean>();
  readonly #rounds = new Rounds();

  constructor({ now = Date.now, saved = null, onLearned = () => undefined }: OutcomesOptions = {}) {
    this.#now = now;
    this.#onLearned = onLearned;
    for (const { target, all, byClass } of saved?.targets.slice(-MOST_TARGETS) ?? []) {
      const known = newKnown(all);
      for (const requestClass of requestClasses) {
        const experience = byClass[requestClass];
        if (experience === undefined) continue;
        known.byClass.set(requestClass, experience);
        const outputs = this.#outputsOf(requestClass);
        outputs.weight += experience.output.weight;
        outputs.sum += experience.output.sum;
      }
      this.#targets.set(target, known);
    }
  }

  begin(target: Target): void {
    const name = nameOf(target);
    this.#knownOf(name).underWay += 1;
    if (target.turn !== undefined) this.#rounds.take(target.turn, name);
  }

  /** One of which nothing is to be learned. */
  endUnlearned(target: Target): void {
    this.#ended(target);
  }

  #ended(target: Target): Known {
    const known = this.#knownOf(nameOf(target));
    known.underWay = Math.max(0, known.underWay - 1);
    return known;
  }

  /** Nothing is known of a provider's targets any more; what is under way there is. */
  forget(provider: string): void {
    for (const [name, { underWay }] of this.#targets) {
      if (!name.startsWith(`${provider}/`)) continue;
      if (underWay === 0) this.#targets.delete(name);
      else this.#targets.set(name, { ...newKnown(newExperience(this.#now())), underWay });
    }
    this.#onLearned();
  }

  /** A client that has left says nothing of a target; nor does a request that nobody would have taken. */
  end(facts: RoutingFacts, target: Target, result: AttemptResult): void {
    const known = this.#ended(target);
    const { outcome, error, firstContentMs, totalMs } = result;
    if (outcome === 'aborted') return;
    if (outcome === 'failed' && (error === null || !isFaultOfTarget(error))) return;
    const now = this.#now();
    if (outcome === 'failed') known.firstContent.add(Math.max(totalMs, FAILURE_MS), now);
    else if (firstContentMs !== null) known.firstContent.add(firstContentMs, now);
    const requestClass = facts.class;
    learn(known.all, result, now);
    learn(ofClass(known, requestClass, now), result, now);
    if (outcome === 'answered' && result.usage !== null)
      addTo(this.#outputsOf(requestClass), result.usage.output, KEEP);
    this.#onLearned();
  }

  /** Attempts under way. */
  underWay(target: Target): number {
    return this.#targets.get(nameOf(target))?.underWay ?? 0;
  }

  /**
   * How long one more request would wait for its first content, by what it was lately and what is under way, and what that
   * is made of. Times in ms; `firstContentMs` null: not known.
   */
  waiting(target: Target): { loadMs: number; firstContentMs: number | null; underWay: number } {
    const known = this.#targets.get(nameOf(target));
    if (known === undefined) return { loadMs: 0, firstContentMs: null, underWay: 0 };
    const { firstContent, underWay } = known;
    const now = this.#now();
    return { loadMs: firstContent.load(underWay, now), firstContentMs: firstContent.at(now), underWay };
  }

  /** When it is a target's turn: whoever has the smallest is next. */
  turn(turn: Turn, target: Target): number {
    return this.#rounds.standing(turn, nameOf(target));
  }

  /** What is known of requests of a class at a target: first of such, then of all, then what is usual. */
  expected(requestClass: RequestClass, target: Target): Expectation {
    const known = this.#targets.get(nameOf(target));
    const usualOutput = meanOf(this.#outputs.get(requestClass) ?? noValues()) ?? USUAL_OUTPUT;
    if (known === undefined) return { ...NOTHING_KNOWN, output: usualOutput };
    const { all, underWay } = known;
    const now = this.#now();
    const own = known.byClass.get(requestClass) ?? all;
    const leftOfAll = left(all, now);
    const leftOfOwn = left(own, now);
    const of = (read: (experience: Experience) => FadingMean): number | null => {
      const usual = meanOf(read(all));
      return usual === null ? null : shrunk(read(own), usual, PRIOR_WEIGHT, leftOfOwn);
    };
    return {
      // Those that are under way are tries as well: many at once must not all go where nothing is known.
      attempts: all.success.weight * leftOfAll + underWay,
      success: shrunk(own.success, shrunk(all.success, USUAL_SUCCESS, 1, leftOfAll), PRIOR_WEIGHT, leftOfOwn),
      firstContentMs: of((experience) => experience.firstContentMs),
      tokensPerSecond: of((experience) => experience.tokensPerSecond),
      cacheRead: of((experience) => experience.cacheRead),
      cacheWrite: of((experience) => experience.cacheWrite),
      output: shrunk(own.output, usualOutput, PRIOR_WEIGHT, leftOfOwn),
    };
  }

  /** What is worth keeping for the next start. */
  saved(): SavedOutcomes {
    const targets = [...this.#targets]
      .filter(([, { all }]) => all.success.weight > 0)
      .map(([target, { all, byClass }]) => ({ target, all, byClass: Object.fromEntries(byClass) }));
    return { version: 1, targets };
  }

  #outputsOf(requestClass: RequestClass): FadingMean {
    const outputs = this.#outputs.get(requestClass) ?? noValues();
    this.#outputs.set(requestClass, outputs);
    return outputs;
  }

  /** The one that was used last is at the end. */
  #knownOf(name: string): Known {
    const known = this.#targets.get(name) ?? newKnown(newExperience(this.#now()));
    this.#targets.delete(name);
    this.#targets.set(name, known);
    const [oldest] = this.#targets.keys();
    if (this.#targets.size > MOST_TARGETS && oldest !== undefined) this.#targets.delete(oldest);
    return known;
  }
}

const NOTHING_KNOWN: Expectation = {
  attempts: 0,
  success: USUAL_SUCCESS,
  firstContentMs: null,
  tokensPerSecond: null,
  cacheRead: null,
  cacheWrite: null,
  output: USUAL_OUTPUT,
};

const newKnown = (all: Experience): Known => ({
  underWay: 0,
  firstContent: new PeakEwma(),
  all,
  byClass: new Map(),
});

const newExperience = (at: number): Experience => ({
  at,
  success: noValues(),
  firstContentMs: noValues(),
  tokensPerSecond: noValues(),
  cacheRead: noValues(),
  cacheWrite: noValues(),
  output: noValues(),
});

function ofClass({ byClass }: Known, requestClass: RequestClass, now: number): Experience {
  const experience = byClass.get(requestClass) ?? newExperience(now);
  byClass.set(requestClass, experience);
  return experience;
}

/** What time has left of it, 0 to 1. */
const left = ({ at }: Experience, now: number): number => 2 ** (-Math.max(0, now - at) / HALF_LIFE_MS);

function learn(experience: Experience, { outcome, firstContentMs, totalMs, usage }: AttemptResult, now: number): void {
  const keep = left(experience, now);
  const { success, firstContentMs: firsts, tokensPerSecond, cacheRead, cacheWrite, output } = experience;
  for (const mean of [success, firsts, tokensPerSecond, cacheRead, cacheWrite, output]) {
    mean.weight *= keep;
    mean.sum *= keep;
  }
  experience.at = now;
  addTo(success, outcome === 'answered' ? 1 : 0, KEEP);
  if (outcome !== 'answered') return;
  if (firstContentMs !== null) addTo(firsts, firstContentMs, KEEP);
  if (usage === null) return;
  addTo(output, usage.output, KEEP);
  const input = usage.input + usage.cacheRead + usage.cacheWrite;
  if (input > 0) {
    addTo(cacheRead, Math.min(1, usage.cacheRead / input), KEEP);
    addTo(cacheWrite, Math.min(1, usage.cacheWrite / input), KEEP);
  }
  const writingMs = totalMs - (firstContentMs ?? totalMs);
  if (usage.output >= FEWEST_TOKENS && writingMs >= SHORTEST_MS)
    addTo(tokensPerSecond, usage.output / (writingMs / 1000), KEEP);
}
