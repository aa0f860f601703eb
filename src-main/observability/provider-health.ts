import type { HealthView, KeyView } from '../../src-shared/control.ts';
import type { ErrorCode, ErrorView } from '../../src-shared/errors.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import { MovingAverage, RecentAttempts } from './recent-attempts.ts';

/** What a probe has shown of a provider. */
export type ProbeReport =
  | { state: 'ready' }
  | { state: 'loading'; reason: string }
  | { state: 'failed'; error: ErrorView };

type State = Pick<HealthView, 'state' | 'reason'>;

/** For so long what was found counts while good answers go on coming. */
const SETTLED_FOR_MS = 250;
/** So many failures one after the other, without a good answer between them, and a provider is down. */
const DOWN_AFTER = 3;
/** Part of the recent attempts that must have failed for a provider to be degraded; it stays so down to the smaller part. */
const DEGRADED_FROM = 0.25;
const DEGRADED_TO = 0.1;
/** How many times as long as usual the first content must take, and how much longer in ms. */
const SLOW_FROM = 3;
const SLOW_TO = 2;
const SLOW_BY_MS = 2_000;
/** Answers that are shorter tell nothing of a speed. */
const FEWEST_TOKENS = 20;
const SHORTEST_MS = 250;

/** What is a provider's own fault whatever its status. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'provider_unreachable',
  'provider_redirected',
  'provider_silent',
  'provider_too_slow',
  'provider_slow',
  'provider_cut_stream',
  'provider_garbage',
  'provider_empty',
]);
const KEY_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'provider_key_missing',
  'provider_key_refused',
  'provider_keys_resting',
]);
const USABLE: ReadonlySet<KeyView['state']> = new Set(['ready', 'not-needed', 'from-client', 'reading']);

/** Whose fault an error is: the provider's, one of its key's, or neither's. */
function faultOf({ code, status }: ErrorView): 'own' | 'key' | null {
  if (OWN_FAULTS.has(code)) return 'own';
  if (KEY_FAULTS.has(code)) return 'key';
  if (code !== 'provider_error' && code !== 'provider_stream_error') return null;
  if (status === 402 || status === 429) return 'key';
  return status >= 500 || status === 408 ? 'own' : null;
}

/** How one provider does. All times are Unix times in ms. */
export class ProviderHealth {
  readonly #id: string;
  readonly #keys: () => readonly KeyView[];
  readonly #slowBelow: () => number;
  readonly #recent = new RecentAttempts();
  readonly #firstContentMs = new MovingAverage();
  readonly #totalMs = new MovingAverage();
  readonly #tokensPerSecond = new MovingAverage();
  #state: State = { state: 'unknown', reason: null };
  #since: number;
  #settledAt = 0;
  #checkedAt: number | null = null;
  #lastGood: number | null = null;
  /** Own failures since the last good answer or probe. */
  #failuresInARow = 0;
  #newestOwnFailure: ErrorView | null = null;
  /** The newest failure that no good answer has followed. */
  #lastFailure: { error: ErrorView; fault: 'own' | 'key' } | null = null;
  #probeFailure: ErrorView | null = null;
  #probeFailuresInARow = 0;
  #loading: string | null = null;
  /** Answers have come although a probe failed so: it says nothing of this server. */
  #misleading: ErrorCode | null = null;
  #oftenFails = false;
  #slow = false;
  #away = false;
  /** How it could not be reached, while this machine is offline: the address may be wrong all the same. */
  #awaySaid: string | null = null;
  /** The network is back, and nothing has been heard of it since. */
  #unheard = false;

  /** @param slowBelow tokens a second. */
  constructor(id: string, keys: () => readonly KeyView[], slowBelow: () => number, now: number) {
    this.#id = id;
    this.#slowBelow = slowBelow;
    this.#keys = keys;
    this.#since = now;
  }

  get lastGood(): number | null {
    return this.#lastGood;
  }

  answered(row: AttemptRow, timed: boolean, now: number): void {
    if (this.#probeFailure !== null && this.#probeFailure.code !== 'provider_unreachable')
      this.#misleading = this.#probeFailure.code;
    // What failed before belongs to a time that is over.
    if (this.#failuresInARow >= DOWN_AFTER) this.#recent.clear();
    this.#recent.add(false, now);
    this.#good(now);
    this.#lastFailure = null;
    if (timed) this.#measure(row);
    // Of one that is well, the next good answer says nothing new.
    if (this.#state.state !== 'healthy' || now - this.#settledAt > SETTLED_FOR_MS) this.#settle(now);
  }

  failed(error: ErrorView, now: number): void {
    const fault = faultOf(error);
    if (fault === null) return;
    this.#checkedAt = now;
    this.#unheard = false;
    if (fault === 'own') {
      this.#recent.add(true, now);
      this.#failuresInARow += 1;
      this.#newestOwnFailure = error;
      // The probe and the answers fail alike.
      this.#misleading = null;
    }
    this.#lastFailure = { error, fault };
    this.#settle(now);
  }

  probed(report: ProbeReport, now: number): void {
    switch (report.state) {
      case 'ready': {
        this.#misleading = null;
        // Where it fails at what it is asked for, that it is there proves little.
        const wasUnreachable = this.#lastFailure?.error.code === 'provider_unreachable';
        if (wasUnreachable) this.#recent.clear();
        if (wasUnreachable || this.#lastFailure?.fault === 'key' || this.#recent.counts(now).failures === 0)
          this.#lastFailure = null;
        this.#good(now);
        break;
      }
      case 'loading':
        this.#checkedAt = now;
        this.#unheard = false;
        this.#failuresInARow = 0;
        this.#probeFailure = null;
        this.#probeFailuresInARow = 0;
        this.#loading = report.reason;
        break;
      case 'failed':
        if (report.error.code === this.#misleading) return;
        this.#checkedAt = now;
        this.#unheard = false;
        this.#probeFailure = report.error;
        this.#probeFailuresInARow += 1;
        this.#loading = null;
    }
    this.#settle(now);
  }

  /** Whether it is elsewhere and this machine has no network. What could not be reached then says nothing of it. */
  setAway(away: boolean, now: number): void {
    if (away === this.#away) return;
    this.#away = away;
    this.#unheard = !away;
    this.#awaySaid = null;
    if (this.#probeFailure?.code === 'provider_unreachable') {
      this.#awaySaid = away ? this.#said(this.#probeFailure) : null;
      this.#probeFailure = null;
    }
    if (this.#lastFailure?.error.code === 'provider_unreachable') {
      this.#lastFailure = null;
      this.#failuresInARow = 0;
      this.#recent.clear();
    }
    this.#settle(now);
  }

  /**
   * Why it had better not be asked first, in words, by what is not a request's own experience; null where nothing speaks against
   * it. What asks nothing but requests could not find out that it is well again.
   */
  trouble(): string | null {
    if (this.#away) return 'this machine is offline';
    if (this.#probeFailure === null || this.#probeFailed(this.#probeFailure, this.#hasKey).state !== 'down')
      return null;
    return `it is down: it ${this.#said(this.#probeFailure)}`;
  }

  get #hasKey(): boolean {
    const keys = this.#keys();
    return keys.length === 0 || keys.some(({ state }) => USABLE.has(state));
  }

  view(now: number): HealthView {
    this.#settle(now);
    return {
      ...this.#state,
      since: this.#since,
      checkedAt: this.#checkedAt,
      ...this.#recent.counts(now),
      firstContentMs: rounded(this.#firstContentMs.value),
      totalMs: rounded(this.#totalMs.value),
      tokensPerSecond: rounded(this.#tokensPerSecond.value),
    };
  }

  #good(now: number): void {
    this.#checkedAt = now;
    this.#lastGood = now;
    this.#failuresInARow = 0;
    this.#probeFailure = null;
    this.#probeFailuresInARow = 0;
    this.#loading = null;
    this.#unheard = false;
  }

  #measure({ startedMs, firstContentMs, endedMs, usage }: AttemptRow): void {
    if (endedMs === null) return;
    this.#totalMs.add(endedMs - startedMs);
    if (firstContentMs === null) return;
    this.#firstContentMs.add(firstContentMs - startedMs);
    const ms = endedMs - firstContentMs;
    if (usage !== null && usage.output >= FEWEST_TOKENS && ms >= SHORTEST_MS)
      this.#tokensPerSecond.add(usage.output / (ms / 1000));
  }

  #settle(now: number): void {
    this.#settledAt = now;
    const next = this.#found(now);
    if (next.state !== this.#state.state) this.#since = now;
    this.#state = next;
  }

  #found(now: number): State {
    const { attempts, failures } = this.#recent.counts(now);
    this.#oftenFails = failures >= 2 && failures / attempts >= (this.#oftenFails ? DEGRADED_TO : DEGRADED_FROM);
    this.#slow = this.#isSlow();

    if (this.#away) {
      const said =
        this.#probeFailure?.code === 'provider_unreachable' ? this.#said(this.#probeFailure) : this.#awaySaid;
      return { state: 'unknown', reason: `This machine is offline.${said === null ? '' : ` It ${said}`}` };
    }
    if (this.#unheard) return { state: 'unknown', reason: 'The network is back; it has not been asked since.' };
    const keys = this.#keys();
    const unusable = keys.filter(({ state }) => !USABLE.has(state));
    const noKey = keys.length > 0 && unusable.length === keys.length;
    if (noKey && unusable.every(({ state }) => state !== 'cooling-down')) return down(keysInWords(keys, unusable));
    if (this.#probeFailure !== null) return this.#probeFailed(this.#probeFailure, unusable.length < keys.length);
    const last = this.#lastFailure;
    if (last !== null && this.#failuresInARow >= DOWN_AFTER)
      return down(`The last ${this.#failuresInARow} requests failed: it ${this.#said(last.error)}`);
    if (this.#loading !== null) return degraded(asSentence(this.#loading));
    if (unusable.length > 0) return degraded(keysInWords(keys, unusable));
    if (last !== null && (last.fault === 'key' || failures === attempts))
      return degraded(`Its last request failed: it ${this.#said(last.error)}`);
    if (this.#oftenFails)
      return degraded(
        `${failures} of the last ${attempts} requests failed${this.#newestOwnFailure === null ? '.' : `: it ${this.#said(this.#newestOwnFailure)}`}`,
      );
    const speed = this.#tokensPerSecond.value;
    if (speed !== null && speed < this.#slowBelow())
      return degraded(`It answers slowly: ${speed.toFixed(1)} tokens/s.`);
    if (this.#slow)
      return degraded(
        `It is slower than usual: ${seconds(this.#firstContentMs.value)} to the first content, mostly ${seconds(this.#firstContentMs.usual)}.`,
      );
    return this.#lastGood === null
      ? { state: 'unknown', reason: 'Nothing has been asked of it yet.' }
      : { state: 'healthy', reason: null };
  }

  /** A question that fails says less than one that is not answered at all; a limit that is reached does not mean down. */
  #probeFailed(error: ErrorView, hasKey: boolean): State {
    const said = `It ${this.#said(error)}`;
    if (error.code === 'provider_keys_resting' || error.status === 429) return degraded(said);
    const passes = error.code === 'provider_silent' || (error.code === 'provider_error' && error.status >= 500);
    if (passes && this.#probeFailuresInARow < DOWN_AFTER) return degraded(said);
    const ofOneKey =
      (error.code === 'provider_key_refused' || error.status === 402) && hasKey && this.#keys().length > 1;
    return ofOneKey ? degraded(said) : down(said);
  }

  /** Without its name, which stands beside it. */
  #said({ message }: ErrorView): string {
    const name = `Provider '${this.#id}' `;
    return message.startsWith(name) ? message.slice(name.length) : `says: ${message}`;
  }

  /** Against what is usual, which the newest answers have part in: what stays slow becomes usual. */
  #isSlow(): boolean {
    const { value, usual } = this.#firstContentMs;
    if (value === null || usual === null) return false;
    return value - usual > SLOW_BY_MS / (this.#slow ? 2 : 1) && value > usual * (this.#slow ? SLOW_TO : SLOW_FROM);
  }
}

const down = (reason: string): State => ({ state: 'down', reason });
const degraded = (reason: string): State => ({ state: 'degraded', reason });
const asSentence = (words: string): string => words.slice(0, 1).toUpperCase() + words.slice(1);
const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));
const seconds = (ms: number | null): string => `${((ms ?? 0) / 1000).toFixed(1)} s`;

const keyWords: Record<KeyView['state'], string> = {
  'not-needed': 'is not needed',
  'from-client': "is the client's",
  reading: 'is being read',
  ready: 'is ready',
  missing: 'is missing',
  'cooling-down': 'rests',
  exhausted: 'is spent',
  refused: 'was refused',
};

function keysInWords(keys: readonly KeyView[], unusable: readonly KeyView[]): string {
  const [only] = keys;
  if (keys.length === 1 && only !== undefined)
    return only.reason === null
      ? `Its key ${keyWords[only.state]}.`
      : only.state === 'missing'
        ? asSentence(only.reason)
        : `Its key ${only.reason}`;
  const each = unusable.map(({ id, state }) => `'${id}' ${keyWords[state]}`).join(', ');
  return unusable.length === keys.length
    ? `None of its keys can be used: ${each}.`
    : `${unusable.length} of ${keys.length} keys cannot be used: ${each}.`;
}
