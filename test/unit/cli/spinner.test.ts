import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { whileWaiting } from '../../../src-main/cli/spinner.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function terminal(isTTY = true) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test('what takes long is told of on a terminal, and the line is taken back', async () => {
  const output = terminal();
  const work = Promise.withResolvers<number>();
  const waiting = whileWaiting('asking', work.promise, output, {});
  await vi.advanceTimersByTimeAsync(250);
  expect(output.written).toEqual([]);
  await vi.advanceTimersByTimeAsync(300);
  expect(output.written.slice(0, 2)).toEqual(['\r| asking …', '\r/ asking …']);
  work.resolve(7);
  expect(await waiting).toBe(7);
  expect(output.written.at(-1)).toBe('\r\u001b[2K');
  const count = output.written.length;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(output.written.length).toBe(count);
});

test('a failure is passed on', async () => {
  const output = terminal();
  await expect(whileWaiting('asking', Promise.reject(new Error('no')), output, {})).rejects.toThrow('no');
  expect(output.written).toEqual([]);
});

test.each([
  ['no terminal', terminal(false), {}],
  ['a dumb terminal', terminal(), { TERM: 'dumb' }],
  ['CI', terminal(), { CI: 'true' }],
])('nothing is shown where there is %s', async (_, output, env) => {
  const work = Promise.withResolvers<void>();
  const waiting = whileWaiting('asking', work.promise, output, env);
  await vi.advanceTimersByTimeAsync(2_000);
  work.resolve();
  await waiting;
  expect(output.written).toEqual([]);
});
