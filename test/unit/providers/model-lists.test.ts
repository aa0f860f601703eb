import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writePrivateFile } from '../../../src-main/config/private-file.ts';
import { unknownModel } from '../../../src-main/protocols/codec.ts';
import type { BaseProvider } from '../../../src-main/providers/base-provider.ts';
import type { VendorModel } from '../../../src-main/providers/model-listing.ts';
import { ModelLists, type ModelListsOptions } from '../../../src-main/providers/model-lists.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import { makeProvider } from '../../helpers/providers.ts';

type Fetch = (signal: AbortSignal) => Promise<readonly VendorModel[]>;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cproxy-lists-'));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

/** A provider whose server says what it is told. */
function provider(fetch: Fetch, baseUrl = 'http://127.0.0.1:9'): BaseProvider & { asked: number } {
  const made = makeProvider({ type: 'openai-compatible', baseUrl }) as BaseProvider & { asked: number };
  made.asked = 0;
  made.fetchModels = async (signal) => {
    made.asked += 1;
    const models = await fetch(signal);
    made.knowModels(models, Date.now());
    return models;
  };
  return made;
}

function lists(providers: readonly BaseProvider[], rest: Partial<ModelListsOptions> = {}) {
  const warnings: string[] = [];
  const failed: string[] = [];
  const made = new ModelLists({
    providers,
    folder,
    refreshMs: 3_600_000,
    write: writePrivateFile,
    onWarning: (warning) => warnings.push(warning),
    onFailed: ({ reason }) => failed.push(reason),
    ...rest,
  });
  return { made, warnings, failed };
}

const some: VendorModel[] = [{ id: 'm', displayName: 'M', contextWindow: 1000, tools: true }];
const file = () => path.join(folder, 'models', 'p.json');

describe('lists on disk', () => {
  it('are known at the next start, for their owner alone', async () => {
    await lists([provider(async () => some)]).made.refresh();
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    const next = provider(async () => []);
    lists([next]).made.readKept();
    expect(next.models).toEqual(['m']);
    expect(next.displayNameOf('m')).toBe('M');
    expect(next.factsOf('m')).toEqual({ ...unknownModel, contextWindow: 1000, tools: true });
    expect(next.modelsView()).toMatchObject({ source: 'fetched', error: null });
    expect(next.asked).toBe(0);
  });

  it('of another address are not taken', async () => {
    await lists([provider(async () => some)]).made.refresh();
    const other = provider(async () => [], 'http://127.0.0.1:10');
    lists([other]).made.readKept();
    expect(other.models).toEqual([]);
  });

  it.each(['', '{', '[]', 'null', '{"type":"openai-compatible","baseUrl":"http://127.0.0.1:9/","fetchedAt":"x"}'])(
    'that are damaged (%s) are not taken, and are written anew',
    async (text) => {
      await mkdir(path.join(folder, 'models'));
      await writeFile(file(), text);
      const one = provider(async () => some);
      const { made, warnings } = lists([one]);
      made.readKept();
      expect(one.models).toEqual([]);
      await made.refresh();
      expect(JSON.parse(await readFile(file(), 'utf8')).models).toEqual(some);
      expect(warnings).toEqual([]);
    },
  );

  it('that cannot be written are known all the same, with one warning', async () => {
    await writeFile(path.join(folder, 'models'), 'in the way');
    const one = provider(async () => some);
    const { made, warnings } = lists([one]);
    await made.refresh();
    await made.refresh();
    expect(one.models).toEqual(['m']);
    expect(warnings).toEqual([expect.stringContaining('cannot be kept on disk')]);
  });

  it('are none where no folder is given', async () => {
    const { made } = lists([provider(async () => some)], { folder: null });
    made.readKept();
    await made.refresh();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('in the background', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  });

  it('a list is fetched at once, and again when it is old', async () => {
    const one = provider(async () => some);
    const { made } = lists([one], { folder: null, refreshMs: 600_000 });
    made.start();
    expect(one.asked).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(one.asked).toBe(1);
    await vi.advanceTimersByTimeAsync(500_000);
    expect(one.asked).toBe(1);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(one.asked).toBe(2);
    await made.stop();
  });

  it('one that was kept is fetched when it is old, and not before', async () => {
    const one = provider(async () => some);
    one.knowModels(some, Date.now() - 500_000);
    const { made } = lists([one], { folder: null, refreshMs: 600_000 });
    made.start();
    await vi.advanceTimersByTimeAsync(80_000);
    expect(one.asked).toBe(0);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(one.asked).toBe(1);
    await made.stop();
  });

  it('after failures it is asked again, each time later, and told of once', async () => {
    const one = provider(() => Promise.reject(new Error('no network')));
    const { made, failed } = lists([one], { folder: null });
    made.start();
    await vi.advanceTimersByTimeAsync(1);
    await vi.advanceTimersByTimeAsync(34_000);
    expect(one.asked).toBe(2);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(one.asked).toBe(2);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(one.asked).toBeGreaterThan(5);
    expect(one.asked).toBeLessThan(12);
    expect(failed).toEqual(['no network']);
    await made.stop();
  });

  it('a key that is missing is looked for soon again', async () => {
    let hasKey = false;
    const one = provider(async () => {
      if (!hasKey) throw ProxyError.of('provider_key_missing', { provider: 'p', reason: 'none is configured' });
      return some;
    });
    const { made } = lists([one], { folder: null });
    made.start();
    await vi.advanceTimersByTimeAsync(600_000);
    hasKey = true;
    await vi.advanceTimersByTimeAsync(34_000);
    expect(one.models).toEqual(['m']);
    await made.stop();
  });

  it('a server that never answers is given up', async () => {
    const one = provider(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const { made, failed } = lists([one], { folder: null });
    made.start();
    await vi.advanceTimersByTimeAsync(61_000);
    expect(failed).toEqual([expect.stringContaining('60 s')]);
    await made.stop();
  });

  it('few are asked at a time; those that stop are not asked', async () => {
    let running = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const slow: Fetch = async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      running -= 1;
      return some;
    };
    const many = Array.from({ length: 10 }, () => provider(slow));
    const { made } = lists(many, { folder: null });
    made.start();
    await vi.advanceTimersByTimeAsync(1);
    expect(running).toBe(4);
    for (const proceed of waiting.splice(0)) proceed();
    await vi.advanceTimersByTimeAsync(1);
    expect([running, most]).toEqual([4, 4]);
    const stopped = made.stop();
    for (const proceed of waiting.splice(0)) proceed();
    await stopped;
    expect(many.map(({ asked }) => asked).filter((asked) => asked > 0)).toHaveLength(8);
  });

  it('what is under way ends when it stops', async () => {
    const signals: AbortSignal[] = [];
    const one = provider(
      (signal) =>
        new Promise((_, reject) => {
          signals.push(signal);
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    const { made, failed } = lists([one], { folder: null });
    made.start();
    await vi.advanceTimersByTimeAsync(1);
    await made.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(failed).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('two who ask for the same list at once share an answer', async () => {
  const one = provider(async () => some);
  const { made } = lists([one]);
  await Promise.all([made.refresh(), made.refresh('p')]);
  expect(one.asked).toBe(1);
});

it('a provider that cannot be asked is refused by name', async () => {
  const configured = makeProvider({ type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9', models: ['m'] });
  const passesOn = makeProvider({ type: 'anthropic', key: 'client' });
  for (const one of [configured, passesOn])
    await expect(lists([one]).made.refresh('p')).rejects.toMatchObject({ code: 'invalid_field' });
});

describe('other providers', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  });

  it('those that were there keep their lists, and the list of a new one is fetched at once, though one is kept', async () => {
    const one = provider(async () => some);
    const { made } = lists([one]);
    await made.refresh();
    made.start();
    await vi.advanceTimersByTimeAsync(10);
    const next = provider(async () => [{ id: 'n' }]);
    made.follow([one], 3_600_000);
    await vi.advanceTimersByTimeAsync(10);
    expect(one.asked).toBe(1);
    made.follow([next], 3_600_000);
    // By the list that was kept of this address.
    expect(next.models).toEqual(['m']);
    await vi.waitFor(() => expect(next.models).toEqual(['n']));
    await vi.advanceTimersByTimeAsync(2 * 3_600_000);
    expect(one.asked).toBe(1);
    expect(next.asked).toBeGreaterThan(1);
    await made.stop();
  });

  it('what one that is gone is asked, it is asked no more, and its answer is kept by nobody', async () => {
    const signals: AbortSignal[] = [];
    const answer = Promise.withResolvers<VendorModel[]>();
    const one = provider((signal) => {
      signals.push(signal);
      return answer.promise;
    });
    const { made, failed } = lists([one]);
    made.start();
    await vi.advanceTimersByTimeAsync(10);
    made.follow([], 3_600_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    answer.resolve([...some]);
    await vi.advanceTimersByTimeAsync(3_600_000);
    await made.stop();
    expect([one.asked, failed, await readdir(folder)]).toEqual([1, [], []]);
  });

  it('a shorter age counts for all, and a pause for who comes then too', async () => {
    const one = provider(async () => some);
    const { made } = lists([one], { folder: null });
    made.start();
    await vi.advanceTimersByTimeAsync(10);
    made.follow([one], 60_000);
    await vi.advanceTimersByTimeAsync(70_000);
    expect(one.asked).toBe(2);
    made.pause();
    const next = provider(async () => some);
    made.follow([one, next], 60_000);
    await vi.advanceTimersByTimeAsync(600_000);
    expect([one.asked, next.asked]).toEqual([2, 0]);
    made.start();
    await vi.advanceTimersByTimeAsync(10);
    expect([one.asked, next.asked]).toEqual([3, 1]);
    await made.stop();
  });
});
