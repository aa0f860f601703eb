import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import type {
  ConfigConflictView,
  ConfigFileView,
  ConfigSavedView,
  ConfigStateView,
  ConfigVersionView,
} from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { DocumentError } from '../documents/document.ts';
import { layChanges, mergeTexts } from '../documents/merge-texts.ts';
import { openDocument } from '../documents/open-document.ts';
import type { Change, Conflict } from '../documents/three-way.ts';
import {
  FileChangedError,
  readUserFile,
  removeUserFile,
  type UserFile,
  UserFileError,
  writeUserFile,
} from '../documents/user-file.ts';
import { ConfigError, formatProblem } from './config-error.ts';
import type { Folders } from './folders.ts';
import { type KeptVersion, KeptVersions, viewVersion } from './kept-versions.ts';
import { findConfigFile, type LoadedConfig, loadConfig, usualFiles } from './load-config.ts';
import { formatPath } from './schema-shape.ts';
import { versionOfConfig } from './schema-versions.ts';
import { WatchedFiles } from './watched-files.ts';

/** A text that stands for what a file holds. */
export interface EditedFile {
  file: string;
  text: string;
}

export interface ConfigManagerOptions {
  /** What is in force. */
  loaded: LoadedConfig;
  /** Loads it again, with a text in the place of the file's where one is given; null where it is to stay. @throws ConfigError */
  load: ((edited?: EditedFile) => Promise<LoadedConfig>) | null;
  folders: Folders;
  env: NodeJS.ProcessEnv;
  /**
   * Puts a configuration in force, as a whole or not at all.
   * @returns what of it takes effect with the next start only, in words.
   * @throws Error, with a message for the user, where nothing could be changed
   */
  apply: (loaded: LoadedConfig) => Promise<string[]>;
  log: {
    info(message: string, fields?: Record<string, unknown>): void;
    warn(message: string, fields?: Record<string, unknown>): void;
  };
}

/** How long a file that cannot be used may be one that is being written, in ms. */
const HALF_WRITTEN_MS = 150;
/** How long others may be quicker, again and again, before we give up, in ms. */
const OUTRUN_MS = 10_000;
/** So many texts that editors may come back with a change to: those that were given out, or in force. */
const REMEMBERED_TEXTS = 20;

/** The configuration in force and the file that it comes from: reads it again when it changes, writes it, keeps what was. */
export class ConfigManager {
  readonly #options: ConfigManagerOptions;
  readonly #kept: KeptVersions;
  readonly #texts = new Map<string, string>();
  #loaded: LoadedConfig;
  #state: ConfigStateView;
  /** Whether the file gives its text once only. */
  readonly #isReadOnce: boolean;
  /** What the files held when they were last read because they had changed. */
  #seen: string;
  #watched: WatchedFiles | null = null;
  /** What they held when it could not be used, and may not have been all. */
  #doubted: string | null = null;
  #retry: NodeJS.Timeout | null = null;
  #isLookDue = false;
  #isClosed = false;
  /** Changes are made one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigManagerOptions) {
    this.#options = options;
    this.#kept = new KeptVersions(options.folders.data);
    this.#loaded = options.loaded;
    this.#state = stateOf(options.loaded);
    this.#isReadOnce = isReadOnce(options.loaded.file);
    this.#seen = JSON.stringify([]);
    this.#remember(options.loaded.text);
  }

  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  get state(): ConfigStateView {
    return this.#state;
  }

  /** Reads the file again, and puts it in force where it is valid. Never rejects: what is wrong is in the state. */
  reload(): Promise<ConfigStateView> {
    return this.#enqueue(() => this.#reload());
  }

  /** Begins to watch the file, or the places where one may be made. */
  async watch(): Promise<void> {
    if (this.#options.load === null || this.#watched !== null || this.#isClosed || this.#isReadOnce) return;
    const onError = (error: unknown) =>
      this.#options.log.warn(
        `The configuration file cannot be watched, so it is looked at now and then: ${messageOf(error)}`,
      );
    this.#watched = new WatchedFiles(this.#candidates(), () => this.#lookSoon(), onError);
    await this.#watched.start();
    // What has happened since it was loaded.
    await this.#enqueue(() => this.#look());
  }

  /** Watches no more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#watched?.close();
    await this.#last;
  }

  /** The file as it stands, or as it would be made. @throws ProxyError where it cannot be read */
  async file(): Promise<ConfigFileView> {
    return this.#view(await this.#read());
  }

  /** What would be wrong with a text, and what is worth knowing. Writes nothing. */
  async check(text: string): Promise<{ problems: string[]; warnings: string[] }> {
    const result = await this.#tryOut(text);
    return Array.isArray(result) ? { problems: result, warnings: [] } : { problems: [], warnings: result.warnings };
  }

  /** Replaces the text that was read as `base`. What others have changed since is merged, or a conflict. */
  save({ text, base }: { text: string; base: string }): Promise<ConfigSavedView> {
    return this.#enqueue(() => this.#save(base, () => text, BY_US));
  }

  /** Changes single places of the text that was read as `base`, and leaves everything else as it is written. */
  edit({ changes, base }: { changes: readonly Change[]; base: string }): Promise<ConfigSavedView> {
    const edited = (text: string) => {
      const document = openDocument(formatOf(this.#place), text);
      if (versionOfConfig(document.value) === 0)
        throw new DocumentError('is written in an old form; `cproxy config migrate --write` comes first');
      return layChanges(document, changes).text;
    };
    return this.#enqueue(() => this.#save(base, edited, BY_US));
  }

  /** Newest first. */
  async versions(): Promise<ConfigVersionView[]> {
    return (await this.#kept.list(this.#place)).map(viewVersion);
  }

  /** @throws ProxyError `invalid_field` where there is no such version. */
  async version(id: string): Promise<{ id: string; text: string }> {
    const { text } = await this.#versionOf(id);
    return { id, text };
  }

  /**
   * Brings a version back, the newest where none is named; what is replaced by it becomes one.
   * @throws ProxyError `invalid_field` where there is no such version.
   */
  rollback(id: string | undefined): Promise<ConfigSavedView> {
    return this.#enqueue(async () => {
      const { text } = await this.#versionOf(id);
      const { text: current } = await this.#read();
      return this.#save(current === null ? '' : versionOf(current), () => text, 'a rollback');
    });
  }

  async #versionOf(id: string | undefined): Promise<KeptVersion> {
    const versions = await this.#kept.list(this.#place);
    const version = id === undefined ? versions[0] : versions.find((one) => one.id === id);
    if (version !== undefined) return version;
    const expected = id === undefined ? 'there is no earlier version' : `there is no version '${id}'`;
    throw ProxyError.of('invalid_field', { field: 'id', expected });
  }

  #enqueue<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Where the file is, or would be made. */
  get #place(): string {
    const { env, folders } = this.#options;
    return this.#loaded.file ?? findConfigFile({ env, folders }).file ?? path.join(folders.config, 'config.yaml');
  }

  /** Files that could be loaded. */
  #candidates(): string[] {
    const usual = usualFiles(this.#options.folders);
    const { file } = this.#loaded;
    return file === null || usual.includes(file) ? usual : [file];
  }

  /** @throws UserFileError where it cannot be read */
  async #current(): Promise<UserFile> {
    const file = this.#place;
    if (this.#isReadOnce)
      throw new UserFileError(`${file} can be read only once, and has been. What it said stays until the next start.`);
    return readUserFile(file);
  }

  async #read(): Promise<UserFile> {
    try {
      return await this.#current();
    } catch (error) {
      if (!(error instanceof UserFileError)) throw error;
      throw ProxyError.of('invalid_field', { field: 'file', expected: error.message });
    }
  }

  #view({ file, text }: UserFile): ConfigFileView {
    this.#remember(text);
    return {
      file,
      exists: text !== null,
      format: formatOf(file),
      text: text ?? '',
      version: text === null ? '' : versionOf(text),
    };
  }

  #remember(text: string | null): void {
    if (text === null) return;
    const version = versionOf(text);
    this.#texts.delete(version);
    this.#texts.set(version, text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > REMEMBERED_TEXTS && oldest !== undefined) this.#texts.delete(oldest);
  }

  /** null: not known any more. */
  async #textOf(version: string): Promise<string | null> {
    if (version === '') return '';
    const known = this.#texts.get(version);
    if (known !== undefined) {
      this.#remember(known);
      return known;
    }
    const kept = await this.#kept.list(this.#place);
    return kept.find(({ text }) => versionOf(text) === version)?.text ?? null;
  }

  // What changed by itself

  /** One at most waits for its turn: a file system that hangs is not asked more and more. */
  #lookSoon(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    void this.#enqueue(() => {
      this.#isLookDue = false;
      return this.#look();
    });
  }

  /** Whether something has changed, and then what. */
  async #look(): Promise<void> {
    const { load } = this.#options;
    if (this.#isClosed || load === null) return;
    const seen = await this.#snapshot();
    if (seen === this.#seen) return;
    const outcome = await attempt(load);
    // Who writes it may be in the middle: it must look like that twice.
    if (this.#doubted !== seen && (outcome.loaded === null || this.#looksUnfinished(outcome.loaded))) {
      this.#doubted = seen;
      if (this.#retry !== null) clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#lookSoon(), HALF_WRITTEN_MS);
      return;
    }
    this.#seen = seen;
    this.#doubted = null;
    const { file, text } = this.#loaded;
    const isSame = outcome.loaded !== null && outcome.loaded.file === file && outcome.loaded.text === text;
    if (isSame) this.#setState({ ...this.#state, problems: [] });
    else await this.#take(outcome);
  }

  async #snapshot(): Promise<string> {
    const texts = this.#candidates().map((file) =>
      readUserFile(file).then(
        ({ text }) => text && versionOf(text),
        (error: unknown) => messageOf(error),
      ),
    );
    return JSON.stringify(await Promise.all(texts));
  }

  /** A file that is gone, so that another counts, or empty, is often one that is about to be written. */
  #looksUnfinished({ file, text }: LoadedConfig): boolean {
    const before = this.#loaded;
    return (before.file !== null && file !== before.file) || (isBlank(text) && !isBlank(before.text));
  }

  async #reload(): Promise<ConfigStateView> {
    const { load } = this.#options;
    if (load !== null && !this.#isReadOnce) await this.#take(await attempt(load));
    return this.#state;
  }

  async #take({ loaded, error }: Outcome): Promise<void> {
    const { file } = this.#loaded;
    try {
      if (loaded === null) throw error;
      if (loaded.file === null && file !== null)
        throw new Error(`${file} is gone. What it said stays in force until it is back, or CProxy is started again.`);
      await this.#putInForce(loaded, 'an edit of the file');
    } catch (problem) {
      this.#setState({ ...this.#state, problems: problemsOf(problem) });
    }
  }

  async #putInForce(loaded: LoadedConfig, reason: string): Promise<string[]> {
    const { file, text } = this.#loaded;
    if (file !== null && file === loaded.file && text !== null && text !== loaded.text)
      await this.#keep(file, text, reason);
    const afterRestart = await this.#options.apply(loaded);
    this.#loaded = loaded;
    this.#remember(loaded.text);
    this.#setState({ ...stateOf(loaded), afterRestart });
    return afterRestart;
  }

  async #keep(file: string, text: string, reason: string): Promise<void> {
    try {
      await this.#kept.keep(file, text, reason);
    } catch (error) {
      this.#options.log.warn(`The version of ${file} before this one could not be kept: ${messageOf(error)}`);
    }
  }

  #setState(state: ConfigStateView): void {
    const { log } = this.#options;
    const before = this.#state.problems.join('\n');
    const now = state.problems.join('\n');
    this.#state = state;
    if (now !== '' && now !== before)
      log.warn(`The configuration file is not in force; what was before stays. ${state.problems.join('; ')}`);
    if (now === '' && before !== '') log.info(`${state.file ?? 'The configuration'} is in order again, and in force`);
  }

  // What is changed here

  /** @param change what is to become of the text of `base` */
  async #save(base: string, change: (text: string) => string, reason: string): Promise<ConfigSavedView> {
    try {
      const end = performance.now() + OUTRUN_MS;
      for (;;) {
        const current = await this.#current();
        try {
          return await this.#saveOver(current, base, change, reason);
        } catch (error) {
          // Somebody was quicker, so it is merged with what they wrote.
          if (!(error instanceof FileChangedError) || performance.now() > end) throw error;
        }
      }
    } catch (error) {
      if (error instanceof UserFileError || error instanceof DocumentError)
        return { state: 'refused', problems: [documentProblem(error, this.#place)] };
      throw error;
    }
  }

  async #saveOver(
    current: UserFile,
    base: string,
    change: (text: string) => string,
    reason: string,
  ): Promise<ConfigSavedView> {
    const { file } = current;
    const theirs = current.text ?? '';
    const isCurrent = base === (current.text === null ? '' : versionOf(theirs));
    const before = isCurrent ? theirs : await this.#textOf(base);
    const conflict = (conflicts: readonly Conflict[]): ConfigSavedView => ({
      state: 'conflict',
      conflicts: conflicts.map(viewConflict),
      file: this.#view(current),
    });
    // Where nobody knows what was changed, all of it was.
    if (before === null)
      return conflict([{ path: [], before: undefined, theirs: readValue(file, theirs), ours: undefined }]);
    const ours = change(before);
    let text = ours;
    if (!isCurrent) {
      const merged = mergeTexts(formatOf(file), before, ours, theirs);
      if (merged.state === 'conflict') return conflict(merged.conflicts);
      text = merged.text;
    }

    const tried = await this.#tryOut(text);
    if (Array.isArray(tried)) return { state: 'refused', problems: tried };
    const saved = (afterRestart: string[]): ConfigSavedView => ({
      state: 'saved',
      version: versionOf(text),
      merged: !isCurrent && text !== ours,
      warnings: tried.warnings,
      afterRestart,
    });
    if (text === current.text && text === this.#loaded.text && this.#state.problems.length === 0)
      return saved(this.#state.afterRestart);
    // Also one that was not in force because of what was wrong with it.
    if (current.text !== null && current.text !== text) await this.#keep(file, current.text, reason);
    await writeUserFile(current, text);
    try {
      return saved(await this.#putInForce(tried, reason));
    } catch (error) {
      const written = await readUserFile(file);
      if (written.text === text)
        await (current.text === null ? removeUserFile(written) : writeUserFile(written, current.text));
      return { state: 'refused', problems: problemsOf(error) };
    }
  }

  /** @returns the configuration, or what is wrong with it */
  async #tryOut(text: string): Promise<LoadedConfig | string[]> {
    const { load, env, folders } = this.#options;
    const file = this.#place;
    const { environment } = this.#loaded;
    try {
      if (load !== null) return await load({ file, text });
      return loadConfig({ file, text, env, folders, environment: environment ?? undefined });
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(formatProblem);
      throw error;
    }
  }
}

const BY_US = 'a change through CProxy';

/** Names a text. */
export const versionOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** What loading came to. */
type Outcome = { loaded: LoadedConfig; error: null } | { loaded: null; error: unknown };

async function attempt(load: () => Promise<LoadedConfig>): Promise<Outcome> {
  try {
    return { loaded: await load(), error: null };
  } catch (error) {
    return { loaded: null, error: error ?? new Error('It could not be loaded') };
  }
}

/** A pipe, as of `--config <(…)`: read again, it is empty, or is waited for without end. */
function isReadOnce(file: string | null): boolean {
  const stats = file === null ? undefined : statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && (stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice());
}

const isBlank = (text: string | null): boolean => text === null || text.trim() === '';

const formatOf = (file: string): 'json' | 'yaml' => (/\.json[c5]?$/i.test(file) ? 'json' : 'yaml');

function readValue(file: string, text: string): unknown {
  try {
    return openDocument(formatOf(file), text).value;
  } catch {
    // Shown as it is written, then.
    return text;
  }
}

function viewConflict({ path: place, before, theirs, ours }: Conflict): ConfigConflictView {
  const written = (value: unknown) => (value === undefined ? null : JSON.stringify(value, null, 2));
  return { path: formatPath(place), before: written(before), theirs: written(theirs), ours: written(ours) };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const problemsOf = (error: unknown): string[] =>
  error instanceof ConfigError ? error.problems.map(formatProblem) : [messageOf(error)];

function documentProblem(error: UserFileError | DocumentError, file: string): string {
  if (error instanceof UserFileError) return error.message;
  const place = error.line === null ? '' : `:${error.line}:${error.column}`;
  return `${file}${place}: ${error.message}`;
}

const stateOf = ({ file, text }: LoadedConfig): ConfigStateView => ({
  file,
  version: text === null ? null : versionOf(text),
  since: Date.now(),
  problems: [],
  afterRestart: [],
});
