import { createRedactor } from './redact.ts';

/** Cuts secrets out of texts: those that it is told of, from then on and for ever, and whatever looks like a key. */
export class Redactor {
  readonly #secrets = new Set<string>();
  #redact = createRedactor([]);

  hide(secrets: Iterable<string>): void {
    const known = this.#secrets.size;
    for (const secret of secrets) this.#secrets.add(secret);
    if (this.#secrets.size > known) this.#redact = createRedactor(this.#secrets);
  }

  /** For a thread that cuts them out. */
  readonly known = (): readonly string[] => [...this.#secrets];

  /** To be passed around as a function. */
  readonly redact = (text: string): string => this.#redact(text);
}
