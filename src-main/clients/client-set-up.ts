import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Folders } from '../config/folders.ts';
import { DocumentError, type DocumentFormat, type DocumentPath, type TextDocument } from '../documents/document.ts';
import { isEmptyContainer, isSection, valueAt } from '../documents/json-values.ts';
import { openDocument } from '../documents/open-document.ts';
import { readUserFile, removeUserFile, type UserFile, UserFileError, writeUserFile } from '../documents/user-file.ts';
import { lineOf, withLine, withoutLine } from './one-line.ts';
import { SetUpError } from './set-up-error.ts';
import { type OwnedPlace, type SetUpEntry, SetUpLedger } from './set-up-ledger.ts';
import { maskedDiff } from './shown-diff.ts';

/** One place of a client's file that a set-up writes. */
export interface SetUpChange {
  path: DocumentPath;
  value: unknown;
  /** Where the value is a text of several lines of which one is ours: what that line begins with. `value` is the line. */
  line?: string;
  /** Not to be shown to anyone. */
  secret?: boolean;
  /** What it is for, in a few words. */
  why: string;
}

export interface SetUpRequest {
  /** Id of the client. */
  client: string;
  format: DocumentFormat;
  /** Absolute. */
  file: string;
  changes: readonly SetUpChange[];
  endpoint: string;
  /** What the user asked for; remembered. */
  options: SetUpEntry['options'];
  /** The token that is in the changes, where there is one. */
  token: { id: string; value: string } | null;
  /** What was set up before, from the ledger. */
  earlier: SetUpEntry | null;
  /** Unix time in ms. */
  now: number;
}

/** A set-up that has been thought through: nothing has been written yet. */
export interface PreparedSetUp {
  read: UserFile;
  /** `same`: it is in place already. */
  state: 'new' | 'changed' | 'same';
  text: string;
  /** What would change in the file, with everything secret left out; '' where nothing would. */
  diff: string;
  /** What the ledger says while the file is being written: the old set-up and the new. */
  meanwhile: SetUpEntry;
  /** And then. */
  entry: SetUpEntry;
  earlier: SetUpEntry | null;
  /** Tokens of the earlier set-up that it does not need any more. */
  spentTokens: string[];
}

/** A place that was not taken back, because it is not as we have left it. */
export interface KeptPlace {
  path: DocumentPath;
  state: 'changed' | 'removed';
}

export interface PreparedUndo {
  entry: SetUpEntry;
  read: UserFile;
  /** null: the file is to be removed, or is gone already. */
  text: string | null;
  diff: string;
  kept: KeptPlace[];
}

/**
 * Reads a client's file and works out what a set-up makes of it. Run again, it keeps what the user had at first.
 * @throws UserFileError where the file cannot be read, SetUpError where it cannot be changed
 */
export async function prepareSetUp(request: SetUpRequest): Promise<PreparedSetUp> {
  const { client, format, file, changes, endpoint, options, token, earlier, now } = request;
  const read = await readUserFile(file);
  const base = earlier === null ? read.text : withoutSetUp(read.text, earlier).text;
  const baseValue = openUserFile(format, base, file).value;
  const former = earlier?.places ?? [];
  const dropped = former.filter((place) => !changes.some((change) => isSamePlace(place, change)));

  const current = openUserFile(format, read.text, file);
  const changed = inWords(file, () => {
    const document = dropped.reduce((next, place) => restored(next, place).document, current);
    const added = changes.reduce((next, { path, value, line }) => {
      const here = valueAt(next.value, path);
      return next.set(path, line === undefined ? value : withLine(here, line, String(value)));
    }, document);
    return earlier === null ? added : withoutEmptySections(added, earlier);
  });

  const places = changes.map(({ path, value, line }): OwnedPlace => {
    const before = valueAt(baseValue, path);
    return {
      path: [...path],
      line: line ?? null,
      before: before === undefined ? null : { value: before },
      ours: [value],
    };
  });
  const entry: SetUpEntry = {
    ...{ client, file, format, at: now, endpoint, options },
    tokens: token === null ? [] : [token],
    original: base,
    written: digestOf(changed.text),
    sections: missingSections(baseValue, changes),
    places,
  };
  const meanwhile: SetUpEntry = {
    ...entry,
    tokens: unique([...entry.tokens, ...(earlier?.tokens ?? [])]),
    sections: unique([...entry.sections, ...(earlier?.sections ?? [])]),
    places: [
      ...places.map((place) => {
        const old = former.find((other) => isSamePlace(other, place));
        return { ...place, ours: unique([...place.ours, ...(old?.ours ?? [])]) };
      }),
      ...dropped,
    ],
  };
  const isSame = earlier !== null && read.text === changed.text && isSameSetUp(entry, earlier);
  return {
    ...{ read, text: changed.text, entry, meanwhile, earlier },
    state: isSame ? 'same' : earlier === null ? 'new' : 'changed',
    diff: maskedDiff(
      { file, format },
      { before: read.text, after: changed.text },
      changes.filter(({ secret }) => secret === true).map(({ path }) => path),
    ),
    spentTokens: (earlier?.tokens ?? []).map(({ id }) => id).filter((id) => id !== token?.id),
  };
}

/**
 * Writes it: the ledger, the file, and the ledger again.
 * @throws UserFileError where the file cannot be written; then the ledger is as it was
 */
export async function commitSetUp(prepared: PreparedSetUp, ledger: SetUpLedger): Promise<void> {
  const { read, text, entry, meanwhile, earlier } = prepared;
  await ledger.exclusively(async () => {
    if (!isDeepStrictEqual(await ledger.find(entry.client, entry.file), earlier))
      throw new SetUpError(`${entry.file} was set up by another command just now. Nothing was changed. Try again.`);
    await ledger.put(meanwhile);
    try {
      if (read.text !== text) await writeUserFile(read, text);
    } catch (error) {
      await (earlier === null ? ledger.remove(entry) : ledger.put(earlier));
      throw error;
    }
    await ledger.put(entry);
  });
}

/**
 * Reads a client's file and works out what remains without a set-up: where a value is still ours, what was there before; what
 * the user has changed since stays.
 * @throws UserFileError where the file cannot be read, SetUpError where it cannot be changed
 */
export async function prepareUndo(entry: SetUpEntry): Promise<PreparedUndo> {
  const read = await readUserFile(entry.file);
  const { text, kept } = withoutSetUp(read.text, entry);
  const { file, format } = entry;
  const diff = maskedDiff({ file, format }, { before: read.text, after: text }, []);
  return { entry, read, text, diff, kept };
}

/** What a client's file says without a set-up. @throws UserFileError, SetUpError where the file cannot be read */
export async function settingsWithout(
  { file, format }: Pick<SetUpRequest, 'file' | 'format'>,
  earlier: SetUpEntry | null,
): Promise<unknown> {
  const { text } = await readUserFile(file);
  return openUserFile(format, earlier === null ? text : withoutSetUp(text, earlier).text, file).value;
}

/** Writes that. The ledger still has the set-up: it is to be forgotten once its tokens are revoked, too. */
export async function commitUndo({ read, text }: PreparedUndo): Promise<void> {
  if (text === null) {
    if (read.text !== null) await removeUserFile(read);
  } else if (text !== read.text) await writeUserFile(read, text);
}

/** How it stands with a set-up. */
export interface SetUpView {
  client: string;
  file: string;
  /** Unix time in ms. */
  at: number;
  /** `changed`: not all of it is as it was written. `missing`: nothing of it is there any more. */
  state: 'in place' | 'changed' | 'missing';
  /** Where it has the client go. */
  endpoint: string;
  tokenIds: string[];
}

/** The set-ups that were made and not taken back, as their files are now. @throws SetUpError where the ledger is broken */
export async function findSetUps(folders: Folders): Promise<SetUpView[]> {
  const entries = await new SetUpLedger(folders.data).list();
  return Promise.all(
    entries.map(async (entry) => {
      const { client, file, at, endpoint, tokens } = entry;
      return { client, file, at, endpoint, tokenIds: tokens.map(({ id }) => id), state: await stateOf(entry) };
    }),
  );
}

async function stateOf({ file, format, places }: SetUpEntry): Promise<SetUpView['state']> {
  let value: unknown;
  try {
    const { text } = await readUserFile(file);
    value = text === null ? {} : openUserFile(format, text, file).value;
  } catch (error) {
    // A file that cannot be read is for whoever wants to change it to report.
    if (error instanceof SetUpError || error instanceof UserFileError) return 'changed';
    throw error;
  }
  const there = places.filter((place) => isOurs(valueAt(value, place.path), place));
  return there.length === places.length ? 'in place' : there.length === 0 ? 'missing' : 'changed';
}

/** A text without what a set-up has put into it; null: no file. */
function withoutSetUp(text: string | null, entry: SetUpEntry): { text: string | null; kept: KeptPlace[] } {
  if (text === null) return { text: null, kept: [] };
  if (digestOf(text) === entry.written) return { text: entry.original, kept: [] };
  const { file, format, original, places } = entry;
  return inWords(file, () => {
    const kept: KeptPlace[] = [];
    let document = openUserFile(format, text, file);
    for (const place of places) {
      const step = restored(document, place);
      document = step.document;
      if (step.kept !== null) kept.push({ path: place.path, state: step.kept });
    }
    document = withoutEmptySections(document, entry);
    const isNothing =
      original === null && isEmptyContainer(document.value) && /^\uFEFF?\s*(\{\s*\})?\s*$/.test(document.text);
    return { text: isNothing ? null : document.text, kept };
  });
}

function restored(
  document: TextDocument,
  place: OwnedPlace,
): { document: TextDocument; kept: KeptPlace['state'] | null } {
  const { path, line, before } = place;
  const current = valueAt(document.value, path);
  if (isOurs(current, place)) {
    const value = line === null ? before?.value : withoutLine(String(current), line, before?.value);
    return { document: value === undefined ? document.remove(path) : document.set(path, value), kept: null };
  }
  const part = (whole: unknown): unknown => (line === null ? whole : lineOf(whole, line));
  if (isDeepStrictEqual(part(current), part(before?.value))) return { document, kept: null };
  return { document, kept: part(current) === undefined ? 'removed' : 'changed' };
}

function isOurs(current: unknown, { line, ours }: Pick<OwnedPlace, 'line' | 'ours'>): boolean {
  const part = line === null ? current : lineOf(current, line);
  return ours.some((value) => isDeepStrictEqual(part, value));
}

/** Sections that we made go when nothing is left in them: not even a comment of the user's. */
function withoutEmptySections(document: TextDocument, { sections, original, format, file }: SetUpEntry): TextDocument {
  const before = openUserFile(format, original, file).value;
  const inner = [...sections].sort((a, b) => b.length - a.length);
  return inner.reduce((current, path) => {
    const value = valueAt(current.value, path);
    if (!isSection(value) || !isEmptyContainer(value)) return current;
    const next = valueAt(before, path) === null ? current.set(path, null) : current.remove(path);
    return commentsIn(next.text) < commentsIn(current.text) ? current : next;
  }, document);
}

/** How often a comment begins, outside of strings. */
const commentsIn = (text: string): number =>
  text.replace(/"(?:[^"\\\n]|\\.)*"/g, '""').match(/\/\/|\/\*|#/g)?.length ?? 0;

function missingSections(value: unknown, changes: readonly SetUpChange[]): (string | number)[][] {
  const above = changes.flatMap(({ path }) => path.slice(1).map((_, index) => path.slice(0, index + 1)));
  return unique(above.filter((path) => (valueAt(value, path) ?? null) === null));
}

function openUserFile(format: DocumentFormat, text: string | null, file: string): TextDocument {
  return inWords(file, () => {
    const document = openDocument(format, text ?? '');
    if (!isSection(document.value)) throw new DocumentError('holds no settings but a single value or a list');
    return document;
  });
}

function inWords<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const place = error.line === null ? '' : `:${error.line}:${error.column ?? 1}`;
    throw new SetUpError(`${file}${place}: ${error.message}. Nothing was changed. Correct it and try again.`);
  }
}

const isSamePlace = (
  a: { path: DocumentPath; line?: string | null | undefined },
  b: { path: DocumentPath; line?: string | null | undefined },
): boolean => isDeepStrictEqual(a.path, b.path) && (a.line ?? null) === (b.line ?? null);

/** Whether they are the same set-up, made at whatever time and however it was asked for. */
const isSameSetUp = (a: SetUpEntry, b: SetUpEntry): boolean =>
  isDeepStrictEqual({ ...a, at: 0, options: {} }, { ...b, at: 0, options: {} });

/** Without what is there twice; the first of each stays. */
const unique = <T>(items: readonly T[]): T[] =>
  items.filter((item, index) => items.findIndex((other) => isDeepStrictEqual(other, item)) === index);

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
