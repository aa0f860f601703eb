import { hash } from 'node:crypto';
import { asDouble } from './exact-json.ts';
import { isObject } from './is-object.ts';
import { encodeToolName, unpackedToolId } from './tool-names.ts';

/** What of a tool use names the turn it belongs to. */
export interface KeyedUse {
  /** As canonical blocks have it (`decodeToolId`). */
  id: string;
  name: string;
  input: unknown;
}

/**
 * Names an answer by the tools it calls: by their ids, where these are random and so never come again. Some servers count their
 * calls, and some of these begin anew with each answer: there names and inputs belong to the key.
 *
 * It stays the same through what clients do to a call before they send it back. Claude Code rewrites past calls: it gives
 * defaults (`replace_all: false`), cuts blanks, drops a `cd` into its own folder and renames tools (seen in 2.1.330), which
 * only ids survive. Inputs are compared in one form: Go's clients sort their keys, some write an empty one as `""` or leave
 * it out. A counted call that was changed in its meaning gives another key.
 *
 * @param uses in the order of the answer.
 * @returns '' where there are none.
 */
export function turnKey(uses: readonly KeyedUse[]): string {
  if (uses.length === 0) return '';
  let text = '';
  for (const { id, name, input } of uses)
    text += isRandom(id, name) ? `${JSON.stringify(id)}\n` : `${JSON.stringify([id, name])}${inputKey(input)}\n`;
  return hash('sha256', text, 'base64url').slice(0, KEY_LENGTH);
}

/** Characters, of six bits each. */
const KEY_LENGTH = 22;
const JSON_START = /^\s*[{[]/;
/** Letters and digits without a break, as nobody counts: many, or in a mixture. */
const RANDOM = /(?=[a-z]*\d)[a-z\d]{16,}|(?=[a-z\d]*\d[a-z])[a-z\d]{8,}/i;

/** `toolu_01A09q90qw90lq917835lq9`, not `call_0` nor `functions.Bash:0`. @param name may be a part of the id, as the provider knows it. */
const isRandom = (id: string, name: string): boolean =>
  RANDOM.test(unpackedToolId(id).replace(encodeToolName(name), '').replace(name, '').replaceAll('-', ''));

/**
 * The input in one form: what a free-text tool is given (`{"input": "…"}`) and what is no JSON (`{"_raw": "…"}`) are texts, and
 * a text that is the JSON of an object is that object, whatever space there is in it.
 */
function inputKey(input: unknown): string {
  const text = textOf(input);
  if (text === null) return sortedJson(input ?? {});
  if (text.trim() === '') return '{}';
  return JSON_START.test(text) ? sortedJson(parsed(text)) : JSON.stringify(text);
}

function textOf(input: unknown): string | null {
  if (typeof input === 'string') return input;
  if (!isObject(input)) return null;
  const { input: free, _raw: raw } = input;
  const text = free ?? raw;
  return typeof text === 'string' && Object.keys(input).length === 1 ? text : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What a model wrote instead of JSON is compared as it is.
    return text;
  }
}

function sortedJson(value: unknown): string {
  try {
    return sorted(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // Nested beyond all measure: the call's id and name must do.
    return '';
  }
}

function sorted(written: unknown): string {
  // Large numbers as JavaScript's clients give them back.
  const value = asDouble(written);
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${sorted(value[key])}`).join()}}`;
}
