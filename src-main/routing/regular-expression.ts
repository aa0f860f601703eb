import { createRequire } from 'node:module';

/** Whether an expression is found anywhere in a text. */
export interface RegularExpression {
  test(text: string): boolean;
}

/** Loaded with the first expression: most rules have none, and it takes some milliseconds and megabytes. */
const library = (): typeof import('re2js') => createRequire(import.meta.url)('re2js');

/**
 * Compiles an expression in RE2's syntax, which needs time proportional to the text, whatever the expression.
 * https://github.com/google/re2/wiki/Syntax
 * @throws Error where it is none
 */
export function compileExpression(source: string): RegularExpression {
  const expression = library().RE2JS.compile(source);
  // Names of tools and models come again with every request, and to look takes many times longer than to remember.
  const known = new Map<string, boolean>();
  return {
    test(text) {
      const before = known.get(text);
      if (before !== undefined) return before;
      const found = expression.test(text);
      if (text.length > LONGEST_KNOWN) return found;
      if (known.size === MOST_KNOWN) known.clear();
      known.set(text, found);
      return found;
    },
  };
}

/** In characters. */
const LONGEST_KNOWN = 200;
const MOST_KNOWN = 200;

/** What is wrong with an expression, in words; null where nothing is. */
export function problemOfExpression(source: string): string | null {
  const { RE2JS, RE2JSException } = library();
  try {
    RE2JS.compile(source);
    return null;
  } catch (error) {
    if (error instanceof RE2JSException) return error.message.replace('error parsing regexp: ', '');
    throw error;
  }
}
