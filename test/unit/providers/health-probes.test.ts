import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BaseProvider } from '../../../src-main/providers/base-provider.ts';
import { HealthProbes, type HealthProbesOptions } from '../../../src-main/providers/health-probes.ts';
import { KeyPool } from '../../../src-main/providers/key-pool.ts';
import type { ProbeResult } from '../../../src-main/providers/probe.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import type { ResolveKey } from '../../../src-shared/keys.ts';
import type { AttemptRow } from '../../../src-shared/requests.ts';
import { makeProvider } from '../../helpers/providers.ts';

const INTERVAL = 60_000;
const coded = (code: string) => Object.assign(new Error(code), { code });
const unreachable = (provider: string, code: string) =>
  ProxyError.of('provider_unreachable', { provider, reason: code }, { cause: coded(code) });
const refused = (provider: string, status = 401) =>
  ProxyError.of('provider_key_refused', { provider, status, upstream: 'wrong sk-secret' }, { status });

type Behave = (key: string, signal: AbortSignal) => Promise<ProbeResult>;

/** A provider whose probe does what it is told. */
function scripted(
  id: string,
  options: { url?: string; keys?: string[]; resolve?: ResolveKey } = {},
): { provider: BaseProvider; asked: string[]; behave: (next: Behave) => void } {
  const { url = `https://${id}.example.com`, keys = ['key'], resolve } = options;
  let behave: Behave = async () => ({ state: 'ready' });
  const asked: string[] = [];
  const made = makeProvider({ type: 'openai-compatible', baseUrl: url });
  const question = { reference: null, provider: id, origin: new URL(url).origin, usualVariable: null, prefix: null };
  const pool = new KeyPool({
    provider: id,
    needsKey: true,
    entries: keys.map((name) => ({
      id: name,
      question: { ...question, reference: `env:${name}` },
      weight: 1,
      requestsPerMinute: null,
      tokensPerMinute: null,
    })),
    resolve:
      resolve ??
      (async ({ reference }) => ({
        state: 'present',
        value: `${reference}`,
        reference: `${reference}`,
        warning: null,
      })),
  });
  Object.defineProperties(made, {
    id: { value: id },
    keys: { value: pool },
    probe: {
      value: (key: { id: string }, signal: AbortSignal) => {
        asked.push(key.id);
        return behave(key.id, signal);
      },
    },
  });
  return {
    provider: made,
    asked,
    behave: (next) => {
      behave = next;
    },
  };
}

function probing(providers: readonly { provider: BaseProvider }[], changes: Partial<HealthProbesOptions> = {}) {
  const reports: string[] = [];
  const events: string[] = [];
  const lastGood = new Map<string, number>();
  const network = { addresses: '192.168.1.5' };
  const probes = new HealthProbes({
    providers: providers.map(({ provider }) => provider),
    intervalMs: INTERVAL,
    timeoutMs: 5_000,
    report: (id, report) => {
      reports.push(`${id} ${report.state === 'failed' ? report.error.code : report.state}`);
      if (report.state === 'failed') events.push(report.error.message);
      if (report.state === 'ready') lastGood.set(id, Date.now());
    },
    onOnline: (online) => events.push(online ? 'online' : 'offline'),
    onWake: () => events.push('woke'),
    onError: (_, error) => events.push(String(error)),
    redact: (text) => text.replace('sk-secret', '***'),
    lastGood: (id) => lastGood.get(id) ?? null,
    addresses: () => network.addresses,
    ...changes,
  });
  return { probes, reports, events, lastGood, network };
}

const finished = (provider: string, changes: Partial<AttemptRow>) => ({ provider, ...changes }) as AttemptRow;
const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms);

let running: HealthProbes[] = [];
const begin = (probes: HealthProbes) => {
  running.push(probes);
  probes.start();
};
beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
});
afterEach(async () => {
  await Promise.all(running.map((probes) => probes.stop()));
  running = [];
  vi.useRealTimers();
});

describe('when', () => {
  test('soon after the start, then every interval', async () => {
    const a = scripted('a');
    const { probes, reports } = probing([a]);
    begin(probes);
    await passes(100);
    expect(reports).toEqual(['a ready']);
    await passes(INTERVAL * 0.8);
    expect(a.asked).toHaveLength(1);
    await passes(INTERVAL * 0.5);
    expect(a.asked).toHaveLength(2);
  });

  test('not what has just answered', async () => {
    const a = scripted('a');
    const { probes, lastGood } = probing([a]);
    lastGood.set('a', Date.now());
    begin(probes);
    for (let times = 0; times < 10; times += 1) {
      lastGood.set('a', Date.now());
      await passes(INTERVAL / 2);
    }
    expect(a.asked).toEqual([]);
    await passes(INTERVAL * 1.3);
    expect(a.asked).toHaveLength(1);
  });

  test('one at a time for each provider, and a few at a time for all', async () => {
    const many = Array.from({ length: 10 }, (_, index) => scripted(`p${index}`));
    const waiting: (() => void)[] = [];
    for (const { behave } of many)
      behave(() => new Promise((resolve) => waiting.push(() => resolve({ state: 'ready' }))));
    const { probes, reports } = probing(many);
    begin(probes);
    const asked = probes.probeNow('p0');
    await passes(100);
    expect(waiting).toHaveLength(4);
    expect(many[0]?.asked).toHaveLength(1);
    for (let index = 0; index < 10; index += 1) {
      waiting[index]?.();
      await passes(1);
    }
    await asked;
    expect(reports).toHaveLength(10);
  });

  test('rarely where it has long been dead, and at once after the network has changed', async () => {
    const a = scripted('a');
    a.behave(() => Promise.reject(unreachable('a', 'ECONNREFUSED')));
    const { probes, network } = probing([a]);
    begin(probes);
    await passes(3_600_000);
    expect(a.asked.length).toBeGreaterThan(12);
    expect(a.asked.length).toBeLessThan(19);
    const before = a.asked.length;
    network.addresses = '10.0.0.9';
    await passes(6_000);
    expect(a.asked.length).toBe(before + 1);
  });

  test('at once when a request could not reach it, but not for each of many', async () => {
    const a = scripted('a');
    const { probes } = probing([a]);
    begin(probes);
    await passes(10_000);
    const error = unreachable('a', 'ECONNREFUSED').view();
    for (let times = 0; times < 5; times += 1) {
      probes.attemptFinished(finished('a', { outcome: 'failed', error }));
      await passes(100);
    }
    expect(a.asked).toHaveLength(2);
    probes.attemptFinished(finished('a', { outcome: 'failed', error: refused('a').view() }));
    await passes(10_000);
    expect(a.asked).toHaveLength(2);
  });

  test('never again after the stop, which ends what is under way and says nothing of it', async () => {
    const a = scripted('a');
    a.behave(
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const { probes, reports, events } = probing([a]);
    begin(probes);
    await passes(100);
    await probes.stop();
    await passes(INTERVAL * 3);
    expect([a.asked.length, reports, events]).toEqual([1, [], []]);
  });
});

describe('what', () => {
  test('that it loads a model', async () => {
    const a = scripted('a');
    a.behave(async () => ({ state: 'loading', reason: 'It loads.' }));
    const { probes, reports } = probing([a]);
    await probes.probeNow();
    expect(reports).toEqual(['a loading']);
  });

  test('that it does not answer in time', async () => {
    // The signal's own timer is not one that can be turned by hand.
    vi.useRealTimers();
    const a = scripted('a');
    a.behave(
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const { probes, reports } = probing([a], { timeoutMs: 20 });
    await probes.probeNow();
    expect(reports).toEqual(['a provider_silent']);
  });

  test('what it says, without secrets', async () => {
    const a = scripted('a');
    a.behave(() => Promise.reject(refused('a')));
    const { probes, events } = probing([a]);
    await probes.probeNow();
    expect(events).toEqual([
      "Provider 'a' refused its API key (HTTP 401: wrong ***). Check the key in the configuration.",
    ]);
    expect(JSON.stringify(a.provider.keys.views())).not.toContain('sk-secret');
  });

  test('that its key is missing', async () => {
    const a = scripted('a', { resolve: async () => ({ state: 'missing', reason: 'K is not set.' }) });
    const { probes, reports } = probing([a]);
    await probes.probeNow();
    expect([reports, a.asked]).toEqual([['a provider_key_missing'], []]);
  });

  test('a bug is told of, and the next probe is made all the same', async () => {
    const a = scripted('a');
    a.behave(() => Promise.reject(new TypeError('oops')));
    const { probes, events, reports } = probing([a]);
    await probes.probeNow();
    a.behave(async () => ({ state: 'ready' }));
    await probes.probeNow();
    expect([events, reports]).toEqual([['TypeError: oops'], ['a ready']]);
  });

  test('of a provider that is not there', async () => {
    await expect(probing([scripted('a')]).probes.probeNow('b')).rejects.toMatchObject({ code: 'invalid_field' });
  });
});

describe('keys', () => {
  test('one is enough while none is refused', async () => {
    const a = scripted('a', { keys: ['x', 'y'] });
    await probing([a]).probes.probeNow();
    expect(a.asked).toEqual(['x']);
  });

  test('the next, where one is refused; and that one again, until it is taken', async () => {
    const a = scripted('a', { keys: ['x', 'y'] });
    a.behave(async (key) => {
      if (key === 'x') throw refused('a');
      return { state: 'ready' };
    });
    const { probes, reports } = probing([a]);
    const states = () => a.provider.keys.views().map(({ state }) => state);
    await probes.probeNow();
    expect([a.asked, reports, states()]).toEqual([['x', 'y'], ['a ready'], ['refused', 'ready']]);
    await probes.probeNow();
    expect(a.asked.slice(2)).toEqual(['y', 'x']);
    a.behave(async () => ({ state: 'ready' }));
    await probes.probeNow();
    expect([a.asked.slice(4), states()]).toEqual([
      ['y', 'x'],
      ['ready', 'ready'],
    ]);
  });

  test('one that may not list may be good for answers', async () => {
    const a = scripted('a');
    a.behave(() => Promise.reject(refused('a', 403)));
    const { probes, reports } = probing([a]);
    await probes.probeNow();
    expect(reports).toEqual(['a provider_key_refused']);
    expect(a.provider.keys.views()[0]?.state).toBe('ready');
  });

  test("where the client's login is used, any answer means that it is there", async () => {
    const a = scripted('a', { resolve: async () => ({ state: 'from-client' }) });
    const { probes, reports } = probing([a]);
    a.behave(() => Promise.reject(refused('a')));
    await probes.probeNow();
    a.behave(() => Promise.reject(unreachable('a', 'ECONNREFUSED')));
    await probes.probeNow();
    expect(reports).toEqual(['a ready', 'a provider_unreachable']);
  });
});

describe('offline and asleep', () => {
  const lost =
    (code = 'ENOTFOUND'): Behave =>
    () =>
      Promise.reject(unreachable('x', code));

  test('this machine is offline when it is in no network, and back when it is in one', async () => {
    const a = scripted('a');
    const near = scripted('near', { url: 'http://127.0.0.1:1' });
    const { probes, events, network } = probing([a, near]);
    begin(probes);
    await passes(100);
    a.behave(lost());
    network.addresses = '';
    await passes(10_000);
    expect(events.filter((event) => event === 'offline')).toHaveLength(1);
    a.behave(async () => ({ state: 'ready' }));
    network.addresses = '192.168.1.5';
    await passes(10_000);
    expect(events.at(-1)).toBe('online');
    // Servers nearby are none of it.
    expect(near.asked).toHaveLength(1);
  });

  test('or when nobody elsewhere is reached, until one is', async () => {
    const both = [scripted('a'), scripted('b')] as const;
    for (const { behave } of both) behave(lost('EAI_AGAIN'));
    const { probes, events } = probing(both);
    begin(probes);
    await passes(100);
    expect(events.filter((event) => /^o/.test(event))).toEqual(['offline']);
    both[1].behave(async () => ({ state: 'ready' }));
    await passes(25_000);
    expect(events.filter((event) => /^o/.test(event))).toEqual(['offline', 'online']);
  });

  test('an answer shows that it is back', async () => {
    const both = [scripted('a'), scripted('b')] as const;
    for (const { behave } of both) behave(lost());
    const { probes, events } = probing(both);
    begin(probes);
    await passes(100);
    probes.attemptFinished(finished('a', { outcome: 'answered', error: null }));
    expect(events.at(-1)).toBe('online');
  });

  test('one name that is not found, or a server that refuses, is not the network', async () => {
    const a = scripted('a');
    const b = scripted('b');
    a.behave(lost());
    const one = probing([a]);
    await one.probes.probeNow();
    expect(one.events).not.toContain('offline');
    b.behave(lost('ECONNREFUSED'));
    const two = probing([a, b]);
    await two.probes.probeNow();
    expect(two.events).not.toContain('offline');
  });

  test('after a sleep all are asked, also what has just answered', async () => {
    const a = scripted('a');
    const { probes, events } = probing([a]);
    begin(probes);
    await passes(100);
    vi.setSystemTime(Date.now() + 3_600_000);
    await passes(6_000);
    expect([events, a.asked.length]).toEqual([['woke'], 2]);
    await passes(10_000);
    expect([events, a.asked.length]).toEqual([['woke'], 2]);
  });
});

describe('other providers', () => {
  test('a new one is probed at once; those that were there go on, and who is gone is asked no more', async () => {
    const [a, b, c] = [scripted('a'), scripted('b'), scripted('c')];
    const { probes, reports } = probing([a, b]);
    begin(probes);
    await passes(100);
    probes.follow([a.provider, c.provider], { intervalMs: INTERVAL, timeoutMs: 5_000 });
    await passes(100);
    expect([a.asked.length, b.asked.length, c.asked.length]).toEqual([1, 1, 1]);
    await passes(INTERVAL * 1.3);
    expect([a.asked.length, b.asked.length, c.asked.length]).toEqual([2, 1, 2]);
    expect(reports).toContain('c ready');
    await expect(probes.probeNow('b')).rejects.toMatchObject({ code: 'invalid_field' });
  });

  test('what a probe finds out about one that has been replaced meanwhile is told to nobody', async () => {
    const [old, next] = [scripted('a'), scripted('a')];
    const answer = Promise.withResolvers<ProbeResult>();
    old.behave(() => answer.promise);
    next.behave(() => Promise.reject(refused('a')));
    const { probes, reports } = probing([old]);
    begin(probes);
    await passes(100);
    probes.follow([next.provider], { intervalMs: INTERVAL, timeoutMs: 5_000 });
    await passes(100);
    answer.resolve({ state: 'ready' });
    await passes(100);
    expect(reports).toEqual(['a provider_key_refused']);
  });

  test('a shorter time between probes counts from now on', async () => {
    const a = scripted('a');
    const { probes } = probing([a]);
    begin(probes);
    await passes(100);
    probes.follow([a.provider], { intervalMs: 1_000, timeoutMs: 5_000 });
    await passes(1_500);
    expect(a.asked.length).toBe(2);
  });

  test('nobody is asked while it pauses, nor by who comes then', async () => {
    const [a, b] = [scripted('a'), scripted('b')];
    const { probes } = probing([a]);
    begin(probes);
    await passes(100);
    probes.pause();
    probes.follow([a.provider, b.provider], { intervalMs: INTERVAL, timeoutMs: 5_000 });
    await passes(INTERVAL * 3);
    expect([a.asked.length, b.asked.length]).toEqual([1, 0]);
    probes.start();
    await passes(100);
    expect([a.asked.length, b.asked.length]).toEqual([2, 1]);
  });

  test('the first that comes where there was none', async () => {
    const a = scripted('a');
    const { probes } = probing([]);
    begin(probes);
    await passes(INTERVAL);
    probes.follow([a.provider], { intervalMs: INTERVAL, timeoutMs: 5_000 });
    await passes(100);
    expect(a.asked.length).toBe(1);
  });
});
