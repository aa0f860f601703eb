import { existsSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { configJsonSchemaText } from '../../src-shared/config-json-schema.ts';
import type { ConfigView } from '../../src-shared/control.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../config/config-error.ts';
import { configForDisplay } from '../config/config-for-display.ts';
import { resolveFolders } from '../config/folders.ts';
import { findConfigFile, type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { withEngine } from './control-client.ts';
import { dayAndTime } from './durations.ts';
import { exitCodes } from './exit-codes.ts';
import { note, print, printJson } from './output.ts';

/** `cproxy config schema` */
export function printSchema(): void {
  print(configJsonSchemaText().trimEnd());
}

interface ConfigOptions {
  config?: string;
  env?: string;
  json?: boolean;
}

/** `cproxy config path` */
export function configPath({ config, json }: ConfigOptions): void {
  const folders = resolveFolders(process.env);
  const found = findConfigFile({ file: config, env: process.env, folders }).file;
  const file = found ?? path.join(folders.config, 'config.yaml');
  if (json === true) {
    printJson({ file, exists: existsSync(file) });
    return;
  }
  if (found === null)
    note('There is no configuration file yet; CProxy runs on what it finds. This is where to make one:');
  print(file);
}

/**
 * `cproxy config check`: problems as `file:line:column`, to which editors jump.
 * @returns the exit code
 */
export function checkConfig(file: string | undefined, { json, ...options }: ConfigOptions): number {
  const asked = file === undefined ? options : { ...options, config: file };
  try {
    const { file: read, environment, warnings } = load(asked);
    if (json === true) printJson({ valid: true, file: read, environment, problems: [], warnings });
    else {
      for (const warning of warnings) note(warning);
      const what = read ?? 'No configuration file; what was found';
      print(`${what}${environment === null ? '' : ` with environments.${environment}`} is valid.`);
    }
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof ConfigError) || json !== true) throw error;
    printJson({ valid: false, problems: error.problems.map(problemDocument), warnings: [] });
    return exitCodes.failure;
  }
}

/** A problem for a program: where it stands, counted from 1, and `text`, the line that people get. */
function problemDocument(problem: ConfigProblem) {
  const { place, path: at, message } = problem;
  const where =
    place.in === 'file'
      ? { file: place.file, line: place.line, column: place.column }
      : 'name' in place
        ? { [place.in]: place.name }
        : {};
  return { ...where, path: at, message, text: formatProblem(problem) };
}

/** `cproxy config show`: what is in force in the CProxy that runs; where none runs, or another file is named, what would be. */
export async function showConfig({ json, ...options }: ConfigOptions): Promise<void> {
  const running =
    options.config === undefined && options.env === undefined
      ? await withEngine(resolveFolders(process.env).data, (client) => client.config.view())
      : null;
  const { file, environment, sources, warnings, config, since } = running?.result ?? wouldBe(options);
  if (json === true) {
    printJson({ file, environment, inForceSince: since, sources, warnings, config });
    return;
  }
  for (const warning of warnings) note(warning);
  print(`# ${file ?? 'no configuration file'}${since === null ? '' : `, in force since ${dayAndTime(since)}`}`);
  for (const source of sources) print(`# ${source}`);
  print(stringify(config).trimEnd());
}

function wouldBe(
  options: ConfigOptions,
): Pick<ConfigView, 'file' | 'environment' | 'sources' | 'warnings' | 'config'> & { since: null } {
  const { file, environment, sources, warnings, config } = load(options);
  return { file, environment, sources, warnings, config: { ...configForDisplay(config) }, since: null };
}

function load({ config, env }: ConfigOptions): LoadedConfig {
  return loadConfig({ file: config, environment: env, env: process.env, folders: resolveFolders(process.env) });
}
