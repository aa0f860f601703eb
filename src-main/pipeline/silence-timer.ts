/** So many steps is a silence timed in. */
const STEPS = 8;

/**
 * Times how long a provider has sent nothing. Stands still while we are the ones who do not read; and of a while in which this
 * process itself stood still (a busy machine, a laptop asleep) only one step counts: what arrived then is read first.
 */
export class SilenceTimer {
  readonly #onSilence: (ms: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #stepsLeft = STEPS;
  #ms: number;
  #ended = false;

  constructor(ms: number, onSilence: (ms: number) => void) {
    this.#ms = ms;
    this.#onSilence = onSilence;
    this.resume();
  }

  /** Something has arrived. */
  refresh(): void {
    this.#stepsLeft = STEPS;
    this.#timer?.refresh();
  }

  /** From now on another patience applies. */
  change(ms: number): void {
    this.#ms = ms;
    this.resume();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** For good: what resumes later, such as a slow reader, starts nothing. */
  end(): void {
    this.stop();
    this.#ended = true;
  }

  resume(): void {
    this.stop();
    if (this.#ended) return;
    this.#stepsLeft = STEPS;
    this.#timer = setTimeout(() => this.#step(), this.#ms / STEPS);
  }

  #step(): void {
    this.#stepsLeft -= 1;
    if (this.#stepsLeft > 0) this.#timer?.refresh();
    else this.#onSilence(this.#ms);
  }
}
