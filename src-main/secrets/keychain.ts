import { z } from 'zod';
import { parseJson } from '../config/private-file.ts';
import { type SecretStore, type StoredKey, storeFailed } from './secret-store.ts';

/** What is used of `@napi-rs/keyring`. */
export interface KeyringModule {
  AsyncEntry: new (
    service: string,
    name: string,
    options: { linux: { store: 'secret-service' } },
  ) => {
    getPassword(): Promise<string | null>;
    setPassword(value: string): Promise<void>;
    deleteCredential(): Promise<boolean>;
  };
  findCredentialsAsync(service: string): Promise<{ account: string; password: string }[]>;
}

export interface KeychainOptions {
  platform?: NodeJS.Platform;
  load?: () => Promise<KeyringModule>;
  /** How long one call may take, an unlocking by its user included. */
  limitMs?: number;
  /** Unix time in ms. */
  now?: () => number;
}

const SERVICE = 'cproxy';
/** Nothing is ever kept for it: to look for it is to ask whether a keychain is there. */
const NOBODY = 'cproxy-nobody';
const LIMIT_MS = 30_000;
/** After a prompt was dismissed, requests do not open it again for so long. */
const QUIET_MS = 30_000;

const OTHERWISE =
  'Use env:NAME or file:PATH for the key, or write `secrets: { store: file }` to have keys kept in a file that is not encrypted.';

const entrySchema = z.object({ v: z.literal(1), key: z.string().min(1), origin: z.string().min(1) });

/**
 * The system's keychain: Keychain, Credential Manager or Secret Service. On Linux the Secret Service alone: the kernel's
 * keyring, which the library would fall back to, forgets all at the next start.
 */
export function openKeychain(options: KeychainOptions = {}): SecretStore {
  const { platform = process.platform, load = loadKeyring, limitMs = LIMIT_MS, now = Date.now } = options;
  /** One call at a time: each might open a prompt, and takes a thread. */
  let last: Promise<unknown> = Promise.resolve();
  /** A call has not come back, and may never. */
  let hangs = false;
  let quiet: { until: number; reason: Error } | null = null;
  let isThere = false;

  async function keyring(): Promise<KeyringModule> {
    const module = await load().catch((error: unknown) => {
      throw storeFailed(
        `The system's keychain cannot be used: its module does not load on this system (${platform}, ${process.arch}). ${OTHERWISE}`,
        error,
      );
    });
    // Entries connect to the bus when they are made, and the caller's thread waits for a keychain that is being started.
    if (platform === 'linux' && !isThere) {
      await module.findCredentialsAsync(NOBODY);
      isThere = true;
    }
    return module;
  }

  async function attempt<T>(action: (module: KeyringModule) => Promise<T>, forRequests: boolean): Promise<T> {
    if (hangs) throw storeFailed(STILL_WAITING);
    if (forRequests && quiet !== null && now() < quiet.until) throw quiet.reason;
    const running = keyring().then(action);
    try {
      const result = await withinLimit(running, limitMs);
      quiet = null;
      return result;
    } catch (error) {
      const reason = explained(error, platform);
      if (isLocked(error)) quiet = { until: now() + QUIET_MS, reason };
      if (error instanceof NoAnswer) {
        hangs = true;
        const over = (): void => {
          hangs = false;
        };
        running.then(over, over);
      }
      throw reason;
    }
  }

  /** @param forRequests requests wait for it: it opens no prompt where one has just been dismissed. */
  function call<T>(action: (module: KeyringModule) => Promise<T>, forRequests = false): Promise<T> {
    const result = last.then(() => attempt(action, forRequests));
    // Its failure belongs to its caller, and must not stop the next one.
    last = result.catch(() => undefined);
    return result;
  }

  const entry = ({ AsyncEntry }: KeyringModule, name: string) =>
    new AsyncEntry(SERVICE, name, { linux: { store: 'secret-service' } });

  return {
    place: "the system's keychain",
    encrypted: true,
    async get(name) {
      const value = await call((module) => entry(module, name).getPassword(), true);
      return value === null ? null : readEntry(name, value);
    },
    async set(name, { key, origin }) {
      await call((module) => entry(module, name).setPassword(JSON.stringify({ v: 1, key, origin })));
      return null;
    },
    remove: (name) => call((module) => entry(module, name).deleteCredential()),
    async list() {
      const found = await call((module) => module.findCredentialsAsync(SERVICE));
      return found
        .map(({ account, password }) => ({ name: account, origin: originIn(password) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

async function loadKeyring(): Promise<KeyringModule> {
  return await import('@napi-rs/keyring');
}

function readEntry(name: string, value: string): StoredKey {
  const read = entrySchema.safeParse(parseJson(value));
  if (!read.success)
    throw storeFailed(
      `The keychain's entry '${name}' was not made by \`cproxy keys set\`, so that it is not known which address it is for. Set it again with that.`,
    );
  return { key: read.data.key, origin: read.data.origin };
}

function originIn(value: string): string {
  const read = entrySchema.safeParse(parseJson(value));
  return read.success ? read.data.origin : 'unknown';
}

const STILL_WAITING =
  "The system's keychain does not answer; it may be waiting to be unlocked in a window of its own. Unlock it there.";

class NoAnswer extends Error {}

async function withinLimit<T>(running: Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new NoAnswer()), limitMs);
  // What comes after the limit, nobody waits for.
  running.catch(() => undefined);
  try {
    return await Promise.race([running, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function isLocked(error: unknown): boolean {
  return (
    error instanceof Error &&
    /locked|prompt was dismissed|interaction is not allowed|user canceled/i.test(error.message)
  );
}

/** The library has one error for all; its messages tell them apart. They hold no values. */
function explained(error: unknown, platform: NodeJS.Platform): Error {
  if (error instanceof NoAnswer) return storeFailed(STILL_WAITING);
  if (!(error instanceof Error)) return storeFailed(`The system's keychain failed: ${String(error)}`);
  if (error.name === 'ProxyError') return error;
  const { message } = error;
  if (isLocked(error))
    return storeFailed(
      `The system's keychain is locked, and nobody unlocked it. Unlock it (log in to the desktop, or open its program) and try again. ${OTHERWISE}`,
      error,
    );
  if (platform === 'linux' && /dbus|zbus|ServiceUnknown|no such file/i.test(message))
    return storeFailed(
      `There is no keychain here: no Secret Service (GNOME Keyring, KWallet, KeePassXC) runs in this session. ${OTHERWISE}`,
      error,
    );
  return storeFailed(`The system's keychain failed: ${message}`, error);
}
