import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { compileFolder, compileText } from '../../../src-main/routing/text-pattern.ts';
import type { TextPattern } from '../../../src-shared/rules.ts';

/** As it is defined, one character at a time: simple, and slow. */
function matchesGlob(glob: string, text: string): boolean {
  const [first, ...rest] = glob;
  const others = rest.join('');
  if (first === undefined) return text === '';
  if (first === '*') return matchesGlob(others, text) || (text !== '' && matchesGlob(glob, text.slice(1)));
  if (text === '') return false;
  return (first === '?' || first.toLowerCase() === text.charAt(0).toLowerCase()) && matchesGlob(others, text.slice(1));
}

describe('a text', () => {
  test.each<[TextPattern, string, boolean]>([
    ['claude-haiku-4-5', 'Claude-Haiku-4-5', true],
    ['claude-haiku-4-5', 'claude-haiku-4-5-20251001', false],
    ['claude-*', 'claude-haiku-4-5', true],
    ['*haiku*', 'claude-haiku-4-5', true],
    ['*haiku', 'claude-haiku-4-5', false],
    ['gpt-?', 'gpt-5', true],
    ['gpt-?', 'gpt-5.5', false],
    ['*', '', true],
    ['**', 'anything', true],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['[1m]', '[1m]', true],
    ['STRASSE-É', 'strasse-é', true],
    [['opus', '*sonnet*'], 'claude-sonnet-5-5', true],
    [['opus', 'haiku'], 'claude-sonnet-5-5', false],
    [{ regex: 'haiku|flash' }, 'gemini-flash-3', true],
    [{ regex: '^haiku' }, 'claude-haiku', false],
    [{ regex: 'haiku' }, 'HAIKU', false],
    [{ regex: '(?i)haiku' }, 'HAIKU', true],
  ])('%j against %j: %s', (pattern, text, expected) => {
    expect(compileText(pattern)(text)).toBe(expected);
  });

  it('matches a pattern as the definition says', () => {
    const globs = fc.string({ unit: fc.constantFrom('a', 'B', 'b', 'é', '*', '?'), minLength: 1, maxLength: 9 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'É', '*'), maxLength: 9 });
    fc.assert(
      fc.property(globs, texts, (glob, text) => {
        expect(compileText(glob)(text)).toBe(matchesGlob(glob, text));
      }),
      { numRuns: 3000 },
    );
  });

  it('and a pattern that are made to take long do not', () => {
    const text = 'a'.repeat(1_000_000);
    const patterns: TextPattern[] = [
      `${'*a'.repeat(499)}b`,
      `*${'a'.repeat(998)}b`,
      { regex: '(a+a+)+b' },
      { regex: '(.*a){20}b$' },
      { regex: '(a|a)*b' },
    ];
    for (const pattern of patterns) {
      const matches = compileText(pattern);
      // Some milliseconds; longer than a test may take, where every way is tried.
      expect(matches(text)).toBe(false);
    }
  });

  it('is looked at as far as 4,096 characters', () => {
    const long = `${'a'.repeat(4096)}b`;
    expect(compileText('*b')(long)).toBe(false);
    expect(compileText({ regex: 'b' })(long)).toBe(false);
    expect(compileText('a*')(long)).toBe(true);
    expect(compileText('*b')(long.slice(1))).toBe(true);
  });
});

describe('a folder', () => {
  test.each<[TextPattern, string, boolean]>([
    ['~/work', '/home/me/work', true],
    ['~/work', '/home/me/work/shop/src', true],
    ['~/work', '/home/me/workshop', false],
    ['~/work/', '/home/me/work', true],
    ['~', '/home/me/anything', true],
    ['~other/work', '/home/me/work', false],
    ['/', '/srv', true],
    ['/srv/*', '/srv/shop/api', true],
    ['/srv/*', '/srv', false],
    ['*/shop', '/home/me/work/shop', true],
    ['*/shop', '/home/me/work/shop/src', false],
    ['/srv/shop', '/srv/shop/', true],
    ['C:\\Work', 'c:\\work\\shop', true],
    ['C:/Work', 'c:\\work', true],
    [['/a', '~/b'], '/home/me/b/c', true],
    [{ regex: '/shop(/|$)' }, '/srv/shop/api', true],
  ])('%j against %j: %s', (pattern, folder, expected) => {
    expect(compileFolder(pattern, '/home/me')(folder)).toBe(expected);
  });

  it('below a home folder of Windows', () => {
    expect(compileFolder('~/work', 'C:\\Users\\me$&')('C:\\Users\\me$&\\work\\shop')).toBe(true);
  });
});
