import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ProxyError } from '../../src-shared/errors.ts';

const sessionCookieName = 'cproxy_session';

/** Times in ms. */
const idleMs = 12 * 60 * 60 * 1000;
const codeMs = 5 * 60 * 1000;
const attemptWindowMs = 60 * 1000;
/** Wrong codes a minute. With 30^8 codes, of which a handful are valid for 5 minutes, guessing is hopeless. */
const attemptsPerWindow = 5;
const maxCodes = 5;
const maxSessions = 32;

/** Without 0 and O, 1, I and L, U (looks like V). */
const codeAlphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 8;

/** Who may use the control API. */
export interface AdminSession {
  /** `cookie`: a browser, which sends its session along whoever made it ask. `secret`: the command line. */
  readonly via: 'cookie' | 'secret';
  /** Aborted when the session ends, for what still runs under it. */
  readonly ended: AbortSignal;
}

interface BrowserSession extends AdminSession {
  readonly digest: string;
  readonly controller: AbortController;
  usedAt: number;
}

export interface LoginCode {
  code: string;
  /** Unix time in ms. */
  expiresAt: number;
}

/** Admin sessions, in memory: they end with the process. Secrets, codes and cookies are kept as digests only. */
export class AdminSessions {
  readonly #secretDigest: Buffer;
  readonly #now: () => number;
  /** By digest, least recently used first. */
  readonly #sessions = new Map<string, BrowserSession>();
  readonly #codes: { digest: Buffer; expiresAt: number }[] = [];
  /** When wrong codes were tried. */
  #wrongAttempts: number[] = [];
  readonly #secretSession: AdminSession & { controller: AbortController };

  /** `secret`: what the 0600 lock file holds. */
  constructor(options: { secret: string; now?: () => number }) {
    if (options.secret.length < 32) throw new Error('The admin secret must have at least 32 characters.');
    this.#secretDigest = digestOf(options.secret);
    this.#now = options.now ?? Date.now;
    const controller = new AbortController();
    this.#secretSession = { via: 'secret', ended: controller.signal, controller };
  }

  /** A code for one login in a browser, to be typed by hand. The oldest of too many codes is dropped. */
  createLoginCode(): LoginCode {
    const code = Array.from({ length: codeLength }, () => codeAlphabet.charAt(randomInt(codeAlphabet.length))).join('');
    const expiresAt = this.#now() + codeMs;
    this.#codes.push({ digest: digestOf(code), expiresAt });
    while (this.#codes.length > maxCodes) this.#codes.shift();
    return { code, expiresAt };
  }

  /**
   * Takes a code (letter case, spaces and dashes do not matter) and gives the `set-cookie` value of a new session.
   * @throws ProxyError `wrong_login_code`; `too_many_login_attempts`, also for a right code, until a minute has passed.
   */
  login(typedCode: string): { setCookie: string } {
    const now = this.#now();
    this.#wrongAttempts = this.#wrongAttempts.filter((at) => at > now - attemptWindowMs);
    const oldest = this.#wrongAttempts[0];
    if (oldest !== undefined && this.#wrongAttempts.length >= attemptsPerWindow)
      throw ProxyError.of(
        'too_many_login_attempts',
        {},
        { retryAfter: Math.ceil((oldest + attemptWindowMs - now) / 1000) },
      );

    const digest = digestOf(typedCode.toUpperCase().replace(/[\s-]/g, ''));
    const place = this.#codes.findIndex((code) => timingSafeEqual(code.digest, digest));
    const [code] = place === -1 ? [] : this.#codes.splice(place, 1);
    if (code === undefined || code.expiresAt <= now) {
      this.#wrongAttempts.push(now);
      throw ProxyError.of('wrong_login_code', {});
    }

    const value = randomBytes(32).toString('base64url');
    this.#open(digestOf(value).toString('base64'), now);
    return { setCookie: `${sessionCookieName}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${idleMs / 1000}` };
  }

  /** The session that a request's `Authorization: Bearer` or cookie names; null for none. Counts as use of it. */
  authenticate(headers: IncomingHttpHeaders): AdminSession | null {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined && this.isSecret(bearer)) return this.#secretSession;
    const value = cookieValue(headers.cookie);
    if (value === null) return null;
    const session = this.#sessions.get(digestOf(value).toString('base64'));
    return session !== undefined && this.touch(session) ? session : null;
  }

  /** Whether it is what the lock file holds. */
  isSecret(presented: string): boolean {
    return timingSafeEqual(digestOf(presented), this.#secretDigest);
  }

  /** Counts as use of a session that has long been let in, such as an open WebSocket. False: it has ended. */
  touch(session: AdminSession): boolean {
    if (session.ended.aborted) return false;
    const known = this.#browserSession(session);
    if (known === null) return true;
    const now = this.#now();
    if (known.usedAt + idleMs <= now) {
      this.logout(known);
      return false;
    }
    known.usedAt = now;
    this.#sessions.delete(known.digest);
    this.#sessions.set(known.digest, known);
    return true;
  }

  /** Ends a browser's session. Gives the `set-cookie` value that makes the browser forget it. */
  logout(session: AdminSession): { setCookie: string } {
    const known = this.#browserSession(session);
    if (known !== null) {
      this.#sessions.delete(known.digest);
      known.controller.abort();
    }
    return { setCookie: `${sessionCookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0` };
  }

  /** Ends all sessions. */
  close(): void {
    this.#codes.length = 0;
    for (const session of this.#sessions.values()) session.controller.abort();
    this.#sessions.clear();
    this.#secretSession.controller.abort();
  }

  #open(digest: string, now: number): void {
    const controller = new AbortController();
    this.#sessions.set(digest, { via: 'cookie', ended: controller.signal, digest, controller, usedAt: now });
    for (const oldest of this.#sessions.values()) {
      if (this.#sessions.size <= maxSessions) break;
      this.logout(oldest);
    }
  }

  #browserSession(session: AdminSession): BrowserSession | null {
    for (const known of this.#sessions.values()) if (known === session) return known;
    return null;
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Cookies have no port: another server on this machine may have set some of its own. */
function cookieValue(header: string | undefined): string | null {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === sessionCookieName && value !== undefined && value !== '') return value;
  }
  return null;
}
