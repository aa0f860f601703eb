import type { PrivateEngine } from './private-engine.ts';
import { type Ask, askEngine } from './trial-answer.ts';
import { isLocal, type TrialTarget } from './trial-target.ts';
import {
  abilityLines,
  left,
  offers,
  type Trial,
  type TrialId,
  type TrialMemory,
  trialIds,
  trials,
  type Verdict,
} from './trials.ts';

export interface TargetResult {
  target: TrialTarget;
  verdicts: Partial<Record<TrialId, Verdict>>;
}

export interface RunOptions {
  engine: PrivateEngine;
  targets: readonly TrialTarget[];
  /** Which are made; all where absent. Those that are named are made even where a model is said not to offer them. */
  only?: readonly TrialId[] | undefined;
  /** Most requests at a time to one provider; servers of one's own get one. */
  atOnce: number;
  /** Ends all that is under way. */
  signal: AbortSignal;
  onVerdict?: (target: TrialTarget, trial: TrialId, verdict: Verdict) => void;
  /** How long one answer may take, in ms. */
  limitMs?: number;
}

/** How long one answer may take, in ms: a server of one's own may have to load the model first. */
const LIMIT_MS = 120_000;
const LOCAL_LIMIT_MS = 300_000;

/** Which trials are made of a model. */
export function plannedTrials(target: TrialTarget, only?: readonly TrialId[]): TrialId[] {
  if (only !== undefined) return trialIds.filter((id) => only.includes(id));
  return trialIds.filter((id) => offers(target.facts, trials[id]) !== false);
}

/**
 * Tries models with small real requests. A model that gives no plain answer is tried no further. Never rejects for what a provider
 * does; once stopped, it resolves soon with what there is.
 */
export async function runTrials({
  engine,
  targets,
  only,
  atOnce,
  signal,
  onVerdict,
  limitMs,
}: RunOptions): Promise<TargetResult[]> {
  const gates = new Map<string, Gate>();
  const gateOf = (target: TrialTarget): Gate => {
    const known = gates.get(target.provider);
    if (known !== undefined) return known;
    const made = new Gate(isLocal(target.config) ? 1 : atOnce);
    gates.set(target.provider, made);
    return made;
  };
  return Promise.all(
    targets.map(async (target) => {
      const limit = limitMs ?? (isLocal(target.config) ? LOCAL_LIMIT_MS : LIMIT_MS);
      const ask: Ask = (question) => askEngine(question, { engine, signal, limitMs: limit });
      const result: TargetResult = { target, verdicts: {} };
      const report = (id: TrialId, verdict: Verdict): void => {
        result.verdicts[id] = verdict;
        onVerdict?.(target, id, verdict);
      };
      await tryModel({ target, only, gate: gateOf(target), ask, signal, report });
      return result;
    }),
  );
}

interface ModelTrials {
  target: TrialTarget;
  only: readonly TrialId[] | undefined;
  gate: Gate;
  ask: Ask;
  signal: AbortSignal;
  report: (id: TrialId, verdict: Verdict) => void;
}

async function tryModel({ target, only, gate, ask, signal, report }: ModelTrials): Promise<void> {
  const planned = plannedTrials(target, only);
  const memory: TrialMemory = { called: null, plainUsage: null };
  for (const id of only === undefined ? trialIds : [])
    if (!planned.includes(id))
      report(id, { ...left(`${target.provider}/${target.model} does not offer ${trials[id].title}.`), state: 'none' });

  const run = async (id: TrialId): Promise<Verdict> => {
    const verdict = await gate.pass(async () => {
      if (signal.aborted) return left('stopped');
      const since = performance.now();
      const judged = await trials[id].run(target, ask, memory);
      return { ...judged, ms: judged.state === 'left' ? null : Math.round(performance.now() - since) };
    });
    const told = againstFacts(verdict, target, trials[id]);
    report(id, told);
    return told;
  };
  const others = planned.filter((id) => id !== 'plain' && id !== 'result');
  if (planned.includes('plain') && (await run('plain')).state === 'fail') {
    for (const id of planned) if (id !== 'plain') report(id, left('it gives no plain answer'));
    return;
  }
  const tools = planned.includes('tools') ? run('tools') : Promise.resolve();
  await Promise.all([
    ...others.filter((id) => id !== 'tools').map(run),
    tools.then(() => (planned.includes('result') ? run('result') : undefined)),
  ]);
}

/** What works although the model is said not to offer it. */
function againstFacts(verdict: Verdict, target: TrialTarget, trial: Trial): Verdict {
  if (verdict.state !== 'ok' || trial.ability === null || offers(target.facts, trial) !== false) return verdict;
  return {
    ...verdict,
    state: 'warn',
    found: `It works, although the configuration or the model catalogue says that it does not. ${verdict.found}`,
    advice: 'Say so, and such requests may go there:',
    configuration: abilityLines(target, trial.ability, true),
  };
}

/** Lets so many through at a time, in the order they came. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
