import type { CacheAlertReason, CacheAlertView } from '../../src-shared/cache-alert.ts';
import type { AttemptRow, RequestRow, TokenUsage } from '../../src-shared/requests.ts';
import type { EventBus } from '../pipeline/events.ts';

/** Less input says little: vendors cache nothing below one to four thousand tokens. */
const LEAST_INPUT = 4_000;
/** A turn with this part of its input from the cache is a good one. */
const GOOD_RATIO = 0.5;
/** So many good turns make a habit. */
const GOOD_TURNS = 3;
/** A turn below this part of the usual ratio is a low one. */
const LOW_PART = 1 / 3;
/** One low turn is a compacted conversation, or one that was taken up again. */
const LOW_TURNS = 2;
/** How much one turn moves the usual ratio. */
const MOVES = 0.3;

/**
 * How long a cache lives after its last use, in ms.
 * @see https://platform.claude.com/docs/en/build-with-claude/prompt-caching
 */
const CACHE_MS = 5 * 60_000;
const LONG_CACHE_MS = 60 * 60_000;

/** One line of turns that build on each other: agents of a session, and kinds of its requests, each have their own. */
interface Line {
  /** Good turns since the beginning, or since the last alert. */
  good: number;
  /** Usual ratio of good turns; means nothing before the first. */
  usual: number;
  last: Turn | null;
  low: { turns: Turn[]; reason: CacheAlertReason; text: string } | null;
}

interface Turn {
  target: Pick<AttemptRow, 'provider' | 'model' | 'key'>;
  /** Unix times in ms. */
  startedAt: number;
  endedAt: number;
  input: number;
  read: number;
  isLong: boolean;
}

export interface CacheAlertsOptions {
  bus: EventBus;
  /** Told of each as it arises. */
  onAlert: (alert: CacheAlertView) => void;
  /** Unix time in ms. */
  now?: () => number;
  /** Most lines of turns, and most alerts, that are remembered. */
  capacity?: { lines: number; alerts: number };
}

/** Watches how much of each session's input comes from the providers' caches, and tells when it drops for good. */
export class CacheAlerts {
  readonly #onAlert: CacheAlertsOptions['onAlert'];
  readonly #now: () => number;
  readonly #capacity: { lines: number; alerts: number };
  readonly #subscription: () => void;
  /** The one that was used last stands last. */
  readonly #lines = new Map<string, Line>();
  #newest: CacheAlertView[] = [];

  constructor({ bus, onAlert, now = Date.now, capacity = { lines: 1_000, alerts: 100 } }: CacheAlertsOptions) {
    this.#onAlert = onAlert;
    this.#now = now;
    this.#capacity = capacity;
    this.#subscription = bus.on('request.finished', (row) => this.#finished(row));
  }

  /** Newest first. */
  list(): CacheAlertView[] {
    return [...this.#newest];
  }

  close(): void {
    this.#subscription();
  }

  #finished(row: RequestRow): void {
    const { sessionId, agentId, replayOf } = row;
    // What is repeated for a look at it is no turn of the conversation.
    if (sessionId === null || replayOf !== null) return;
    const turn = turnOf(row);
    if (turn === null) return;
    const alert = takeTurn(this.#lineOf(`${sessionId} ${agentId ?? ''} ${row.class ?? ''}`), turn);
    if (alert === null) return;
    const { provider, model } = turn.target;
    const view = { at: this.#now(), session: sessionId, request: row.id, provider, model, ...alert };
    this.#newest = [view, ...this.#newest].slice(0, this.#capacity.alerts);
    this.#onAlert(view);
  }

  #lineOf(key: string): Line {
    const line = this.#lines.get(key) ?? { good: 0, usual: 0, last: null, low: null };
    this.#lines.delete(key);
    this.#lines.set(key, line);
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > this.#capacity.lines && oldest !== undefined) this.#lines.delete(oldest);
    return line;
  }
}

/** One line for the log. */
export function alertInWords({ session, before, after, text }: CacheAlertView): string {
  const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
  return `Session ${session}: ${percent(after)} of its input come from the cache, and ${percent(before)} did. ${text}`;
}

/** null: nothing can be said by it. */
function turnOf({ startedAt, attempts }: RequestRow): Turn | null {
  const attempt = attempts.at(-1);
  if (attempt === undefined || attempt.outcome !== 'answered' || attempt.usage === null) return null;
  const { usage, startedMs, endedMs } = attempt;
  const input = inputOf(usage);
  if (input < LEAST_INPUT) return null;
  return {
    target: attempt,
    startedAt: startedAt + startedMs,
    endedAt: startedAt + (endedMs ?? startedMs),
    input,
    read: usage.cacheRead,
    isLong: (usage.cacheWrite1h ?? 0) > 0,
  };
}

const inputOf = ({ input, cacheRead, cacheWrite }: TokenUsage): number => input + cacheRead + cacheWrite;

/** What a line's next turn shows; null: nothing to be alarmed about. */
function takeTurn(
  line: Line,
  turn: Turn,
): Pick<CacheAlertView, 'before' | 'after' | 'uncached' | 'reason' | 'text'> | null {
  const { last } = line;
  line.last = { ...turn, isLong: turn.isLong || (last?.isLong ?? false) };
  const ratio = turn.read / turn.input;
  if (ratio >= GOOD_RATIO) {
    line.usual = line.good === 0 ? ratio : line.usual + MOVES * (ratio - line.usual);
    line.good += 1;
  }
  if (last === null || line.good < GOOD_TURNS || ratio >= line.usual * LOW_PART) {
    line.low = null;
    return null;
  }
  // The first low turn is where it broke.
  const low = line.low ?? { turns: [], ...reasonOf(last, turn) };
  low.turns.push(turn);
  line.low = low;
  if (low.turns.length < LOW_TURNS) return null;
  const before = line.usual;
  // The next one has to be earned anew.
  line.good = 0;
  line.low = null;
  const input = low.turns.reduce((sum, one) => sum + one.input, 0);
  const read = low.turns.reduce((sum, one) => sum + one.read, 0);
  return { before, after: read / input, uncached: input - read, reason: low.reason, text: low.text };
}

function reasonOf(last: Turn, turn: Turn): { reason: CacheAlertReason; text: string } {
  const { provider, model, key } = turn.target;
  if (provider !== last.target.provider)
    return {
      reason: 'provider',
      text: `It went to ${provider} and no longer to ${last.target.provider}, whose cache is not the same. \`routing.affinity\` keeps conversations where they are.`,
    };
  if (model !== last.target.model)
    return {
      reason: 'model',
      text: `It went to ${model} and no longer to ${last.target.model}: each model has a cache of its own.`,
    };
  if (key !== last.target.key)
    return {
      reason: 'key',
      text: `It went out with key ${key ?? 'of its own'} and no longer with ${last.target.key ?? 'the one before'}: a cache belongs to the account behind a key.`,
    };
  const silenceMs = turn.startedAt - last.endedAt;
  const livesMs = last.isLong ? LONG_CACHE_MS : CACHE_MS;
  if (silenceMs > livesMs)
    return {
      reason: 'silence',
      text: `Nothing was asked for ${Math.round(silenceMs / 60_000)} minutes, and a cache lives ${livesMs / 60_000}.`,
    };
  return {
    reason: 'prefix',
    text: 'What the conversation begins with has most likely changed: its system prompt, its tools or earlier turns. Look for text that changes each time, such as a date, and for tools that come and go.',
  };
}
