import type { PriceView } from '../../src-shared/control.ts';
import { plannedTrials } from './run-trials.ts';
import type { TrialTarget } from './trial-target.ts';
import { type TrialId, trials } from './trials.ts';

/** What trials are expected to take. US dollars are of the models whose prices are known; null where none is. */
export interface Estimate {
  calls: number;
  inputTokens: number;
  outputTokens: number;
  dollars: number | null;
  /** Where each answer is as long as it may be. */
  mostDollars: number | null;
  /** `provider/model` of which no price is known. */
  unpriced: string[];
}

export interface ProviderEstimate extends Estimate {
  provider: string;
}

const nothing: Estimate = { calls: 0, inputTokens: 0, outputTokens: 0, dollars: null, mostDollars: null, unpriced: [] };

/** By provider, in the order of the targets. */
export function estimateTrials(targets: readonly TrialTarget[], only?: readonly TrialId[]): ProviderEstimate[] {
  const byProvider = new Map<string, ProviderEstimate>();
  for (const target of targets) {
    const { provider } = target;
    const before = byProvider.get(provider) ?? { provider, ...nothing };
    byProvider.set(provider, { provider, ...sum([before, ofTarget(target, only)]) });
  }
  return [...byProvider.values()];
}

export function sum(estimates: readonly Estimate[]): Estimate {
  return estimates.reduce(
    (all, one) => ({
      calls: all.calls + one.calls,
      inputTokens: all.inputTokens + one.inputTokens,
      outputTokens: all.outputTokens + one.outputTokens,
      dollars: added(all.dollars, one.dollars),
      mostDollars: added(all.mostDollars, one.mostDollars),
      unpriced: [...all.unpriced, ...one.unpriced],
    }),
    nothing,
  );
}

const added = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : one + other;

function ofTarget(target: TrialTarget, only?: readonly TrialId[]): Estimate {
  const { facts, provider, model } = target;
  const planned = plannedTrials(target, only);
  // Without a call before it, the result of one needs one first.
  const calls = planned.includes('result') && !planned.includes('tools') ? [...planned, 'tools' as const] : planned;
  const tokens = calls.map((id) => trials[id].tokens(facts));
  const total = (read: (one: (typeof tokens)[number]) => number): number =>
    tokens.reduce((all, one) => all + read(one), 0);
  const inputTokens = total(({ input }) => input);
  const outputTokens = total(({ output }) => output);
  return {
    calls: calls.length,
    inputTokens,
    outputTokens,
    dollars: costOf(facts.price, inputTokens, outputTokens),
    mostDollars: costOf(
      facts.price,
      inputTokens,
      total(({ mostOutput }) => mostOutput),
    ),
    unpriced: facts.price === null ? [`${provider}/${model}`] : [],
  };
}

const costOf = (price: PriceView | null, input: number, output: number): number | null =>
  price === null ? null : (input * price.input + output * price.output) / 1e6;
