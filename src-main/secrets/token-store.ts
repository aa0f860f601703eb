import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { TokenView } from '../../src-shared/control.ts';
import { parseJson, writePrivateFile } from '../config/private-file.ts';

const fileSchema = z.object({
  version: z.literal(1),
  tokens: z.array(
    z.object({
      id: z.string().min(1),
      name: z.string(),
      /** Unix time in ms. */
      createdAt: z.number(),
      /** The same; null, or absent in files of before: until it is revoked. */
      expiresAt: z.number().nullable().default(null),
      /** SHA-256 of the token, hexadecimal. */
      digest: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

interface StoredToken {
  view: TokenView;
  digest: Buffer;
}

/**
 * The client tokens of one data folder, in `tokens.json` (0600), as digests: a token itself is known only to whom it was
 * shown once. A random token of 32 bytes needs no slow hash.
 */
export class TokenStore {
  readonly #file: string;
  #tokens: readonly StoredToken[];
  /** Changes are made one after the other. */
  #lastChange: Promise<unknown> = Promise.resolve();
  /** What was wrong with the file when it was opened. */
  readonly warnings: readonly string[];

  private constructor(file: string, tokens: readonly StoredToken[], warnings: readonly string[]) {
    this.#file = file;
    this.#tokens = tokens;
    this.warnings = warnings;
  }

  /**
   * Reads the file, which need not exist. One that cannot be understood is set aside under another name.
   * @throws the error of the file system where the file is there and cannot be read
   */
  static open(dataFolder: string): TokenStore {
    const file = path.join(dataFolder, 'tokens.json');
    const text = readIfThere(file);
    if (text === null) return new TokenStore(file, [], []);

    const read = fileSchema.safeParse(parseJson(text));
    if (!read.success) {
      const aside = `${file}.unreadable-${Date.now()}`;
      renameSync(file, aside);
      return new TokenStore(
        file,
        [],
        [`${file} could not be understood and was moved to ${aside}. Its client tokens no longer open this endpoint.`],
      );
    }
    const warnings = closeToOthers(file);
    const tokens = read.data.tokens.map(({ digest, ...view }) => ({ view, digest: Buffer.from(digest, 'hex') }));
    return new TokenStore(file, tokens, warnings);
  }

  /** Whether none opens anything. */
  get isEmpty(): boolean {
    return this.#tokens.every(({ view }) => isOver(view));
  }

  /** The token that was presented; null where it is none of ours, or is over. Takes as long whichever it is. */
  matches(presented: string): TokenView | null {
    const digest = digestOf(presented);
    let found: TokenView | null = null;
    for (const token of this.#tokens) if (timingSafeEqual(token.digest, digest)) found = token.view;
    return found !== null && isOver(found) ? null : found;
  }

  list(): TokenView[] {
    return this.#tokens.filter(({ view }) => !isOver(view)).map(({ view }) => ({ ...view }));
  }

  /**
   * Makes a token. This is the only time that it is given out.
   * @param lifetimeMs how long it opens anything; until it is revoked where absent.
   */
  create(name: string, lifetimeMs?: number): Promise<TokenView & { token: string }> {
    return this.#change(async () => {
      const token = `cpx_${randomBytes(32).toString('base64url')}`;
      const createdAt = Date.now();
      const expiresAt = lifetimeMs === undefined ? null : createdAt + lifetimeMs;
      const view: TokenView = { id: randomUUID().slice(0, 8), name, createdAt, expiresAt };
      const others = this.#tokens.filter((other) => !isOver(other.view));
      await this.#save([...others, { view, digest: digestOf(token) }]);
      return { ...view, token };
    });
  }

  /** @returns false where no token has that id */
  revoke(id: string): Promise<boolean> {
    return this.#change(async () => {
      const remaining = this.#tokens.filter((token) => token.view.id !== id);
      if (remaining.length === this.#tokens.length) return false;
      await this.#save(remaining);
      return true;
    });
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#lastChange.then(change);
    // A change that failed is reported to whom it belongs, and must not stop the next one.
    this.#lastChange = result.catch(() => undefined);
    return result;
  }

  /** What is not on disk is not in force: a token must not work now and be gone after a restart. */
  async #save(tokens: readonly StoredToken[]): Promise<void> {
    const stored = tokens.map(({ view, digest }) => ({ ...view, digest: digest.toString('hex') }));
    await writePrivateFile(this.#file, `${JSON.stringify({ version: 1, tokens: stored }, null, 2)}\n`);
    this.#tokens = tokens;
  }
}

const isOver = ({ expiresAt }: TokenView): boolean => expiresAt !== null && expiresAt <= Date.now();

function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function closeToOthers(file: string): string[] {
  if (process.platform === 'win32' || (statSync(file).mode & 0o077) === 0) return [];
  try {
    chmodSync(file, 0o600);
    return [];
  } catch (error) {
    return [`${file} can be read by other users and could not be closed to them: ${(error as Error).message}`];
  }
}
