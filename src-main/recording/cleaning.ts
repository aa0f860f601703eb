import type { BodyView } from '../../src-shared/recording.ts';
import { DatabaseLink } from '../storage/database-link.ts';
import { workerFile } from '../storage/worker-file.ts';
import type { BodiesOptions, CleaningCalls, Secrets, StoredBodies } from './bodies-calls.ts';
import type { RequestBodies } from './request-bodies.ts';

/** How long the thread stays without work, in ms. */
const IDLE_MS = 30_000;
const CLOSE_MS = 1_000;

/** Cuts keys out of bodies in a thread that is there while somebody looks: a large one takes longer than requests may wait. */
export class Cleaning {
  readonly #secrets: () => Secrets;
  #link: DatabaseLink<CleaningCalls> | null = null;
  #working = 0;
  #idle: NodeJS.Timeout | null = null;

  /** @param secrets what is cut out, besides whatever looks like a key. */
  constructor(secrets: () => Secrets) {
    this.#secrets = secrets;
  }

  /** @throws DiskError where the thread has died */
  request(bodies: RequestBodies): Promise<StoredBodies> {
    return this.#work((link) => link.ask('clean', { bodies, secrets: this.#secrets() }));
  }

  /** @throws DiskError where the thread has died */
  bytes(bytes: Uint8Array): Promise<BodyView> {
    const body = { content: new Uint8Array(bytes), bytes: bytes.length };
    return this.#work((link) => link.ask('cleanBody', { body, secrets: this.#secrets() }));
  }

  async close(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const link = this.#link;
    this.#link = null;
    await link?.close(CLOSE_MS);
  }

  async #work<Result>(work: (link: DatabaseLink<CleaningCalls>) => Promise<Result>): Promise<Result> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#link ??= new DatabaseLink({
      worker: workerFile('bodies-worker', '../recording/'),
      workerData: { file: null } satisfies BodiesOptions,
      keeps: 'A thread',
      // Whoever asked is told.
      onWarning: () => undefined,
      now: Date.now,
    });
    this.#working += 1;
    try {
      return await work(this.#link);
    } finally {
      this.#working -= 1;
      if (this.#working === 0 && this.#link !== null) {
        this.#idle = setTimeout(() => void this.close(), IDLE_MS);
        this.#idle.unref();
      }
    }
  }
}
