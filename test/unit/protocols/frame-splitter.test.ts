import { describe, expect, it } from 'vitest';
import { FrameSplitter, frameData, frameObject, frameStartsWith } from '../../../src-main/protocols/frame-splitter.ts';

const splitter = (readable = true): { frames: string[]; splitter: FrameSplitter } => {
  const frames: string[] = [];
  return {
    frames,
    splitter: new FrameSplitter((bytes, start, end) => {
      frames.push(bytes.toString('utf8', start, end));
      return readable;
    }),
  };
};

describe('a stream in whole frames', () => {
  const text = 'event: a\ndata: "ä"\n\n: comment\n\ndata: 1\r\ndata: 2\r\n\r\n';

  it('shows the same frames and bytes at every cut', () => {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { frames, splitter: split } = splitter();
      const out = Buffer.concat([split.push(bytes.subarray(0, cut)), split.push(bytes.subarray(cut))]);
      expect(out.toString() + split.end()).toBe(text);
      expect(frames.map((frame) => frame.trimEnd())).toEqual([
        'event: a\ndata: "ä"',
        ': comment',
        'data: 1\r\ndata: 2',
      ]);
    }
  });
  it('bytes that were given out are not written over by a later frame', () => {
    const { splitter: split } = splitter();
    split.push(Buffer.from('data: '));
    const first = split.push(Buffer.from('aaaa\n\ndata: '));
    split.push(Buffer.from('bbbb'));
    split.push(Buffer.from('cccc\n\n'));
    expect(first.toString()).toBe('data: aaaa\n\n');
  });
  it('a last frame without its end is given out where it could be read', () => {
    for (const [readable, rest] of [
      [true, 'data: 1\n\n'],
      [false, ''],
    ] as const) {
      const { splitter: split } = splitter(readable);
      expect(split.push(Buffer.from('data: 1')).length).toBe(0);
      expect(split.end()).toBe(rest);
    }
  });
  it('a frame beyond all measure is an error', () => {
    const { splitter: split } = splitter();
    const chunk = Buffer.alloc(16 * 1024 * 1024, 'a');
    split.push(chunk);
    expect(() => {
      split.push(chunk);
      split.push(chunk);
    }).toThrow(RangeError);
  });
});

describe('a frame', () => {
  const read = (text: string) => {
    const bytes = Buffer.from(`xx${text}yy`);
    return [bytes, 2, bytes.length - 2] as const;
  };

  it('has its data lines joined', () => {
    expect(frameData(...read('event: a\ndata: 1\r\ndata:2'))).toBe('1\n2');
    expect(frameData(...read(': comment'))).toBe(null);
  });
  it('may carry an object', () => {
    expect(frameObject(...read('data: {"a":\ndata: 1}'))).toEqual({ a: 1 });
    for (const other of [': comment', 'data: 5', 'data: [1]', 'data: {broken', 'data: [DONE]'])
      expect(frameObject(...read(other))).toBe(null);
  });
  it('is known by its beginning', () => {
    const begins = (prefix: string) => frameStartsWith(...read('event: a'), Buffer.from(prefix));
    expect([begins('event'), begins('event: a'), begins('data'), begins('event: ay')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
