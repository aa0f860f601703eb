import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { readHidden } from '../../../src-main/cli/read-hidden.ts';

const read = async (chunks: readonly (string | Buffer)[], { isTTY = true, end = false } = {}) => {
  const modes: boolean[] = [];
  const stream = new PassThrough();
  const input = Object.assign(stream, {
    isTTY,
    setRawMode: (mode: boolean) => {
      modes.push(mode);
      return input;
    },
  });
  let shown = '';
  // A PassThrough is all that is used of a terminal, and raw mode is noted.
  const reading = readHidden('Key: ', {
    input: input as unknown as Parameters<typeof readHidden>[1]['input'],
    output: {
      write: (text) => {
        shown += text;
      },
    },
  });
  for (const chunk of chunks) stream.write(chunk);
  if (end) stream.end();
  const result = await reading.then(
    (text) => ({ text }),
    (error: unknown) => ({ error: String(error) }),
  );
  return { ...result, shown, modes };
};

test.each<[string, (string | Buffer)[], string]>([
  ['typed letter by letter', ['a', 'b', 'c', '\r'], 'abc'],
  ['pasted, with a line end', ['sk-abc\n'], 'sk-abc'],
  ['with what follows the line', ['sk-abc\nrm -rf\n'], 'sk-abc'],
  ['corrected', ['abx', '\x7f', 'c\b', 'd', '\r'], 'abd'],
  ['begun anew', ['wrong\x15right\r'], 'right'],
  ['as a marked paste, with an arrow key', ['\x1b[200~sk-a\x1b[201~', '\x1b[D', 'b\r'], 'sk-ab'],
  ['with a letter cut in two', [Buffer.from([0xc3]), Buffer.from([0xa9]), '\r'], 'é'],
])('a line %s', async (_, chunks, text) => {
  expect(await read(chunks)).toEqual({ text, shown: 'Key: \n', modes: [true, false] });
});

test.each(['abc\x03', '\x04'])('called off with %j', async (keys) => {
  expect(await read([keys])).toEqual({
    error: 'CommandError: Nothing was changed.',
    shown: 'Key: \n',
    modes: [true, false],
  });
});

test('piped: everything, without the last line end, and no question', async () => {
  const piped = { isTTY: false, end: true };
  expect(await read(['sk-', 'abc\r\n'], piped)).toEqual({ text: 'sk-abc', shown: '', modes: [] });
  expect(await read(['x'.repeat(70_000)], piped)).toMatchObject({ error: expect.stringContaining('too long') });
});
