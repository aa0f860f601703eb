import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFrames } from '../../../src-main/mcp/stdio/frames.ts';
import { LineReader } from '../../../src-main/mcp/stdio/line-reader.ts';

describe('LineReader', () => {
  it('gives the same lines however the bytes come', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, '')));
    fc.assert(
      fc.property(texts, fc.string(), fc.integer({ min: 1, max: 7 }), (lines, last, size) => {
        const rest = last.replaceAll(/[\r\n]/g, '');
        const bytes = Buffer.from([...lines, rest].join('\n'));
        const reader = new LineReader(1_000_000);
        const read: (string | null)[] = [];
        for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)));
        expect([...read, reader.end()]).toEqual([...lines, rest]);
      }),
    );
  });

  it('leaves out what is too long, once, and goes on', () => {
    const reader = new LineReader(5);
    expect(reader.push(Buffer.from('12345\r\n12345'))).toEqual([null]);
    expect(reader.push(Buffer.from('6789'))).toEqual([]);
    expect(reader.push(Buffer.from('0123456789\nok\r\n'))).toEqual([null, 'ok']);
    expect(reader.push(Buffer.from('too long'))).toEqual([]);
    expect(reader.end()).toBeNull();
    expect(reader.end()).toBe('');
  });
});

describe('readFrames', () => {
  const read = async (text: string, mostBytes = 200) => {
    const input = new PassThrough();
    const messages: unknown[] = [];
    const wrong: { id: unknown; code: number }[] = [];
    const ended = new Promise<void>((onEnd) =>
      readFrames({
        ...{ input, onEnd, mostBytes },
        onMessage: (message) => messages.push(message),
        onWrong: ({ id, error }) => wrong.push({ id, code: error.code }),
      }),
    );
    input.end(text);
    await ended;
    return { messages, wrong };
  };
  const ping = (id: number): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });

  it('tells what is wrong, and goes on', async () => {
    const text = ['{', ping(1), `"${'x'.repeat(300)}"`, '', '7', '{"id":"a"}', `[${ping(2)},{}]`, ping(3)].join('\n');
    const { messages, wrong } = await read(text);
    expect(messages).toMatchObject([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(wrong).toEqual([
      { id: null, code: -32700 },
      { id: null, code: -32700 },
      { id: null, code: -32600 },
      { id: 'a', code: -32600 },
      { id: null, code: -32600 },
    ]);
  });
});
