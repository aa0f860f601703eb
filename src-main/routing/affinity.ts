import type { Config } from '../../src-shared/config.ts';
import type { RoutingFacts } from '../../src-shared/routing.ts';
import type { Strategy } from '../../src-shared/rules.ts';
import { costOf } from '../providers/model-prices.ts';
import type { AttemptResult } from './attempt-result.ts';
import { isFaultOfTarget } from './fault-of-target.ts';
import { isNamed, nameOf, type Target } from './plan.ts';
import { inDollars, inTokens } from './words.ts';

export type AffinitySettings = Config['routing']['affinity'];

/** Whether a conversation stays where it was. */
export interface Stay {
  /** Index, among the targets, of the one it stays with; null: it has none, or leaves it. */
  readonly index: number | null;
  /** Why it stays or leaves, and what that costs, in words; null where there is nothing to say. */
  readonly why: string | null;
}

/** Where homes outlive this process. A home is written `provider-id/model-id`. */
export interface KeptHomes {
  get(conversation: string): string | null;
  put(conversation: string, home: string): void;
}

/** Where a conversation was answered last. Unix times in ms. */
interface Home {
  /** `provider-id/model-id`. */
  readonly name: string;
  /** null: by an earlier process. */
  readonly target: Target | null;
  /** Since when. */
  readonly since: number;
  usedAt: number;
  /** Tokens of its prompt that the provider has in its cache, as far as it said. */
  cached: number;
}

const NOTHING: Stay = { index: null, why: null };
/** The ones that were silent for longest are forgotten. */
const MOST_CONVERSATIONS = 10_000;
const MOST_TARGETS = 2_000;
/** Strategies by which one target is preferred to the next, whoever was asked before. */
const ORDERED: ReadonlySet<Strategy> = new Set(['priority', 'cheapest']);

/** Where conversations are at home: their prompt cache is there, and the thinking that is bound to an account. */
export class Affinity {
  readonly #settings: () => AffinitySettings;
  readonly #now: () => number;
  readonly #kept: KeptHomes | null;
  readonly #startedAt: number;
  /** By conversation; the one that was used last is at the end. */
  readonly #homes = new Map<string, Home>();
  /** When targets last failed through a fault of their own. */
  readonly #failedAt = new Map<string, number>();
  /** Requests whose conversation was looked for. Of the others it is not known, and would cost a look into their bodies. */
  readonly #looked = new WeakSet<RoutingFacts>();

  /** @param now Unix time in ms. @param kept null: homes are forgotten with this process. */
  constructor(settings: () => AffinitySettings, now: () => number = Date.now, kept: KeptHomes | null = null) {
    this.#settings = settings;
    this.#now = now;
    this.#kept = kept;
    this.#startedAt = now();
  }

  /**
   * @param targets those that can be used now, as the strategy has ordered them.
   * @param unusable why others cannot, by `provider-id/model-id`.
   */
  stay(
    facts: RoutingFacts,
    strategy: Strategy,
    targets: readonly Target[],
    unusable: ReadonlyMap<string, string>,
  ): Stay {
    const settings = this.#settings();
    // Where there is no choice, nothing is left.
    if (!settings.enabled || targets.length + unusable.size < 2) return NOTHING;
    const { conversation } = facts;
    this.#looked.add(facts);
    const home = conversation === null ? null : this.#homeOf(conversation);
    if (home === null) return NOTHING;
    const idleMs = this.#now() - home.usedAt;
    if (idleMs > settings.idleMs && !facts.midTurn) return NOTHING;
    const index = targets.findIndex((target) => isNamed(target, home.name));
    const preferred = targets[0];
    if (preferred === undefined) return NOTHING;
    const cached = idleMs > settings.cacheMs ? 0 : home.cached;
    if (index === -1) {
      const why = unusable.get(home.name) ?? 'the rules do not lead there any more';
      return { index: null, why: `leaves ${home.name} (${why})${costOfLeaving(cached, home.target, preferred)}` };
    }
    if (index === 0)
      return { index, why: inCache(cached) === null ? null : `stays with ${home.name}: ${inCache(cached)}` };
    if (facts.midTurn) return { index, why: `stays with ${home.name}, which is in the middle of its turn` };
    if (!ORDERED.has(strategy)) return { index, why: `stays with ${home.name}${aside(inCache(cached))}` };
    const name = nameOf(preferred);
    if (idleMs > settings.cacheMs)
      return { index: null, why: `returns from ${home.name} to ${name}: its prompt cache is gone by now` };
    const wellMs = this.#now() - Math.max(home.since, this.#failedAt.get(name) ?? 0);
    if (wellMs >= settings.returnAfterMs) {
      const cost = costOfLeaving(cached, home.target, preferred);
      return { index: null, why: `returns from ${home.name} to ${name}, which has been well for a while${cost}` };
    }
    const seconds = Math.ceil((settings.returnAfterMs - wellMs) / 1000);
    return {
      index,
      why: `stays with ${home.name}${aside(inCache(cached))}; returns to ${name} when that has been well for ${seconds} s more`,
    };
  }

  /** An attempt has ended. */
  learn(facts: RoutingFacts, target: Target, { outcome, error, usage }: AttemptResult): void {
    const name = nameOf(target);
    if (outcome === 'failed' && error !== null && isFaultOfTarget(error)) {
      keep(this.#failedAt, name, this.#now(), MOST_TARGETS);
      return;
    }
    if (outcome !== 'answered' || !this.#looked.has(facts)) return;
    const { conversation } = facts;
    if (conversation === null) return;
    const before = this.#homeOf(conversation);
    const now = this.#now();
    const cached = usage === null ? null : usage.cacheRead + usage.cacheWrite;
    const home: Home =
      before?.name === name ? { ...before, target } : { name, target, since: now, usedAt: now, cached: 0 };
    home.usedAt = now;
    home.cached = cached ?? home.cached;
    keep(this.#homes, conversation, home, MOST_CONVERSATIONS);
    if (before?.name !== name) this.#kept?.put(conversation, name);
  }

  /** A provider is gone, or another has its id: of the one before, only the name of the home remains. */
  forget(provider: string): void {
    for (const name of this.#failedAt.keys()) if (name.startsWith(`${provider}/`)) this.#failedAt.delete(name);
    for (const [conversation, home] of this.#homes)
      if (home.target?.provider.id === provider) this.#homes.set(conversation, { ...home, target: null, cached: 0 });
  }

  /** Of a home from before the start it is not known how long it was silent: it is taken to have been used just then. */
  #homeOf(conversation: string): Home | null {
    const home = this.#homes.get(conversation);
    if (home !== undefined) return home;
    const name = this.#kept?.get(conversation) ?? null;
    return name === null ? null : { name, target: null, since: this.#startedAt, usedAt: this.#startedAt, cached: 0 };
  }
}

/** The newest is at the end, and the oldest goes. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

const inCache = (tokens: number): string | null =>
  tokens === 0 ? null : `${inTokens(tokens)} are in its prompt cache`;

const aside = (text: string | null): string => (text === null ? '' : `: ${text}`);

/** What is read anew at another target, and what that costs more than reading it from the cache would. */
function costOfLeaving(tokens: number, home: Target | null, next: Target): string {
  if (tokens === 0 || home === null) return '';
  const anew = `: ${inTokens(tokens)} that were in its prompt cache are read anew`;
  const [before, after] = [home.provider.priceOf(home.model), next.provider.priceOf(next.model)];
  if (before === null || after === null) return anew;
  const none = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 };
  const dollars = costOf(after, { ...none, input: tokens }) - costOf(before, { ...none, cacheRead: tokens });
  return dollars > 0 ? `${anew}, for about ${inDollars(dollars)} more` : anew;
}
