import { isSection, valueAt, valueWith } from '../documents/json-values.ts';
import { openDocument } from '../documents/open-document.ts';
import type { SetUpChange } from './client-set-up.ts';
import { withLine } from './one-line.ts';
import { SetUpError } from './set-up-error.ts';

/**
 * The settings of one session of Claude Code, given with `--settings`: what the command line names wins over all files but an
 * organisation's, and over the shell. Of several `--settings` Claude Code takes the last alone (seen with 2.1.330), so the
 * user's own is read here and made one with ours.
 */

/** A user's arguments without their `--settings`, and its value; null where there is none. What stands behind `--` is no option. */
export function takeSettingsOption(args: readonly string[]): { args: string[]; settings: string | null } {
  const end = args.indexOf('--');
  const options = end === -1 ? args : args.slice(0, end);
  const kept: string[] = [];
  let settings: string | null = null;
  for (let index = 0; index < options.length; index += 1) {
    const word = options[index] ?? '';
    const next = options[index + 1];
    if (word.startsWith('--settings=')) settings = word.slice('--settings='.length);
    else if (word === '--settings' && next !== undefined) {
      settings = next;
      index += 1;
    } else kept.push(word);
  }
  return { args: [...kept, ...args.slice(options.length)], settings };
}

/**
 * What a `--settings` says: a file, or JSON itself.
 * @throws SetUpError
 */
export function readSettingsOption(value: string, readFile: (file: string) => string): Record<string, unknown> {
  const isText = value.trimStart().startsWith('{');
  try {
    const { value: settings } = openDocument('json', isText ? value : readFile(value));
    if (isSection(settings)) return settings;
  } catch (error) {
    throw new SetUpError(`--settings ${isText ? '' : value} cannot be read: ${(error as Error).message}`);
  }
  throw new SetUpError(`--settings ${isText ? '' : value} is no object of settings.`);
}

export interface SessionSettings {
  /** What the user's own `--settings` says. */
  own: Record<string, unknown>;
  /** What holds without that: of the user's settings file, and of the shell where that does not say. */
  outer: Record<string, unknown>;
  /** What a set-up would write. */
  changes: readonly SetUpChange[];
  /** Whether the user's own login is to be sent beside our token. */
  subscription: boolean;
}

/** The settings of the session: the user's, and over them ours. */
export function sessionSettings({ own, outer, changes, subscription }: SessionSettings): Record<string, unknown> {
  const written = [
    ...changes.filter(({ path }) => !isUsersChoice(path, own, outer)),
    ...without(subscription, own, outer),
  ];
  return written.reduce<Record<string, unknown>>((settings, { path, value, line }) => {
    const before = valueAt(own, path) ?? valueAt(outer, path);
    const next = valueWith(settings, path, line === undefined ? value : withLine(before, line, String(value)));
    return isSection(next) ? { ...next } : settings;
  }, own);
}

/** A set-up writes how much room there is; whoever has said so knows better. */
function isUsersChoice(path: SetUpChange['path'], ...settings: readonly Record<string, unknown>[]): boolean {
  return (
    path.join('.') === 'env.CLAUDE_CODE_MAX_CONTEXT_TOKENS' && settings.some((one) => valueAt(one, path) !== undefined)
  );
}

/** What would have Claude Code call another service, or send another credential than is meant. */
function without(subscription: boolean, ...settings: readonly Record<string, unknown>[]): SetUpChange[] {
  const off = (name: string, value: string, why: string): SetUpChange => ({ path: ['env', name], value, why });
  const isSet = (name: string): boolean => settings.some((one) => valueAt(one, ['env', name]) !== undefined);
  const isOurs = (name: string): boolean =>
    settings.some((one) => String(valueAt(one, ['env', name]) ?? '').startsWith('cpx_'));
  return [
    ...['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY']
      .filter(isSet)
      .map((name) => off(name, '0', 'it would call that service')),
    // A token of ours there would keep the login from being sent; without a login, the user's key has no business here.
    ...(subscription ? ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY'].filter(isOurs) : ['ANTHROPIC_API_KEY']).map(
      (name) => off(name, '', 'it would be sent beside'),
    ),
  ];
}
