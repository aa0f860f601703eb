import { monitorEventLoopDelay } from 'node:perf_hooks';

const MINUTE_MS = 60_000;
/** How often it is looked, in ms: more often would keep the processor of an idle machine awake. */
const RESOLUTION_MS = 50;
const NO_DELAY = { p50: 0, p99: 0, max: 0 };

export type LoopDelayView = typeof NO_DELAY;

/** How late the event loop of this thread is, in ms, within the last minute or two. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #before: LoopDelayView = NO_DELAY;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#turn(), MINUTE_MS);
    this.#timer.unref();
  }

  /** The worse of this minute and the one before. */
  view(): LoopDelayView {
    const now = this.#now();
    return {
      p50: Math.max(now.p50, this.#before.p50),
      p99: Math.max(now.p99, this.#before.p99),
      max: Math.max(now.max, this.#before.max),
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #turn(): void {
    this.#before = this.#now();
    this.#histogram.reset();
  }

  /** The histogram has ns, and counts the time between two looks as well. */
  #now(): LoopDelayView {
    if (this.#histogram.count === 0) return NO_DELAY;
    const late = (ns: number): number => Math.max(0, Math.round((ns / 1e6 - RESOLUTION_MS) * 10) / 10);
    return {
      p50: late(this.#histogram.percentile(50)),
      p99: late(this.#histogram.percentile(99)),
      max: late(this.#histogram.max),
    };
  }
}
