import { homedir } from 'node:os';
import type { TextPattern } from '../../src-shared/rules.ts';
import { compileExpression } from './regular-expression.ts';

export type TextTest = (text: string) => boolean;

/** What is looked at of a text, in characters. Names, paths and headers are shorter; a client may send what it likes. */
const LOOKED_AT = 4096;

const ANY_TEXT = -1;
const ANY_CHARACTER = '?'.charCodeAt(0);

/**
 * A text without regard to case, in which `*` stands for any characters and `?` for one; a list of such; or an expression.
 * Only the first 4,096 characters of a text count.
 * @throws Error where the expression is none
 */
export const compileText = (pattern: TextPattern): TextTest => compileAll(pattern, compileGlob);

/** The same for folders: `~` is the home folder, `\` is `/`, and without a wildcard, folders below are meant as well. */
export const compileFolder = (pattern: TextPattern, home: string = homedir()): TextTest =>
  compileAll(pattern, (glob) => compileFolderGlob(glob, home));

/** A pattern as it is shown to people. */
export function patternInWords(pattern: TextPattern): string {
  if (typeof pattern === 'string') return `'${pattern}'`;
  return Array.isArray(pattern) ? pattern.map((one) => `'${one}'`).join(' or ') : `/${pattern.regex}/`;
}

function compileAll(pattern: TextPattern, compileOne: (glob: string) => TextTest): TextTest {
  if (typeof pattern === 'string') return compileOne(pattern);
  if (Array.isArray(pattern)) {
    const tests = pattern.map((one) => compileOne(one));
    return (text) => {
      for (const test of tests) if (test(text)) return true;
      return false;
    };
  }
  const expression = compileExpression(pattern.regex);
  return (text) => expression.test(text.length > LOOKED_AT ? text.slice(0, LOOKED_AT) : text);
}

function compileFolderGlob(glob: string, home: string): TextTest {
  const path = glob.replace(/^~(?=$|[/\\])/, () => home).replaceAll('\\', '/');
  const folder = path.length > 1 ? path.replace(/\/+$/, '') : path;
  const is = compileGlob(folder, '\\');
  if (/[*?]/.test(glob)) return (text) => is(text) || (/.[/\\]$/.test(text) && is(text.slice(0, -1)));
  const isBelow = compileGlob(folder.endsWith('/') ? `${folder}*` : `${folder}/*`, '\\');
  return (text) => is(text) || isBelow(text);
}

/**
 * Goes back to the last `*` only, which is enough: what an earlier one could give, the last one can as well.
 * @param slash what a `/` may also be.
 */
function compileGlob(glob: string, slash = '/'): TextTest {
  const characters = glob.replace(/\*+/g, '*').split('');
  const { length } = characters;
  const stars = characters.filter((one) => one === '*').length;
  // Compared as they may be written: of the text, no copy is made.
  const lower = Int32Array.from(characters, (one) => (one === '*' ? ANY_TEXT : one.toLowerCase().charCodeAt(0)));
  const upper = Int32Array.from(characters, (one) => (one === '/' ? slash : one.toUpperCase()).charCodeAt(0));
  return (text) => {
    const end = Math.min(text.length, LOOKED_AT);
    if (stars === 0 ? end !== length : end < length - stars) return false;
    let at = 0;
    let next = 0;
    let star = -1;
    let taken = 0;
    while (at < end) {
      const part = lower[next];
      if (part === ANY_TEXT) {
        if (next === length - 1) return true;
        star = next;
        next += 1;
        taken = at;
        continue;
      }
      const code = text.charCodeAt(at);
      if (part === code || upper[next] === code || part === ANY_CHARACTER) {
        at += 1;
        next += 1;
      } else if (star !== -1) {
        next = star + 1;
        taken += 1;
        at = taken;
      } else return false;
    }
    if (lower[next] === ANY_TEXT) next += 1;
    return next === length;
  };
}
