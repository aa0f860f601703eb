import packageFile from '../../package.json' with { type: 'json' };
import { nearName } from '../../src-shared/near-names.ts';
import { resolveFolders } from '../config/folders.ts';
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { countChecks } from '../doctor/check.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { type PrivateEngine, startPrivateEngine } from '../doctor/private-engine.ts';
import { plannedTrials, runTrials, type TargetResult } from '../doctor/run-trials.ts';
import { estimateTrials } from '../doctor/trial-cost.ts';
import { type KnownProvider, selectTargets, type TrialTarget } from '../doctor/trial-target.ts';
import { type TrialId, trialIds, type Verdict } from '../doctor/trials.ts';
import { withLocalServers } from '../first-run.ts';
import { openSecretStore } from '../secrets/open-secret-store.ts';
import { TokenStore } from '../secrets/token-store.ts';
import { ask } from './ask.ts';
import { withEngine } from './control-client.ts';
import { clientChecks } from './doctor-clients.ts';
import { countVerdicts, doctorLines, estimateLines, trialLines } from './doctor-text.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { commandName, note, print, printJson } from './output.ts';
import { whileWaiting } from './spinner.ts';
import { wslFacts } from './wsl-facts.ts';

export interface DoctorOptions {
  config?: string;
  env?: string;
  /** Ids; true: all. */
  providers?: string[] | true;
  /** `all`, or a pattern. */
  models?: string;
  /** Trials, with commas between. */
  only?: string;
  /** Most requests at a time to one provider. */
  atOnce?: number;
  yes?: boolean;
  json?: boolean;
}

/** To a provider that is not one's own server. */
const AT_ONCE = 3;

/**
 * `cproxy doctor`: checks without cost; with `--providers` (or `--models`, `--only`), small real requests.
 * @returns the exit code
 */
export async function doctor(options: DoctorOptions): Promise<number> {
  const asksModels = options.providers !== undefined || options.models !== undefined || options.only !== undefined;
  return asksModels ? tryProviders(options) : look(options);
}

const load = async ({ config, env }: DoctorOptions): Promise<LoadedConfig> =>
  withLocalServers(
    loadConfig({ file: config, environment: env, env: process.env, folders: resolveFolders(process.env) }),
  );

async function look(options: DoctorOptions): Promise<number> {
  const { env, stdout } = process;
  const folders = resolveFolders(env);
  const found = await whileWaiting(
    'Looking at everything',
    diagnose({
      env,
      folders,
      version: packageFile.version,
      command: commandName(env),
      load: () => load(options),
      withEngine: (action, limitMs) => withEngine(folders.data, action, limitMs),
      clients: (status) =>
        clientChecks({
          env,
          folders,
          cwd: process.cwd(),
          wsl: wslFacts(env),
          command: commandName(env),
          endpoint: status?.endpoint ?? null,
          tokenIds:
            status?.auth === 'none'
              ? null
              : TokenStore.open(folders.data)
                  .list()
                  .map(({ id }) => id),
        }),
    }),
  );
  const counts = countChecks(found);
  if (options.json === true) printJson({ counts, sections: found });
  else for (const line of doctorLines(found, stdout.columns || undefined)) print(line);
  return counts.red > 0 ? exitCodes.failure : exitCodes.ok;
}

async function tryProviders(options: DoctorOptions): Promise<number> {
  const only = options.only === undefined ? undefined : parseTrials(options.only);
  const ids = Array.isArray(options.providers) ? options.providers : [];
  const { env } = process;
  const folders = resolveFolders(env);
  const loaded = await load(options);
  refuseUnknownProviders(ids, loaded);
  const secrets = openSecretStore(loaded.config.secrets, folders.data);
  const engine = await whileWaiting(
    'Starting an engine of its own',
    startPrivateEngine({ loaded, folders, env, secrets }),
  );
  try {
    const known = await whileWaiting('Asking for models', knownProviders(engine, loaded, ids));
    const { targets, left } = selectTargets(known, loaded.config, { ids, pattern: options.models ?? null });
    for (const { provider, reason } of left) note(`${provider} is left out: ${reason}.`);
    if (targets.length === 0) throw new CommandError('There is no model to be tried.');
    const estimates = estimateTrials(targets, only);
    for (const line of estimateLines(targets, estimates, process.stderr.columns || undefined)) note(line);
    if (options.yes !== true && !(await ask('Send them?'))) {
      note('Nothing was sent.');
      return exitCodes.ok;
    }
    note('');
    const { results, stopped } = await runStoppable(engine, targets, only, options.atOnce ?? AT_ONCE);
    const shown = only ?? trialIds;
    const counts = countVerdicts(results);
    if (options.json === true)
      printJson({ stopped, estimate: estimates, left, counts, results: results.map(resultView) });
    else for (const line of trialLines(results, shown, process.stdout.columns || undefined)) print(line);
    if (stopped) note('It was stopped before its end.');
    return counts.fail > 0 || stopped ? exitCodes.failure : exitCodes.ok;
  } finally {
    await engine.stop();
  }
}

function parseTrials(text: string): TrialId[] {
  const names = text.split(',').map((name) => name.trim());
  return names.map((name) => {
    const found = trialIds.find((id) => id === name);
    if (found !== undefined) return found;
    const meant = nearName(name, trialIds);
    throw new CommandError(
      `There is no check '${name}'${meant === null ? '' : `; did you mean ${meant}?`} --only takes ${trialIds.join(', ')}.`,
      exitCodes.usage,
    );
  });
}

function refuseUnknownProviders(ids: readonly string[], { config: { providers } }: LoadedConfig): void {
  const known = providers.map(({ id }) => id);
  const stranger = ids.find((id) => !known.includes(id));
  if (stranger !== undefined) {
    const meant = nearName(stranger, known);
    throw new CommandError(
      `There is no provider '${stranger}'${meant === null ? '' : `; did you mean ${meant}?`} There ${known.length === 1 ? 'is' : 'are'} ${known.join(', ') || 'none'}.`,
      exitCodes.usage,
    );
  }
  if (known.length === 0)
    throw new CommandError('There are no providers to be tried. The built-in demo needs no trial.');
}

/** Asks those that name their models themselves for them, which costs nothing. */
async function knownProviders(
  { control }: PrivateEngine,
  { config }: LoadedConfig,
  ids: readonly string[],
): Promise<KnownProvider[]> {
  const asked = config.providers.filter(({ id }) => ids.length === 0 || ids.includes(id));
  return Promise.all(
    asked.map(async (provider) => {
      const isUnlisted =
        provider.enabled && provider.models === undefined && provider.key !== 'client' && provider.type !== 'demo';
      if (isUnlisted) await control.models.refresh({ provider: provider.id });
      const { models, error } = await control.models.list({ provider: provider.id });
      if (error !== null) note(`The list of models of ${provider.id} could not be fetched: ${error}`);
      return { config: provider, models };
    }),
  );
}

/** Runs trials until they are done or Ctrl-C is pressed, with a word on how far they are. */
async function runStoppable(
  engine: PrivateEngine,
  targets: readonly TrialTarget[],
  only: readonly TrialId[] | undefined,
  atOnce: number,
): Promise<{ results: TargetResult[]; stopped: boolean }> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const progress = new Progress(targets.reduce((all, target) => all + plannedTrials(target, only).length, 0));
  try {
    const results = await runTrials({
      engine,
      targets,
      only,
      atOnce,
      signal: stop.signal,
      onVerdict: (target, trial, verdict) => progress.tell(target, trial, verdict),
    });
    return { results, stopped: stop.signal.aborted };
  } finally {
    progress.end();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** How far the trials are: a line that changes, on a terminal; else a line each. */
class Progress {
  readonly #trials: number;
  readonly #changes = process.stderr.isTTY === true && process.env.TERM !== 'dumb' && process.env.CI === undefined;
  #done = 0;

  constructor(trials: number) {
    this.#trials = trials;
  }

  tell({ provider, model }: TrialTarget, trial: TrialId, { state }: Verdict): void {
    if (state === 'none') return;
    this.#done += 1;
    const line = `${this.#done} of ${this.#trials}  ${provider}/${model}  ${trial}: ${words[state]}`;
    if (this.#changes) process.stderr.write(`\r\u001b[2K${line.slice(0, Math.max(20, process.stderr.columns - 1))}`);
    else if (state !== 'left') note(line);
  }

  end(): void {
    if (this.#changes) process.stderr.write('\r\u001b[2K');
  }
}

const words = { ok: 'ok', warn: 'works in part', fail: 'failed', left: 'not tried' } as const;

const resultView = ({ target, verdicts }: TargetResult) => ({
  provider: target.provider,
  model: target.model,
  checks: verdicts,
});
