import type { EngineStatus } from '../../src-shared/control.ts';
import { ConfigError, formatProblem } from '../config/config-error.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { amber, type Check, green, red } from './check.ts';

/** What came of loading the configuration as a start would. */
export type Loading = { loaded: LoadedConfig } | { problems: string[] };

/**
 * Loads the configuration; what is wrong with it is in the result.
 * @throws what is no problem of the configuration
 */
export async function tryLoading(load: () => Promise<LoadedConfig>): Promise<Loading> {
  try {
    return { loaded: await load() };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems.map(formatProblem) };
    throw error;
  }
}

/**
 * Whether the configuration is valid, and whether it is what the running engine uses.
 * @param status of the running engine; null where none runs, or it does not say.
 */
export function configurationChecks(loading: Loading, status: EngineStatus | null, command: string): Check[] {
  return [...fileChecks(loading, command), ...(status === null ? [] : inForceChecks(loading, status, command))];
}

function fileChecks(loading: Loading, command: string): Check[] {
  if ('problems' in loading)
    return loading.problems.map((problem) =>
      red('configuration', problem, `Correct it there; \`${command} config check\` looks again.`),
    );
  const { file, environment, sources, warnings } = loading.loaded;
  const overlay = environment === null ? '' : ` with environments.${environment}`;
  return [
    file === null
      ? green('configuration', 'There is no file; CProxy runs on what it finds.')
      : green('configuration', `${file}${overlay} is valid.`),
    ...sources.map((source) => green('source', source)),
    ...warnings.map((warning) => amber('warning', warning)),
  ];
}

function inForceChecks(loading: Loading, status: EngineStatus, command: string): Check[] {
  const { file, problems, afterRestart } = status.config;
  const said = new Set('loaded' in loading ? loading.loaded.warnings : []);
  const here = 'loaded' in loading ? loading.loaded.file : file;
  return [
    ...(here === file
      ? []
      : [
          amber(
            'in force',
            `The running CProxy uses ${file ?? 'no file'}, and not ${here ?? 'what is found here'}.`,
            'Start it with the same --config and CPROXY_CONFIG, or name its file here with --config.',
          ),
        ]),
    ...(problems.length === 0 && here === file && 'loaded' in loading
      ? [green('in force', 'The running CProxy uses it.')]
      : []),
    // What is wrong with the file itself has been told.
    ...('problems' in loading && here === file
      ? [amber('in force', 'The running CProxy goes on with the configuration before.')]
      : problems.map((problem) =>
          red(
            'in force',
            `The running CProxy could not take the file over: ${problem}`,
            'Correct it; it is read again when it is saved.',
          ),
        )),
    ...afterRestart.map((what) =>
      amber(
        'in force',
        `Takes effect with the next start: ${what}`,
        `Stop CProxy, and start it with \`${command} serve\`.`,
      ),
    ),
    ...status.warnings.filter((warning) => !said.has(warning)).map((warning) => amber('warning', warning)),
  ];
}
