import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor, headerSecrets } from '../../../src-main/secrets/redact.ts';

const keyLetters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
const secret = fc.string({
  unit: fc.constantFrom(...keyLetters, ...'-_./+=$^*()[]{}|\\"'),
  minLength: 8,
  maxLength: 60,
});
const noise = fc.string({ maxLength: 40 });

describe('known secrets', () => {
  test('none survives, wherever it stands and however it is written', () => {
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(noise),
        fc.nat(),
        (secrets, noises, seed) => {
          const forms = secrets.flatMap((one) => [one, JSON.stringify({ key: one }), encodeURIComponent(one)]);
          const text = [...forms, ...noises]
            .sort((a, b) => ((a.length * seed) % 7) - ((b.length * seed) % 7))
            .join(' ');
          const clean = createRedactor(secrets)(text);
          // A secret may be part of the replacement itself, as `redacted` is.
          for (const one of secrets) expect(clean.replaceAll('[redacted]', '')).not.toContain(one);
        },
      ),
    );
  });

  test('of two, one beginning with the other, nothing is left', () => {
    expect(createRedactor(['abcdefgh', 'abcdefgh12345'])('x abcdefgh12345 y abcdefgh z')).toBe(
      'x [redacted] y [redacted] z',
    );
  });

  test('short ones are words', () => {
    expect(createRedactor(['none', 'ollama', ''])('ollama needs none')).toBe('ollama needs none');
  });
});

describe('of a header', () => {
  test('the credential is hidden also where it is repeated without its scheme', () => {
    const redact = createRedactor(headerSecrets('Basic dXNlcjpwYXNz'));
    expect(redact('got Basic dXNlcjpwYXNz')).toBe('got [redacted]');
    expect(redact('dXNlcjpwYXNz is wrong')).toBe('[redacted] is wrong');
    expect(headerSecrets('two words more')).toEqual(['two words more']);
  });
});

describe('what looks like a key', () => {
  const redact = createRedactor([]);
  const body = fc.string({ unit: fc.constantFrom(...keyLetters, '-', '_'), minLength: 24, maxLength: 80 });

  test.each([
    'sk-',
    'sk-ant-api03-',
    'sk-or-v1-',
    'sk-proj-',
    'AIza',
    'AQ.',
    'gsk_',
    'xai-',
    'cpx_',
    'Bearer ',
    'bearer  ',
  ])('%s…', (prefix) => {
    fc.assert(
      fc.property(body, fc.constantFrom('', ' ', '"', '=', ':', '(', '\n'), (canary, before) => {
        expect(redact(`key${before === '' ? ' ' : before}${prefix}${canary}" end`)).not.toContain(canary);
      }),
    );
  });

  test.each([
    'the task-management-system-of-ours',
    'risk-adjusted-returns-on-capital',
    'POST /v1/messages 200 claude-sonnet-5-5 in 1234 ms',
    'Send it as Authorization: Bearer or x-cproxy-token',
    'sk-…',
  ])('%s stays', (text) => {
    expect(redact(text)).toBe(text);
  });

  test('once redacted it stays as it is', () => {
    fc.assert(
      fc.property(body, noise, (canary, other) => {
        const once = redact(`Authorization: Bearer ${canary} sk-${canary} ${other}`);
        expect(redact(once)).toBe(once);
      }),
    );
  });

  test('long texts take no time', () => {
    const started = performance.now();
    for (const part of ['sk-', 'Bearer ', 'AIza', 'a', ' ']) redact(part.repeat(300_000));
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
