import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EngineChange, McpEngine } from '../../../src-main/mcp/mcp-engine.ts';
import { Watch, type Watched } from '../../../src-main/mcp/watch.ts';

let tell: (...changes: EngineChange[]) => void;
let listeners: number;
let value: unknown;
let errors: unknown[];
let watch: Watch;

const what = (rest: Partial<Watched> = {}): Watched => ({
  uri: 'x',
  changesWith: ['health'],
  read: async () => {
    if (value instanceof Error) throw value;
    return value;
  },
  ...rest,
});

beforeEach(() => {
  vi.useFakeTimers();
  listeners = 0;
  value = 1;
  errors = [];
  const onChange: McpEngine['onChange'] = (listener) => {
    listeners += 1;
    tell = (...changes) => listener(changes);
    return () => {
      listeners -= 1;
    };
  };
  watch = new Watch({ onChange } as McpEngine, (error) => errors.push(error));
});
afterEach(() => vi.useRealTimers());

describe('a watch', () => {
  it('tells of real changes alone, once for several that come together', async () => {
    let told = 0;
    await watch.add(what(), () => {
      told += 1;
    });
    tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(0);
    value = 2;
    tell('usage');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(0);
    for (let count = 0; count < 5; count += 1) tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(1);
  });

  it('notices what changes in silence, too', async () => {
    let told = 0;
    await watch.add(what(), () => {
      told += 1;
    });
    value = 2;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(told).toBe(1);
  });

  it('compares what counts', async () => {
    let told = 0;
    const watched = (all: unknown) => Math.floor(Number(all) / 10);
    await watch.add(what({ watched }), () => {
      told += 1;
    });
    value = 9;
    tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(0);
    value = 10;
    tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(1);
  });

  it('looks once for all, and leaves nothing behind when nobody watches', async () => {
    const read = vi.fn(async () => value);
    const ends = await Promise.all([
      watch.add(what({ read }), () => undefined),
      watch.add(what({ read }), () => undefined),
    ]);
    expect(read).toHaveBeenCalledTimes(1);
    expect(watch.size).toBe(1);
    tell('health');
    for (const end of ends) end();
    expect(watch.size).toBe(0);
    expect(listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes on after what could not be read, and refuses what cannot be read at first', async () => {
    let told = 0;
    await watch.add(what(), () => {
      told += 1;
    });
    const [before, broken] = [value, new Error('not now')];
    value = broken;
    tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(errors).toEqual([broken]);
    await expect(watch.add(what({ uri: 'y' }), () => undefined)).rejects.toBe(broken);
    expect(watch.size).toBe(1);
    value = before;
    tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(0);
    value = 3;
    tell('health');
    await vi.advanceTimersByTimeAsync(300);
    expect(told).toBe(1);
  });
});
