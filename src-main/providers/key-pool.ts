import { hash } from 'node:crypto';
import type { KeyStrategy } from '../../src-shared/config.ts';
import type { KeyView, RateLimitView } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { KeyQuestion, KeyState, ResolveKey } from '../../src-shared/keys.ts';
import type { KeyFault } from './key-fault.ts';
import { MinuteLimit, type Use } from './minute-limit.ts';
import { PeakEwma } from './peak-ewma.ts';
import { PerModel } from './per-model.ts';
import { rateLimitsIn } from './rate-limits.ts';
import type { ReceivedHeaders } from './received-headers.ts';

/** A key in use for one attempt. */
export type KeyLease =
  | { readonly kind: 'own'; readonly id: string; readonly value: string }
  /** The client's own login is sent. */
  | { readonly kind: 'client'; readonly id: string }
  | { readonly kind: 'none'; readonly id: string };

/** What decides which key an attempt gets. */
export interface KeyRequest {
  /** null: for a question that belongs to no model and costs nothing, so that own limits do not count it. */
  model: string | null;
  /** Names the conversation, which stays with one key; null where that makes no difference. */
  conversation: string | null;
  /** Ids of the keys that this request has been tried with. */
  tried: ReadonlySet<string>;
  /** No other target is left, so that a key is used before nothing is. */
  last: boolean;
  /** Estimate of what it reads. */
  tokens: number;
}

export interface KeyPoolOptions {
  /** Id of the provider. */
  provider: string;
  needsKey: boolean;
  entries: readonly {
    id: string;
    question: KeyQuestion;
    weight: number;
    requestsPerMinute: number | null;
    tokensPerMinute: number | null;
  }[];
  resolve: ResolveKey;
  /** For a request that no conversation binds to a key. Weighted where absent. */
  strategy?: KeyStrategy;
  /** Unix time in ms. */
  now?: () => number;
}

/** Why a key, or a key for one model, is not to be used, and until when. */
interface Rest {
  kind: KeyFault['kind'];
  since: number;
  until: number;
  message: string;
  /** What was given out since: only what comes of these says more than what began it. Requests run in parallel. */
  given: WeakSet<KeyLease>;
  /** What it rests next time where the provider does not say. */
  backoffMs: number;
}

interface Entry {
  readonly id: string;
  readonly question: KeyQuestion;
  readonly weight: number;
  readonly limit: MinuteLimit | null;
  reading: Promise<KeyState> | null;
  key: KeyState | null;
  /** The last that was there; to see that another has taken its place. */
  value: string | null;
  readAt: number;
  rest: Rest | null;
  readonly restOfModels: PerModel<Rest>;
  /** Where it stands in the order of use, where no conversation decides. */
  turn: number;
  /** Attempts that are under way with it. */
  underWay: number;
  /** Until the first content of an answer. */
  readonly firstContent: PeakEwma;
  headers: { of: ReceivedHeaders; at: number } | null;
  learned: readonly RateLimitView[];
}

/** So long a key rests where its provider does not say. */
const REFUSED_MS = 5 * 60_000;
const EXHAUSTED_MS = 10 * 60_000;
const FIRST_LIMITED_MS = 5_000;
const LONGEST_LIMITED_MS = 60_000;
/** A key that is missing may be there a moment later: a keychain is unlocked, a file is written. */
const READ_AGAIN_MS = 3_000;
/** Conversations whose key is remembered; the ones that were not used for longest are forgotten. */
const MOST_CONVERSATIONS = 10_000;
/** A clock that was set back further than this would make keys rest for hours. */
const CLOCK_SLACK_MS = 60_000;

/** A provider's keys: which of them a request gets, and what has become of each. */
export class KeyPool {
  readonly #provider: string;
  readonly #needsKey: boolean;
  readonly #resolve: ResolveKey;
  readonly #strategy: KeyStrategy;
  readonly #now: () => number;
  readonly #entries: readonly Entry[];
  /**
   * The keys that a conversation is with, by its name: a model's own, since caches and signatures are a model's, so that a limit
   * of one does not move the others. The one that was used last is at the end.
   */
  readonly #homes = new Map<string, PerModel<string>>();
  readonly #uses = new WeakMap<KeyLease, Use>();
  /** What attempts that are under way are made with. */
  readonly #underWay = new WeakSet<KeyLease>();
  /** The turn of the key that was used last; one that has rested does not catch up on what it missed. */
  #turn = 0;

  constructor({ provider, needsKey, entries, resolve, strategy = 'weighted', now = Date.now }: KeyPoolOptions) {
    this.#provider = provider;
    this.#needsKey = needsKey;
    this.#resolve = resolve;
    this.#strategy = strategy;
    this.#now = now;
    this.#entries = entries.map(({ id, question, weight, requestsPerMinute, tokensPerMinute }) => ({
      id,
      question,
      weight,
      limit:
        requestsPerMinute === null && tokensPerMinute === null
          ? null
          : new MinuteLimit(requestsPerMinute, tokensPerMinute),
      reading: null,
      key: null,
      value: null,
      readAt: 0,
      rest: null,
      restOfModels: new PerModel<Rest>(),
      turn: 0,
      underWay: 0,
      firstContent: new PeakEwma(),
      headers: null,
      learned: [],
    }));
  }

  /** How many keys there are; stickiness and rotation matter from two on. */
  get size(): number {
    return this.#entries.length;
  }

  /** Reads all keys, so that `views` tells of them. */
  async read(): Promise<void> {
    await Promise.all(this.#entries.map((entry) => this.#keyOf(entry)));
  }

  /** Keys have changed: they are read anew, and one that was refused or spent is tried again. A limit stays what it is. */
  refresh(): void {
    for (const entry of this.#entries) {
      entry.reading = null;
      entry.key = null;
      if (entry.rest?.kind !== 'limited') entry.rest = null;
    }
  }

  /**
   * The only key, where it is ready and there is nothing to decide, as for nearly every request; null where `choose` is to.
   */
  only(request: KeyRequest): KeyLease | null {
    const [entry, another] = this.#entries;
    if (entry === undefined || another !== undefined || entry.limit !== null || entry.key === null) return null;
    if (request.tried.size > 0 || !this.#isUsable(entry)) return null;
    const now = this.#now();
    return restOf(entry, request.model, now) === null ? this.#lease(entry, request, now) : null;
  }

  /**
   * The key of an attempt. A conversation stays with its key; one that rests is used only where nothing else is left, and own
   * limits of a key are never exceeded.
   *
   * @throws ProxyError `provider_key_missing` where none is there; `provider_keys_resting` where none may be used now.
   */
  async choose(request: KeyRequest): Promise<KeyLease> {
    if (this.#entries.length === 0) return { kind: 'none', id: 'key' };
    const untried = this.#entries.filter(({ id }) => !request.tried.has(id));
    const usable = await this.#usable(untried);
    if (usable.length === 0 && untried.length > 0)
      throw ProxyError.of('provider_key_missing', { provider: this.#provider, reason: reasonsOf(untried) });
    const now = this.#now();
    const ranked = this.#ranked(usable, request);
    const waits = ranked.map((entry) => ({
      entry,
      own: this.#ownWait(entry, request, now),
      rest: restOf(entry, request.model, now),
    }));
    const free = waits.filter(({ own }) => own === now);
    const ready = free.find(({ rest }) => rest === null);
    const soonest = request.last ? free.toSorted((a, b) => (a.rest?.until ?? 0) - (b.rest?.until ?? 0))[0] : undefined;
    const chosen = (ready ?? soonest)?.entry;
    if (chosen === undefined) throw this.#resting(waits, now);
    return this.#lease(chosen, request, now);
  }

  /** Whether another key than those that were tried could be used at once. */
  hasAnother({ model, tried, tokens }: KeyRequest): boolean {
    const now = this.#now();
    return this.#entries.some(
      (entry) =>
        !tried.has(entry.id) &&
        entry.key?.state !== 'missing' &&
        restOf(entry, model, now) === null &&
        (entry.limit === null || entry.limit.fitsAt(tokens, now) === now),
    );
  }

  /** Whether another key has taken the place of one that was refused. Waits where it is being read again. */
  async replaced(lease: KeyLease): Promise<boolean> {
    const entry = this.#entries.find(({ id }) => id === lease.id);
    if (entry === undefined || lease.kind === 'client') return false;
    const key = await this.#keyOf(entry);
    return key.state === 'present' && (lease.kind === 'none' || key.value !== lease.value);
  }

  /** Why a key is not to be used for a model now, and for how long; null where it is ready. */
  whyResting(id: string, model: string): string | null {
    const now = this.#now();
    const entry = this.#entries.find((one) => one.id === id);
    const rest = entry === undefined ? null : restOf(entry, model, now);
    return rest === null ? null : restInWords(rest, now);
  }

  /** Why none of the keys can be used for a model now, as far as they have been read; null where one can. */
  whyNoneReady(model: string): string | null {
    if (this.#entries.length === 0) return null;
    const now = this.#now();
    let soonest: Rest | null = null;
    for (const entry of this.#entries) {
      if (entry.key === null) return null;
      if (!this.#isUsable(entry)) continue;
      const rest = restOf(entry, model, now);
      if (rest === null) return null;
      if (soonest === null || rest.until < soonest.until) soonest = rest;
    }
    if (soonest === null) return 'no key is there';
    return `its key ${restInWords(soonest, now)}`;
  }

  /** What came of a call. `fault` null: the key was taken. `headers`: of the answer, for the limits that they tell. */
  report(
    lease: KeyLease,
    { model, fault, headers }: { model: string | null; fault: KeyFault | null; headers: ReceivedHeaders | null },
  ): void {
    const entry = this.#entries.find(({ id }) => id === lease.id);
    if (entry === undefined) return;
    // It was asked without a key and wants one, and there may be one by now: a keychain has been unlocked.
    if (lease.kind === 'none' && fault !== null) this.#readAgain(entry).catch(madeAgain);
    if (lease.kind !== 'own') return;
    // A refusal of the key before this one says nothing of this one.
    if (entry.key?.state === 'present' && entry.key.value !== lease.value) return;
    const now = this.#now();
    if (headers !== null) entry.headers = { of: headers, at: now };
    if (fault === null) {
      if (entry.rest?.given.has(lease)) entry.rest = null;
      if (model !== null && entry.restOfModels.get(model)?.given.has(lease)) entry.restOfModels.delete(model);
      return;
    }
    const { restOfModels } = entry;
    if (fault.scope === 'key' || model === null) entry.rest = restFor(fault, entry.rest, lease, now);
    else restOfModels.set(model, restFor(fault, restOfModels.get(model) ?? null, lease, now));
    // It may have been replaced where it is kept.
    if (fault.kind === 'refused') this.#readAgain(entry).catch(madeAgain);
  }

  /** The tokens that a call turned out to take. */
  used(lease: KeyLease, tokens: number): void {
    const use = this.#uses.get(lease);
    if (use !== undefined) use.tokens = tokens;
  }

  /** An attempt that was made with it has ended. @param firstContentMs null: it gave none. */
  ended(lease: KeyLease, firstContentMs: number | null): void {
    if (!this.#underWay.delete(lease)) return;
    const entry = this.#entries.find(({ id }) => id === lease.id);
    if (entry === undefined) return;
    entry.underWay -= 1;
    if (firstContentMs !== null) entry.firstContent.add(firstContentMs, this.#now());
  }

  /** What an account's own page says of its limits. */
  learn(lease: KeyLease, limits: readonly RateLimitView[]): void {
    const entry = this.#entries.find(({ id }) => id === lease.id);
    if (entry !== undefined) entry.learned = limits;
  }

  /** A lease of each key that is there, to be asked about. */
  async leases(): Promise<KeyLease[]> {
    await this.read();
    return this.#entries.filter((entry) => this.#isUsable(entry)).map((entry) => leaseOf(entry, null));
  }

  views(): KeyView[] {
    const now = this.#now();
    return this.#entries.map((entry) => this.#view(entry, now));
  }

  #goesWithout({ question }: Entry): boolean {
    return !this.#needsKey && question.reference === null;
  }

  #isUsable(entry: Entry): boolean {
    return entry.key !== null && (entry.key.state !== 'missing' || this.#goesWithout(entry));
  }

  /** Those of them that are there. Nobody waits for a key that is missing while there is another. */
  async #usable(entries: readonly Entry[]): Promise<readonly Entry[]> {
    // Whatever is read may have been forgotten again meanwhile.
    while (entries.some(({ key }) => key === null)) await Promise.all(entries.map((entry) => this.#keyOf(entry)));
    const usable = entries.filter((entry) => this.#isUsable(entry));
    if (usable.length === entries.length) return entries;
    const readings = Promise.all(
      entries.filter((entry) => !this.#isUsable(entry)).map((entry) => this.#readAgain(entry)),
    );
    if (usable.length > 0) {
      readings.catch(madeAgain);
      return usable;
    }
    await readings;
    return entries.filter((entry) => this.#isUsable(entry));
  }

  async #keyOf(entry: Entry): Promise<KeyState> {
    entry.reading ??= this.#resolve(entry.question);
    const { reading } = entry;
    let key: KeyState;
    try {
      key = await reading;
    } catch (error) {
      if (entry.reading === reading) entry.reading = null;
      throw error;
    }
    if (entry.reading !== reading || entry.key === key) return key;
    entry.key = key;
    entry.readAt = this.#now();
    if (key.state !== 'present') return key;
    if (entry.value !== null && entry.value !== key.value) {
      // Nothing of what was found out is about this one.
      entry.rest = null;
      entry.restOfModels.clear();
      entry.headers = null;
      entry.learned = [];
    }
    entry.value = key.value;
    return key;
  }

  async #readAgain(entry: Entry): Promise<void> {
    if (Math.abs(this.#now() - entry.readAt) >= READ_AGAIN_MS) {
      entry.readAt = this.#now();
      entry.reading = null;
    }
    // One that is under way already is waited for: of requests in parallel, each gets the key.
    await this.#keyOf(entry);
  }

  /** When an entry's own limits let it be used: now, later, or null for never. */
  #ownWait({ limit }: Entry, { model, tokens }: KeyRequest, now: number): number | null {
    return limit === null || model === null ? now : limit.fitsAt(tokens, now);
  }

  /** The conversation's key first, whatever the strategy; then the others as that has them. */
  #ranked(entries: readonly Entry[], { conversation, model }: KeyRequest): readonly Entry[] {
    if (entries.length < 2) return entries;
    const ranked = this.#byStrategy(entries, conversation);
    const home = conversation === null ? undefined : this.#homeOf(conversation, model);
    return home === undefined ? ranked : ranked.toSorted((a, b) => Number(b.id === home) - Number(a.id === home));
  }

  #byStrategy(entries: readonly Entry[], conversation: string | null): readonly Entry[] {
    switch (this.#strategy) {
      case 'priority':
        return entries;
      case 'round-robin':
        return entries.toSorted((a, b) => this.#turnOf(a) - this.#turnOf(b));
      case 'least-connections':
        return this.#leastFirst(entries, ({ underWay, weight }) => underWay / weight);
      case 'response-time': {
        const now = this.#now();
        return this.#leastFirst(entries, ({ firstContent, underWay }) => firstContent.load(underWay, now));
      }
      case 'weighted':
        // In an order that is always the same for a conversation, also after a restart.
        return conversation === null
          ? entries.toSorted((a, b) => this.#turnOf(a) - this.#turnOf(b))
          : this.#leastFirst(entries, (entry) => -scoreOf(entry, conversation));
    }
  }

  #leastFirst(entries: readonly Entry[], of: (entry: Entry) => number): readonly Entry[] {
    return entries
      .map((entry) => ({ entry, load: of(entry) }))
      .sort((a, b) => a.load - b.load || this.#turnOf(a.entry) - this.#turnOf(b.entry))
      .map(({ entry }) => entry);
  }

  /** Each is behind the one that was used last by its share at most. */
  #turnOf({ turn }: Entry): number {
    return Math.max(turn, this.#turn);
  }

  #lease(entry: Entry, { model, conversation, tokens }: KeyRequest, now: number): KeyLease {
    const lease = leaseOf(entry, model);
    if (this.#takesTurn(entry, conversation, model)) {
      this.#turn = this.#turnOf(entry);
      entry.turn = this.#turn + 1 / entry.weight;
    }
    if (model === null) return lease;
    entry.underWay += 1;
    this.#underWay.add(lease);
    if (entry.limit !== null) this.#uses.set(lease, entry.limit.use(tokens, now));
    if (conversation !== null && this.size > 1) this.#moveHome(conversation, model, entry);
    return lease;
  }

  /** Whether it was its strategy that chose a key, and not the conversation. */
  #takesTurn({ id }: Entry, conversation: string | null, model: string | null): boolean {
    if (conversation === null) return true;
    return this.#strategy !== 'weighted' && this.#homeOf(conversation, model) !== id;
  }

  /** The key of a conversation's model; of one that is new to it, and of none, the one that was used last. */
  #homeOf(conversation: string, model: string | null): string | undefined {
    const homes = this.#homes.get(conversation);
    if (homes === undefined) return undefined;
    return (model === null ? undefined : homes.get(model)) ?? [...homes.entries()].at(-1)?.[1];
  }

  #moveHome(conversation: string, model: string, { id }: Entry): void {
    const homes = this.#homes.get(conversation) ?? new PerModel<string>();
    homes.set(model, id);
    this.#homes.delete(conversation);
    this.#homes.set(conversation, homes);
    const [oldest] = this.#homes.keys();
    if (this.#homes.size > MOST_CONVERSATIONS && oldest !== undefined) this.#homes.delete(oldest);
  }

  #resting(waits: readonly { entry: Entry; own: number | null; rest: Rest | null }[], now: number): ProxyError {
    const reasons = waits.map(({ entry, own, rest }) => {
      const name = this.size > 1 ? `key '${entry.id}' ` : 'it ';
      if (rest !== null) return `${name}${restInWords(rest, now)}`;
      if (own === null) return `${name}may not be used for as many tokens in a minute as this request has`;
      return `${name}has reached the limit that the configuration sets, for ${inSeconds(own - now)}`;
    });
    const times = waits.flatMap(({ own, rest }) => (own === null ? [] : [Math.max(own, rest?.until ?? 0)]));
    const reason = reasons.length === 0 ? 'all have been tried' : reasons.join('; ');
    return ProxyError.of(
      'provider_keys_resting',
      { provider: this.#provider, reason: `${reason}.` },
      {
        retryable: times.length > 0,
        ...(times.length === 0 ? {} : { retryAfter: Math.max(1, Math.ceil((Math.min(...times) - now) / 1000)) }),
      },
    );
  }

  #view(entry: Entry, now: number): KeyView {
    const { id, question, key } = entry;
    const view = { id, reference: question.reference, until: null, reason: null, limits: [] };
    if (key === null) return { ...view, state: 'reading' };
    if (key.state === 'from-client') return { ...view, state: 'from-client' };
    if (key.state === 'missing')
      return this.#goesWithout(entry)
        ? { ...view, state: 'not-needed' }
        : { ...view, state: 'missing', reason: key.reason };
    const limits = [
      ...(entry.headers === null ? [] : rateLimitsIn(entry.headers.of, entry.headers.at)),
      ...entry.learned,
    ];
    const present = { ...view, reference: key.reference, limits };
    const rest = restOf(entry, null, now);
    if (rest !== null)
      return {
        ...present,
        state: STATES[rest.kind],
        until: rest.until,
        reason: this.#advice(rest, key.reference),
      };
    const models = [...entry.restOfModels.entries()].filter(([, of]) => isOn(of, now));
    const [first] = models.toSorted(([, a], [, b]) => a.until - b.until);
    if (first === undefined) return { ...present, state: 'ready', reason: key.warning };
    const limited = models.some(([, { kind }]) => kind === 'limited');
    const reason = models.map(([model, of]) => `for ${model} it ${causeInWords(of)}`).join('; ');
    return { ...present, state: limited ? 'cooling-down' : 'ready', until: first[1].until, reason };
  }

  #advice(rest: Rest, reference: string): string {
    const words = causeInWords(rest);
    if (rest.kind !== 'refused') return words;
    const [kind, name] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)];
    switch (kind) {
      case 'keychain': {
        const named = name === this.#provider ? '' : ` --name ${name}`;
        return `${words}. Set a new one with \`cproxy keys set ${this.#provider}${named}\``;
      }
      case 'env':
        return `${words}. Give the variable ${name} a new one and start CProxy again`;
      default:
        return `${words}. Put a new one into the file ${name}`;
    }
  }
}

const STATES: Readonly<Record<KeyFault['kind'], KeyView['state']>> = {
  refused: 'refused',
  forbidden: 'refused',
  exhausted: 'exhausted',
  limited: 'cooling-down',
};

function leaseOf(entry: Entry, model: string | null): KeyLease {
  const { id, key } = entry;
  if (key?.state !== 'present') return { kind: key?.state === 'from-client' ? 'client' : 'none', id };
  const lease: KeyLease = { kind: 'own', id, value: key.value };
  entry.rest?.given.add(lease);
  if (model !== null) entry.restOfModels.get(model)?.given.add(lease);
  return lease;
}

/** A reading that fails is made again by the next request that needs it, and fails that. */
const madeAgain = (): void => undefined;

const reasonsOf = (entries: readonly Entry[]): string =>
  entries.flatMap(({ key }) => (key?.state === 'missing' ? key.reason : [])).join(' ');

const isOn = ({ since, until }: Rest, now: number): boolean => now < until && now > since - CLOCK_SLACK_MS;

/** What keeps a key, or a key for a model, from being used now. */
function restOf({ rest, restOfModels }: Entry, model: string | null, now: number): Rest | null {
  if (rest !== null && isOn(rest, now)) return rest;
  const ofModel = model === null ? undefined : restOfModels.get(model);
  return ofModel !== undefined && isOn(ofModel, now) ? ofModel : null;
}

function restFor({ kind, until, message }: KeyFault, before: Rest | null, lease: KeyLease, now: number): Rest {
  const promised = before !== null && isOn(before, now) ? before.until : 0;
  const again = before?.kind === kind ? before : null;
  // One of many requests that ran when it began: they are told the same thing at the same time.
  if (again !== null && promised > 0 && !again.given.has(lease))
    return { ...again, until: Math.max(promised, until ?? 0) };
  const backoffMs = Math.min(LONGEST_LIMITED_MS, again?.backoffMs ?? FIRST_LIMITED_MS);
  const usual = { limited: backoffMs, refused: REFUSED_MS, forbidden: REFUSED_MS, exhausted: EXHAUSTED_MS }[kind];
  return {
    kind,
    since: now,
    until: until ?? Math.max(promised, now + usual),
    message,
    given: new WeakSet(),
    backoffMs: backoffMs * 2,
  };
}

/** Weighted rendezvous hashing: each key gets its part of the conversations, and each conversation an order of its own. */
function scoreOf({ id, weight }: Entry, conversation: string): number {
  const digest = Buffer.from(hash('sha256', `${conversation}\n${id}`, 'base64url').slice(0, 8), 'base64url');
  const part = (digest.readUIntBE(0, 6) + 1) / 2 ** 48;
  return -weight / Math.log(Math.min(part, 1 - 2 ** -48));
}

/** Why a key rests, without how long. */
function causeInWords({ kind, message }: Rest): string {
  const words = {
    refused: 'was refused',
    forbidden: 'is not allowed',
    exhausted: 'is spent',
    limited: 'is asked to wait',
  };
  return `${words[kind]} (${message})`;
}

const restInWords = (rest: Rest, now: number): string =>
  `${causeInWords(rest)}, and rests for ${inSeconds(rest.until - now)}`;

function inSeconds(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
