import { describe, expect, it } from 'vitest';
import { AdminSessions } from '../../../src-main/control/admin-sessions.ts';

const minute = 60_000;
const hour = 60 * minute;

function setUp() {
  const clock = { now: 1_000_000 };
  const secret = 's'.repeat(43);
  const sessions = new AdminSessions({ secret, now: () => clock.now });
  const login = () => sessions.login(sessions.createLoginCode().code).setCookie.split(';')[0] ?? '';
  return { clock, secret, sessions, login };
}

const codeOf = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('the secret of the lock file', () => {
  it('opens as a bearer, and nothing like it does', () => {
    const { sessions, secret } = setUp();
    expect(sessions.authenticate({ authorization: `Bearer ${secret}` })?.via).toBe('secret');
    expect(sessions.authenticate({ authorization: `bearer ${secret}` })?.via).toBe('secret');
    for (const authorization of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      secret,
      `Basic ${secret}`,
      `Bearer ${secret}x`,
      `Bearer ${secret.slice(0, -1)}`,
      `Bearer x ${secret}`,
    ])
      expect(sessions.authenticate({ ...(authorization !== undefined && { authorization }) })).toBeNull();
    expect(sessions.authenticate({ 'x-api-key': secret, cookie: `cproxy_session=${secret}` })).toBeNull();
  });

  it('is refused where it is short', () => {
    expect(() => new AdminSessions({ secret: '' })).toThrow(/32 characters/);
  });
});

describe('login codes', () => {
  it('have eight characters that cannot be mistaken for others', () => {
    const { sessions } = setUp();
    for (let i = 0; i < 200; i += 1) expect(sessions.createLoginCode().code).toMatch(/^[2-9A-HJKMNP-TV-Z]{8}$/);
  });

  it('work once, however they are typed', () => {
    const { sessions } = setUp();
    const { code } = sessions.createLoginCode();
    const typed = ` ${code.slice(0, 4).toLowerCase()}-${code.slice(4)} `;
    expect(sessions.login(typed).setCookie).toMatch(/^cproxy_session=/);
    expect(codeOf(() => sessions.login(code))).toBe('wrong_login_code');
  });

  it('end after five minutes', () => {
    const { sessions, clock } = setUp();
    const { code, expiresAt } = sessions.createLoginCode();
    expect(expiresAt).toBe(clock.now + 5 * minute);
    clock.now = expiresAt - 1;
    expect(sessions.login(code).setCookie).toContain('cproxy_session=');
    const late = sessions.createLoginCode();
    clock.now = late.expiresAt;
    expect(codeOf(() => sessions.login(late.code))).toBe('wrong_login_code');
  });

  it('stop being taken after five wrong ones in a minute, and are taken again after it', () => {
    const { sessions, clock } = setUp();
    const { code } = sessions.createLoginCode();
    for (let i = 0; i < 5; i += 1) expect(codeOf(() => sessions.login('WRONGONE'))).toBe('wrong_login_code');
    clock.now += 10_000;
    expect(() => sessions.login(code)).toThrow(
      expect.objectContaining({ code: 'too_many_login_attempts', retryAfter: 50 }),
    );
    clock.now += 50_001;
    expect(sessions.login(code).setCookie).toContain('cproxy_session=');
  });

  it('are few: the oldest gives way', () => {
    const { sessions } = setUp();
    const codes = Array.from({ length: 6 }, () => sessions.createLoginCode().code);
    expect(codeOf(() => sessions.login(codes[0] ?? ''))).toBe('wrong_login_code');
    expect(sessions.login(codes[5] ?? '').setCookie).toContain('cproxy_session=');
  });
});

describe('browser sessions', () => {
  it('come as a cookie that no script and no other site can use', () => {
    const { sessions } = setUp();
    const { setCookie } = sessions.login(sessions.createLoginCode().code);
    expect(setCookie).toMatch(/^cproxy_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  });

  it('are found among other cookies', () => {
    const { sessions, login } = setUp();
    const cookie = login();
    expect(sessions.authenticate({ cookie: `theme=dark; ${cookie}; other=a=b` })?.via).toBe('cookie');
    expect(sessions.authenticate({ cookie: `x${cookie}` })).toBeNull();
    expect(sessions.authenticate({ cookie: 'cproxy_session=' })).toBeNull();
    expect(sessions.authenticate({ cookie: 'cproxy_session' })).toBeNull();
  });

  it('end twelve hours after their last use', () => {
    const { sessions, clock, login } = setUp();
    const cookie = login();
    clock.now += 11 * hour;
    const session = sessions.authenticate({ cookie });
    clock.now += 11 * hour;
    expect(sessions.authenticate({ cookie })).toBe(session);
    expect(session?.ended.aborted).toBe(false);
    clock.now += 12 * hour;
    expect(sessions.authenticate({ cookie })).toBeNull();
    expect(session?.ended.aborted).toBe(true);
  });

  it('end at logout, with what runs under them, and only the one', () => {
    const { sessions, login } = setUp();
    const [mine, other] = [login(), login()];
    const session = sessions.authenticate({ cookie: mine });
    if (session === null) throw new Error('no session');
    expect(sessions.logout(session).setCookie).toMatch(/^cproxy_session=; .*Max-Age=0$/);
    expect(session.ended.aborted).toBe(true);
    expect(sessions.touch(session)).toBe(false);
    expect(sessions.authenticate({ cookie: mine })).toBeNull();
    expect(sessions.authenticate({ cookie: other })).not.toBeNull();
  });

  it('are at most 32: the one unused for longest gives way', () => {
    const { sessions, login } = setUp();
    const cookies = Array.from({ length: 32 }, login);
    sessions.authenticate({ cookie: cookies[0] ?? '' });
    login();
    expect(sessions.authenticate({ cookie: cookies[0] ?? '' })).not.toBeNull();
    expect(sessions.authenticate({ cookie: cookies[1] ?? '' })).toBeNull();
  });

  it('all end when the engine does', () => {
    const { sessions, login, secret } = setUp();
    const cookie = login();
    const both = [sessions.authenticate({ cookie }), sessions.authenticate({ authorization: `Bearer ${secret}` })];
    const { code } = sessions.createLoginCode();
    sessions.close();
    expect(both.map((session) => session?.ended.aborted)).toEqual([true, true]);
    expect(sessions.authenticate({ cookie })).toBeNull();
    expect(codeOf(() => sessions.login(code))).toBe('wrong_login_code');
  });
});
