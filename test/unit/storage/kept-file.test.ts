import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { writePrivateFile } from '../../../src-main/config/private-file.ts';
import { KeptFile } from '../../../src-main/storage/kept-file.ts';

const schema = z.object({ version: z.literal(1), count: z.number() });
let folder: string;
let file: string;
let warnings: string[];

const kept = (write = writePrivateFile) =>
  new KeptFile({ file, schema, write, onWarning: (warning) => warnings.push(warning) });

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-kept-'));
  file = path.join(folder, 'kept.json');
  warnings = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

describe('a kept file', () => {
  it('need not be there', () => {
    expect(kept().read()).toBeNull();
    expect(warnings).toEqual([]);
  });

  it('is written at once where that is wanted, and goes on to be written', async () => {
    const one = kept();
    one.changed(() => ({ version: 1, count: 1 }));
    await one.flush();
    expect(kept().read()).toEqual({ version: 1, count: 1 });
    one.changed(() => ({ version: 1, count: 2 }));
    await one.close();
    expect(kept().read()).toEqual({ version: 1, count: 2 });
  });

  it('has what was there last, also when it is closed right after a change', async () => {
    const one = kept();
    one.changed(() => ({ version: 1, count: 1 }));
    one.changed(() => ({ version: 1, count: 2 }));
    await one.close();
    expect(kept().read()).toEqual({ version: 1, count: 2 });
    expect(readdirSync(folder)).toEqual(['kept.json']);
    expect(warnings).toEqual([]);
  });

  it('is written behind the changes, once for many', async () => {
    vi.useFakeTimers();
    const written: string[] = [];
    const one = kept(async (_, text) => void written.push(text));
    for (let count = 1; count <= 100; count += 1) one.changed(() => ({ version: 1, count }));
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(written).toEqual(['{"version":1,"count":100}\n']);
    await vi.advanceTimersByTimeAsync(60_000);
    await one.close();
    expect(written).toHaveLength(1);
  });

  it('is not written where nothing has changed, nor after it was closed', async () => {
    const write = vi.fn(async () => undefined);
    const one = kept(write);
    await one.close();
    one.changed(() => ({ version: 1, count: 1 }));
    await one.close();
    expect(write).not.toHaveBeenCalled();
  });

  it.each(['{"version":1,"count"', '{"version":2,"count":1}', '', 'null'])(
    'that cannot be understood is moved aside: %s',
    async (text) => {
      writeFileSync(file, text);
      const one = kept();
      expect(one.read()).toBeNull();
      const [aside, ...others] = readdirSync(folder);
      expect([aside, others]).toEqual([expect.stringMatching(/^kept\.json\.unreadable-\d+$/), []]);
      expect(readFileSync(path.join(folder, aside ?? ''), 'utf8')).toBe(text);
      expect(warnings).toEqual([expect.stringContaining('could not be understood and was moved to')]);
      one.changed(() => ({ version: 1, count: 5 }));
      await one.close();
      expect(kept().read()).toEqual({ version: 1, count: 5 });
    },
  );

  it('that cannot be written is told of once, and written when it can be again', async () => {
    vi.useFakeTimers();
    let isFull = true;
    const write = vi.fn(async () => {
      if (isFull) throw new Error('no space left');
    });
    const one = kept(write);
    for (let turn = 0; turn < 3; turn += 1) {
      one.changed(() => ({ version: 1, count: turn }));
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(write).toHaveBeenCalledTimes(3);
    expect(warnings).toEqual([expect.stringContaining('could not be written (no space left)')]);
    isFull = false;
    one.changed(() => ({ version: 1, count: 9 }));
    await one.close();
    expect(write).toHaveBeenCalledTimes(4);
    expect(warnings).toHaveLength(1);
  });
});
