import { beforeAll, describe, expect, it } from 'vitest';
import { providerTypes } from '../../src-shared/config.ts';
import { runEngine } from '../helpers/running-engine.ts';
import { type Bench, everywhere, type ScriptedBench, scripted, startScripted } from './provider-contract.ts';
import { vendors } from './vendors.ts';

it('every provider type has a stand-in', () => {
  const imitated = new Set<string>(['demo', ...vendors.map(({ type }) => type)]);
  expect(providerTypes.filter((type) => !imitated.has(type))).toEqual([]);
});

describe.each(vendors)('$type', (vendor) => {
  let bench: ScriptedBench;
  beforeAll(async () => {
    bench = await startScripted(vendor);
    return () => bench[Symbol.asyncDispose]();
  });
  it.each([...everywhere])('$name', ({ run }) => run(bench));
  const cases = scripted.filter(({ needs }) => needs !== 'loading' || vendor.loading !== null);
  it.each(cases)('$name', ({ run }) => run(bench));
});

describe('demo', () => {
  let bench: Bench;
  beforeAll(async () => {
    const running = await runEngine({
      providers: [{ id: 'demo', type: 'demo' }],
      routing: { loadBalancing: { healthCheck: true } },
    });
    bench = { running, logged: [], provider: 'demo', model: 'demo', wrong: null, standIn: null };
    return () => running.stop();
  });
  const cases = everywhere.filter(({ needs }) => needs !== 'wrong key');
  it.each(cases)('$name', ({ run }) => run(bench));
});
