import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Config, environmentNames } from '../../src-shared/config.ts';
import { nearName } from '../../src-shared/near-names.ts';
import { ConfigError, type ConfigProblem, formatProblem, type Place } from './config-error.ts';
import { type AppliedVariables, applyVariables } from './environment-variables.ts';
import { expandHome, type Folders } from './folders.ts';
import { noticesOn } from './notices.ts';
import { type OldSetUp, oldSetUp, oldVariableNotices } from './old-variables.ts';
import { isSection, layOver, pathInLayer, valueAt, withoutEmpty } from './overlay.ts';
import { type ConfigPath, formatPath } from './schema-shape.ts';
import { toCurrentVersion } from './schema-versions.ts';
import { parseSource, type SourceFile } from './source-file.ts';
import { findProviders, usualKeyNotes } from './usual-keys.ts';
import { type FindPlace, validateConfig } from './validate.ts';

export interface LoadOptions {
  /** Value of `--config`. */
  file?: string | undefined;
  /** Stands for what the file holds. */
  text?: string | undefined;
  /** Value of `--env`. */
  environment?: string | undefined;
  /** Values of `--port` and `--host`, which win over everything. */
  flags?: { port?: number | undefined; host?: string | undefined } | undefined;
  env: NodeJS.ProcessEnv;
  folders: Folders;
}

export interface LoadedConfig {
  config: Config;
  /** Absolute path of the file; null when there is none. */
  file: string | null;
  /** What the file holds; null when there is none. */
  text: string | null;
  environment: string | null;
  /** Whether it says which providers there are; else those count that are found. */
  namesProviders: boolean;
  /** Where values came from that the file does not have, in words. */
  sources: string[];
  warnings: string[];
}

/**
 * Finds, reads and checks the configuration: file, then its overlay for the environment, then environment variables,
 * then flags; and where that names no provider, those whose usual key variable is set.
 * @throws ConfigError with every problem
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { file, others } = findConfigFile(options);
  const source = file === null ? null : inCurrentVersion(readSource(file, options.text), options.env);
  const old = source === null ? findOldSetUp(options.env) : null;
  const environment = chooseEnvironment(options);
  const { config, problems, namesProviders, sources, warnings } = compose({ source, old }, environment, options);
  if (config === null) throw new ConfigError(problems);

  const keyNotes = usualKeyNotes(config, options.env);
  return {
    config,
    file,
    text: source?.text ?? null,
    environment,
    namesProviders,
    sources: [...sources, ...keyNotes.sources],
    warnings: [
      ...others.map((other) => `${other} is not read, because ${file} is there.`),
      ...(source?.warnings ?? []),
      ...oldNotices(source, old, options.env),
      ...warnings,
      ...keyNotes.warnings,
      ...noticesOn(config),
      ...otherOverlayProblems(source, environment, options),
    ],
  };
}

/** What everything else is laid over: what the file holds, or else what the old cproxy's variables say. */
interface Base {
  source: SourceFile | null;
  old: OldSetUp | null;
}

type Composed = { namesProviders: boolean; sources: string[]; warnings: string[] } & (
  | { config: Config; problems: readonly [] }
  | { config: null; problems: readonly ConfigProblem[] }
);

function compose({ source, old }: Base, environment: EnvironmentName | null, options: LoadOptions): Composed {
  const { env, flags } = options;
  const overlay = environment === null || source === null ? undefined : overlayOf(source, environment);
  const own = applyVariables(layOver(source?.value ?? old?.config ?? {}, overlay), env);
  const variables = { ...own, applied: [...(old?.applied ?? []), ...own.applied] };
  const flagged = flagsOf(flags);
  const flagLayer = flagged.length === 0 ? undefined : { server: Object.fromEntries(flagged) };
  const written = withoutEmpty(layOver(variables.config, flagLayer));
  const discovered = namesNoProvider(written) ? findProviders(env) : null;
  const namesProviders = discovered === null;
  const whole = discovered === null ? written : layOver(written, { providers: discovered.found });

  const sources = [
    ...(overlay === undefined ? [] : [`environments.${environment} of the file`]),
    ...variables.applied.map(({ path, variable }) => `${formatPath(path)} comes from ${variable}`),
    ...flagged.map(([name]) => `server.${name} comes from --${name}`),
    ...(discovered?.sources ?? []),
  ];
  const warnings = [
    ...(environment === null || source === null || overlay !== undefined
      ? []
      : [`${source.file} has no section environments.${environment}.`]),
    ...variables.warnings,
    ...(discovered?.warnings ?? []),
  ];

  const result = validateConfig(whole, placeFinder({ source, environment, overlay, variables, flags }));
  if (result.config !== null && variables.problems.length === 0)
    return { config: result.config, problems: [], namesProviders, sources, warnings };
  const all = [...variables.problems, ...(result.problems ?? [])];
  return { config: null, problems: all, namesProviders, sources, warnings };
}

/** A file of an older form is read as its migration would write it. */
function inCurrentVersion(source: SourceFile, env: NodeJS.ProcessEnv): SourceFile {
  const migrated = toCurrentVersion(source.value, env);
  if (migrated === null) return source;
  const { report, secrets, value } = migrated;
  return {
    ...source,
    value,
    warnings: [
      ...source.warnings,
      `${source.file} is ${report.source}. It is read as \`cproxy config migrate --write\` would write it; without --write, that lists what becomes of it.`,
      ...secrets.map(
        ({ provider }) => `The key of '${provider}' stands in ${source.file}, and is not read from there.`,
      ),
    ],
  };
}

/** Whoever names providers in today's variables is not in the old set-up. */
function findOldSetUp(env: NodeJS.ProcessEnv): OldSetUp | null {
  return namesNoProvider(applyVariables({}, env).config) ? oldSetUp(env) : null;
}

function oldNotices(source: SourceFile | null, old: OldSetUp | null, env: NodeJS.ProcessEnv): string[] {
  if (old !== null) return old.warnings;
  const reason =
    source === null
      ? 'because what else belongs to that set-up is missing'
      : `because there is a configuration file (${source.file})`;
  return oldVariableNotices(env, reason);
}

function namesNoProvider(written: unknown): boolean {
  const providers = valueAt(written, ['providers']);
  return isSection(written) && (providers === undefined || (Array.isArray(providers) && providers.length === 0));
}

/** A file is checked as a whole: an overlay that is not in use today must not fail only on the day it is. */
function otherOverlayProblems(
  source: SourceFile | null,
  environment: EnvironmentName | null,
  options: LoadOptions,
): string[] {
  if (source === null) return [];
  return environmentNames
    .filter((name) => name !== environment && overlayOf(source, name) !== undefined)
    .flatMap((name) =>
      compose({ source, old: null }, name, options).problems.map(
        (problem) => `--env ${name} would fail: ${formatProblem(problem)}`,
      ),
    );
}

/** The places where a configuration file is looked for without being told: never the working directory. */
export function usualFiles(folders: Folders): string[] {
  return ['config.json', 'config.yaml', 'config.yml'].map((name) => path.join(folders.config, name));
}

/** The file that would be loaded, and those beside it that would not. A file that was named need not exist. */
export function findConfigFile(options: Pick<LoadOptions, 'file' | 'env' | 'folders'>): {
  file: string | null;
  others: string[];
} {
  const named = [options.file, options.env.CPROXY_CONFIG, options.env.MCP_CONFIG_PATH].find((name) => name?.trim());
  if (named !== undefined) return { file: path.resolve(expandHome(named.trim())), others: [] };
  const [file = null, ...others] = usualFiles(options.folders).filter((name) => existsSync(name));
  return { file, others };
}

function readSource(file: string, given: string | undefined): SourceFile {
  if (given !== undefined) return parseSource(file, given);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'is a folder, not a file'
          : code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
            ? 'is not text in UTF-8'
            : `cannot be read: ${message}`;
    throw new ConfigError([{ place: { in: 'file', file, line: 1, column: 1 }, path: '', message: reason }]);
  }
  return parseSource(file, text);
}

type EnvironmentName = (typeof environmentNames)[number];

function chooseEnvironment({ environment, env }: LoadOptions): EnvironmentName | null {
  const asked = environment ?? env.CPROXY_ENV?.trim();
  if (asked === undefined || asked === '') return null;
  const known = environmentNames.find((name) => name === asked);
  if (known !== undefined) return known;
  const meant = nearName(asked, environmentNames);
  const place: Place =
    environment === undefined ? { in: 'variable', name: 'CPROXY_ENV' } : { in: 'flag', name: '--env' };
  const message = `must be one of ${environmentNames.join(', ')}; found ${JSON.stringify(asked)}${meant === null ? '' : `; did you mean ${meant}?`}`;
  throw new ConfigError([{ place, path: '', message }]);
}

/** An overlay that is not a section is reported by the schema, where it stands. */
function overlayOf(source: SourceFile, environment: EnvironmentName): unknown {
  const overlay = valueAt(source.value, ['environments', environment]);
  return isSection(overlay) ? overlay : undefined;
}

function flagsOf(flags: LoadOptions['flags']): [string, unknown][] {
  return Object.entries(flags ?? {}).filter(([, value]) => value !== undefined);
}

interface Layers {
  source: SourceFile | null;
  environment: EnvironmentName | null;
  overlay: unknown;
  variables: AppliedVariables;
  flags: LoadOptions['flags'];
}

/** Finds who wrote a value: flag, variable, overlay or base; for a missing one, who wrote what it is missing from. */
function placeFinder({ source, environment, overlay, variables, flags }: Layers): FindPlace {
  const inFile = (at: ConfigPath, part: 'name' | 'value'): Place | null => {
    if (source === null) return null;
    if (environment !== null && overlay !== undefined) {
      const path = pathInLayer(variables.config, overlay, at);
      const place = path === null ? null : source.placeOf(['environments', environment, ...path], part);
      if (place !== null && at.length > 0) return place;
    }
    const path = pathInLayer(variables.config, source.value, at);
    return path === null ? null : source.placeOf(path, part);
  };

  const find: FindPlace = (at, part) => {
    if (at.length === 2 && at[0] === 'server' && (at[1] === 'port' || at[1] === 'host') && flags?.[at[1]] !== undefined)
      return { in: 'flag', name: `--${at[1]}` };
    const writer = variables.applied.findLast(({ path }) => startsWith(at, path));
    if (writer !== undefined) return { in: 'variable', name: writer.variable };
    const place = inFile(at, part);
    if (place !== null) return place;
    const below = variables.applied.find(({ path }) => at.length > 0 && startsWith(path, at));
    if (below !== undefined) return { in: 'variable', name: below.variable };
    return at.length === 0 ? { in: 'nowhere' } : find(at.slice(0, -1), 'name');
  };
  return find;
}

function startsWith(path: ConfigPath, beginning: ConfigPath): boolean {
  return beginning.length <= path.length && beginning.every((segment, index) => segment === path[index]);
}
