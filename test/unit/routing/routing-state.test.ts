import { describe, expect, it } from 'vitest';
import type { BaseProvider } from '../../../src-main/providers/base-provider.ts';
import type { AttemptResult } from '../../../src-main/routing/attempt-result.ts';
import { Outcomes } from '../../../src-main/routing/outcomes.ts';
import type { Target } from '../../../src-main/routing/plan.ts';
import { RoutingState } from '../../../src-main/routing/routing-state.ts';
import { configSchema } from '../../../src-shared/config.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import { makeProvider } from '../../helpers/providers.ts';
import { factsOf } from '../../helpers/routing.ts';

const NOW = 1_800_000_000_000;
const target = (): Target => ({
  provider: makeProvider({ type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9', models: ['m'] }),
  model: 'm',
});
const failure: AttemptResult = {
  outcome: 'failed',
  status: 500,
  error: ProxyError.of('provider_error', { provider: 'p', status: 500, upstream: 'No' }, { status: 500 }).view(),
  firstContentMs: null,
  totalMs: 10,
  retryAfterMs: null,
  usage: null,
};

function make() {
  const inForce = new Set<BaseProvider>();
  const { routing } = configSchema.parse({ routing: { circuit: { failures: 1 } } });
  const state = new RoutingState({
    downReason: () => null,
    settings: () => routing,
    isInForce: (provider) => inForce.has(provider),
    now: () => NOW,
    outcomes: new Outcomes({ now: () => NOW }),
  });
  const standing = () => state.circuits.standing('p', 'm').state;
  const underWay = (at: Target) => state.outcomes.waiting(at).underWay;
  const attempts = (at: Target) => state.outcomes.expected('main', at).attempts;
  return { state, inForce, standing, underWay, attempts };
}

describe('a provider that another has taken the id of', () => {
  it('teaches nothing, whether an attempt began before or after, and no attempt stays under way', () => {
    const { state, inForce, standing, underWay, attempts } = make();
    const [old, next] = [target(), target()];
    inForce.add(old.provider);
    const before = state.begin(factsOf(), old);
    inForce.clear();
    inForce.add(next.provider);
    state.forget('p', true);
    const after = state.begin(factsOf(), old);
    expect(underWay(next)).toBe(2);
    before?.(failure);
    after?.(failure);
    expect([standing(), underWay(next), attempts(next)]).toEqual(['closed', 0, 0]);
    state.begin(factsOf(), next)?.(failure);
    expect([standing(), attempts(next)]).toEqual(['open', 1]);
  });

  it('leaves its open circuit behind; an attempt by an old plan does not care for the one of now', () => {
    const { state, inForce, standing } = make();
    const [old, next] = [target(), target()];
    inForce.add(old.provider);
    state.begin(factsOf(), old)?.(failure);
    expect(standing()).toBe('open');
    inForce.clear();
    inForce.add(next.provider);
    state.forget('p', false);
    expect(standing()).toBe('closed');
    state.begin(factsOf(), next)?.(failure);
    expect(state.begin(factsOf(), next)).toBeNull();
    expect(state.begin(factsOf(), old)).not.toBeNull();
  });

  it('leaves what was learned where the server is the same', () => {
    const { state, inForce, attempts } = make();
    const old = target();
    inForce.add(old.provider);
    for (const alsoLearned of [false, true]) {
      state.begin(factsOf(), old, true)?.(failure);
      expect(attempts(old)).toBeGreaterThan(0);
      state.forget('p', alsoLearned);
      expect(attempts(old) > 0).toBe(!alsoLearned);
    }
  });
});
