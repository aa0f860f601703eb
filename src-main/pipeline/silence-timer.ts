/** Times how long a provider has sent nothing. Stands still while we are the ones who do not read. */
export class SilenceTimer {
  readonly #onSilence: (ms: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #ms: number;
  #ended = false;

  constructor(ms: number, onSilence: (ms: number) => void) {
    this.#ms = ms;
    this.#onSilence = onSilence;
    this.resume();
  }

  /** Something has arrived. */
  refresh(): void {
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
    this.#timer = setTimeout(() => this.#onSilence(this.#ms), this.#ms);
  }
}
