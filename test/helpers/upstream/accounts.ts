import type { UpstreamRequest } from './request.ts';
import type { Step } from './step.ts';

/** Headers that carry a credential, of whatever vendor. */
const credentialHeaders = [
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'proxy-authorization',
  'cookie',
  'x-cproxy-token',
];

/** The credentials that came with a request, by header, as they were sent. */
export function credentialsOf({ headers }: UpstreamRequest): Record<string, string> {
  return Object.fromEntries(
    credentialHeaders.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]];
    }),
  );
}

/** The key that came with a request; null where none did. */
export function keyOf(request: UpstreamRequest): string | null {
  const [value] = Object.values(credentialsOf(request));
  return value === undefined ? null : value.replace(/^Bearer /, '');
}

/** What a vendor has to say to each key. */
export class Accounts {
  readonly #fates = new Map<string, Step | null>();
  readonly #needed: boolean;
  readonly #refuse: (key: string | null) => Step;

  /** @param needed whether it serves nobody without a key. @param refuse its words to a key that it does not know. */
  constructor(needed: boolean, refuse: (key: string | null) => Step) {
    this.#needed = needed;
    this.#refuse = refuse;
  }

  /** Opens an account. @param fate what its requests of a model get instead of an answer. */
  set(key: string, fate: Step | null = null): void {
    this.#fates.set(key, fate);
  }

  /** Whether a request may ask at all; null: it may. */
  refusal(request: UpstreamRequest): Step | null {
    const key = keyOf(request);
    if (key === null ? !this.#needed : this.#fates.has(key)) return null;
    return this.#refuse(key);
  }

  /** What a request of a model gets instead of an answer; null: it is answered. */
  fate(request: UpstreamRequest): Step | null {
    return this.refusal(request) ?? this.#fates.get(keyOf(request) ?? '') ?? null;
  }
}
