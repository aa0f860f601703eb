import { expect, test } from 'vitest';
import { watchLines } from '../../../src-main/cli/watch-lines.ts';

function screenOf(rows: number) {
  const written: string[] = [];
  return { isTTY: true, rows, written, write: (text: string) => written.push(text) };
}

test('lines that fit are drawn over those before, and the terminal is given back at the end', async () => {
  const screen = screenOf(3);
  const ended = new AbortController();
  const ask = async () => {
    ended.abort();
    return ['one', 'two', 'three'];
  };
  expect(await watchLines(ask, screen, ended.signal, {})).toBe(0);
  expect(screen.written).toEqual([
    '\u001b[?1049h\u001b[?25l',
    '\u001b[Hone\u001b[K\ntwo\u001b[K\n\u001b[J',
    '\u001b[?25h\u001b[?1049l',
  ]);
});

test('an engine that has gone ends it, with the terminal as it was', async () => {
  const screen = screenOf(24);
  await expect(watchLines(async () => null, screen, new AbortController().signal, {})).rejects.toMatchObject({
    exitCode: 3,
  });
  expect(screen.written.at(-1)).toBe('\u001b[?25h\u001b[?1049l');
});

test.each([
  ['no terminal', { isTTY: false, write: () => true }, {}],
  ['a dumb terminal', { isTTY: true, write: () => true }, { TERM: 'dumb' }],
])('%s cannot be watched on', async (_, screen, env) => {
  await expect(watchLines(async () => [], screen, new AbortController().signal, env)).rejects.toMatchObject({
    exitCode: 2,
  });
});
