import { type ErrorCode, type ErrorView, ProxyError } from '../../src-shared/errors.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import type { BaseProvider } from './base-provider.ts';
import { Turns } from './concurrency.ts';
import type { KeyLease } from './key-pool.ts';
import { isElsewhere, isNetworkFailure, networkAddresses } from './online.ts';

type Report = { state: 'ready' } | { state: 'loading'; reason: string } | { state: 'failed'; error: ErrorView };

export interface ProbeSettings {
  /** Between two probes of a provider, in ms. */
  intervalMs: number;
  timeoutMs: number;
}

export interface HealthProbesOptions extends ProbeSettings {
  providers: readonly BaseProvider[];
  report: (provider: string, report: Report) => void;
  onOnline: (online: boolean) => void;
  /** The machine has slept: connections that were open before are dead. */
  onWake: () => void;
  /** Told of what no provider does, which is a bug. */
  onError: (provider: string, error: unknown) => void;
  /** Removes secrets from what a provider says. */
  redact: (text: string) => string;
  /** Unix time in ms of a provider's last good answer or probe. */
  lastGood: (provider: string) => number | null;
  /** A line that changes with this machine's addresses; empty where it is in no network. */
  addresses?: () => string;
}

const AT_A_TIME = 4;
/** How often is looked what is due, in ms. */
const LOOK_MS = 5_000;
/** A look that comes so much later than it should: the machine has slept. */
const SLEPT_MS = 20_000;
/** Of one that fails again and again, in ms. */
const LONGEST_INTERVAL_MS = 5 * 60_000;
/** After requests that could not reach a provider, at most so often, in ms. */
const SUSPICION_MS = 5_000;
/** While this machine is offline, in ms. */
const OFFLINE_INTERVAL_MS = 15_000;

/** Errors that are answers. */
const ANSWERED: ReadonlySet<ErrorCode> = new Set(['provider_key_refused', 'provider_error']);

/** What another key may not meet. */
const isOfKey = ({ code, status }: ProxyError): boolean => code === 'provider_key_refused' || status === 402;

/** What stands in the error's own frame: its beginning and end say the same as the key's state. */
const vendorsWords = ({ message }: ProxyError): string => /\((HTTP \d+: .*)\)\. /s.exec(message)?.[1] ?? message;

interface Watched {
  readonly provider: BaseProvider;
  readonly elsewhere: boolean;
  /** Unix time in ms. */
  dueAt: number;
  probedAt: number;
  failuresInARow: number;
  /** The last probe failed for want of a network. */
  withoutNetwork: boolean;
  running: Promise<void> | null;
}

const newlyWatched = (provider: BaseProvider): Watched => ({
  provider,
  elsewhere: isElsewhere(provider.baseUrl),
  dueAt: 0,
  probedAt: 0,
  failuresInARow: 0,
  withoutNetwork: false,
  running: null,
});

/** Probes providers in the background: those that have given no good answer for a while, and all after the network changed. */
export class HealthProbes {
  readonly #options: HealthProbesOptions;
  #settings: ProbeSettings;
  #watched: readonly Watched[];
  readonly #turns = new Turns(AT_A_TIME);
  readonly #stop = new AbortController();
  readonly #addresses: () => string;
  #isStarted = false;
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = 0;
  #lastAddresses = '';
  #online = true;

  constructor(options: HealthProbesOptions) {
    this.#options = options;
    this.#addresses = options.addresses ?? networkAddresses;
    this.#settings = options;
    this.#watched = options.providers.map(newlyWatched);
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#begin();
  }

  /** Probes nobody any more of its own accord. */
  pause(): void {
    this.#isStarted = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** From now on these are the providers; those that were among them before are probed when it is their time. */
  follow(providers: readonly BaseProvider[], settings: ProbeSettings): void {
    const before = new Map(this.#watched.map((watched) => [watched.provider, watched]));
    const isOtherwise = settings.intervalMs !== this.#settings.intervalMs;
    this.#settings = settings;
    this.#watched = providers.map((provider) => before.get(provider) ?? newlyWatched(provider));
    const now = Date.now();
    if (isOtherwise)
      for (const watched of this.#watched) watched.dueAt = Math.min(watched.dueAt, now + settings.intervalMs);
    if (!this.#isStarted) return;
    if (this.#timer === null) {
      this.#begin();
      return;
    }
    this.#probeDue();
    if (!isOtherwise) return;
    clearTimeout(this.#timer);
    this.#lookedAt = now;
    this.#lookLater();
  }

  #begin(): void {
    if (this.#watched.length === 0) return;
    this.#lastAddresses = this.#addresses();
    this.#lookedAt = Date.now();
    this.#probeDue();
    this.#lookLater();
  }

  /**
   * Probes a provider, or all, now, and waits for what comes of it.
   * @throws ProxyError `invalid_field` for one that is not there or not enabled.
   */
  async probeNow(provider?: string): Promise<void> {
    const asked = this.#watched.filter(({ provider: { id } }) => provider === undefined || id === provider);
    if (provider !== undefined && asked.length === 0)
      throw ProxyError.of('invalid_field', {
        field: 'provider',
        expected: `there is no enabled provider '${provider}'`,
      });
    await Promise.all(asked.map((watched) => this.#probe(watched)));
  }

  /** A request's attempt has ended: what it shows of the network, and of a provider that is to be looked after at once. */
  attemptFinished({ provider: id, outcome, error }: AttemptRow): void {
    if (this.#timer === null) return;
    const watched = this.#watched.find(({ provider }) => provider.id === id);
    if (watched === undefined) return;
    if (outcome === 'answered') this.#reached(watched);
    const unreachable = outcome === 'failed' && error?.code === 'provider_unreachable';
    if (unreachable && Date.now() - watched.probedAt > SUSPICION_MS) this.#probe(watched);
  }

  async stop(): Promise<void> {
    this.pause();
    this.#stop.abort();
    await Promise.all(this.#watched.map(({ running }) => running));
  }

  #lookLater(): void {
    const ms = Math.min(LOOK_MS, Math.max(10, this.#settings.intervalMs / 4));
    this.#timer = setTimeout(() => {
      if (this.#stop.signal.aborted) return;
      this.#look(ms);
      this.#lookLater();
    }, ms).unref();
  }

  /** @param expectedMs since the last look. */
  #look(expectedMs: number): void {
    const now = Date.now();
    // Timers stand still while a machine sleeps, its clock does not.
    const slept = now - this.#lookedAt > expectedMs + SLEPT_MS;
    this.#lookedAt = now;
    const addresses = this.#addresses();
    const moved = addresses !== this.#lastAddresses;
    this.#lastAddresses = addresses;
    if (slept) this.#options.onWake();
    if (moved && addresses !== '') this.#setOnline(true);
    if (slept || moved)
      for (const watched of this.#watched)
        if (watched.elsewhere || slept) {
          watched.failuresInARow = 0;
          this.#probe(watched);
        }
    this.#probeDue();
  }

  #probeDue(): void {
    const now = Date.now();
    for (const watched of this.#watched) {
      if (watched.dueAt > now) continue;
      const goodUntil = (this.#options.lastGood(watched.provider.id) ?? 0) + this.#settings.intervalMs;
      if (goodUntil > now) watched.dueAt = goodUntil;
      else this.#probe(watched);
    }
  }

  /** One at a time for each provider; never rejects. */
  #probe(watched: Watched): Promise<void> {
    watched.running ??= this.#inTurn(watched).finally(() => {
      watched.running = null;
      watched.probedAt = Date.now();
      watched.dueAt = watched.probedAt + this.#waitOf(watched);
    });
    return watched.running;
  }

  async #inTurn(watched: Watched): Promise<void> {
    const stop = this.#stop.signal;
    const { id } = watched.provider;
    const endTurn = await this.#turns.take(stop, null).catch(() => null);
    // It was stopped while it waited.
    if (endTurn === null) return;
    try {
      const report = await this.#reportOf(watched);
      if (this.#isAwaited(watched)) this.#options.report(id, report);
    } catch (error) {
      if (this.#isAwaited(watched)) this.#options.onError(id, error);
    } finally {
      endTurn();
    }
  }

  /** Whether anybody wants to know: another provider may have taken its place, or its id. */
  #isAwaited(watched: Watched): boolean {
    return !this.#stop.signal.aborted && this.#watched.includes(watched);
  }

  /** Whether this machine is offline is decided first, so that nobody is called down for that. */
  async #reportOf(watched: Watched): Promise<Report> {
    try {
      const report = await this.#ask(watched.provider);
      this.#reached(watched);
      return report;
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      if (isOfKey(error)) this.#reached(watched);
      watched.failuresInARow += 1;
      watched.withoutNetwork = watched.elsewhere && isNetworkFailure(error);
      if (watched.withoutNetwork) this.#judgeNetwork();
      return { state: 'failed', error: { ...error.view(), message: this.#options.redact(error.message) } };
    }
  }

  #reached(watched: Watched): void {
    watched.failuresInARow = 0;
    watched.withoutNetwork = false;
    if (watched.elsewhere) this.#setOnline(true);
  }

  /** Offline: this machine is in no network, or several servers elsewhere are all out of reach. */
  #judgeNetwork(): void {
    const elsewhere = this.#watched.filter((watched) => watched.elsewhere);
    const hosts = new Set(elsewhere.map(({ provider }) => provider.baseUrl?.hostname));
    const allFail = hosts.size > 1 && elsewhere.every(({ withoutNetwork }) => withoutNetwork);
    if (allFail || this.#addresses() === '') this.#setOnline(false);
  }

  #setOnline(online: boolean): void {
    if (online === this.#online) return;
    this.#online = online;
    this.#options.onOnline(online);
    if (online) for (const watched of this.#watched) if (watched.elsewhere) watched.dueAt = 0;
  }

  /**
   * With the keys in use until one is taken; and with each that was refused, since it may have become valid.
   * @throws ProxyError
   */
  async #ask(provider: BaseProvider): Promise<Report> {
    const { keys } = provider;
    const leases = await keys.leases();
    // Without any, this says what is missing; or it needs none.
    if (leases.length === 0)
      leases.push(await keys.choose({ model: null, conversation: null, tried: new Set(), last: true, tokens: 0 }));
    const refused = new Set(keys.views().flatMap(({ id, state }) => (state === 'refused' ? [id] : [])));
    let found: Report | null = null;
    let refusal: ProxyError | null = null;
    for (const lease of leases.toSorted((a, b) => Number(refused.has(a.id)) - Number(refused.has(b.id)))) {
      if (found !== null && !refused.has(lease.id)) continue;
      try {
        found = await this.#askWith(provider, lease);
        if (refused.has(lease.id)) keys.report(lease, { model: null, fault: null, headers: {} });
      } catch (error) {
        if (!(error instanceof ProxyError) || !isOfKey(error)) throw error;
        refusal = error;
        // A key that may not list may be good for answers.
        if (error.status === 403) continue;
        const kind = error.status === 402 ? 'exhausted' : 'refused';
        const message = this.#options.redact(vendorsWords(error));
        keys.report(lease, { model: null, fault: { kind, scope: 'key', until: null, message }, headers: {} });
      }
    }
    if (found !== null) return found;
    throw refusal ?? new Error(`provider ${provider.id} was asked nothing`);
  }

  async #askWith(provider: BaseProvider, lease: KeyLease): Promise<Report> {
    const { timeoutMs } = this.#settings;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await provider.probe(lease, AbortSignal.any([this.#stop.signal, timeout]));
    } catch (error) {
      // The login comes with requests: whatever is answered without one, it is there.
      const isAnswer = error instanceof ProxyError && ANSWERED.has(error.code) && error.status < 500;
      if (isAnswer && lease.kind === 'client') return { state: 'ready' };
      if (timeout.aborted && !(error instanceof ProxyError))
        throw ProxyError.of('provider_silent', { provider: provider.id, ms: timeoutMs });
      throw error;
    }
  }

  #waitOf({ failuresInARow, elsewhere }: Watched): number {
    const { intervalMs } = this.#settings;
    const wait =
      elsewhere && !this.#online
        ? Math.min(intervalMs, OFFLINE_INTERVAL_MS)
        : Math.min(Math.max(intervalMs, LONGEST_INTERVAL_MS), intervalMs * 2 ** Math.max(0, failuresInARow - 3));
    // So that many providers, and many machines, do not ask at the same time.
    return wait * (0.9 + Math.random() * 0.2);
  }
}
