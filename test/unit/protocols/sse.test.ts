import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SseFrame, SseParser } from '../../../src-main/protocols/sse.ts';

/** Parses bytes that arrive in the given pieces. */
function parse(pieces: readonly Uint8Array[]): SseFrame[] {
  const parser = new SseParser();
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
}

const parseText = (text: string): SseFrame[] => parse([Buffer.from(text)]);

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

describe('SseParser', () => {
  it('reads event and data, with and without the space after the colon', () => {
    expect(parseText('event: ping\ndata: {}\n\nevent:x\ndata:y\n\n')).toEqual([
      { event: 'ping', data: '{}' },
      { event: 'x', data: 'y' },
    ]);
  });

  it('takes only one space off', () => {
    expect(parseText('data:  two\n\n')).toEqual([{ event: null, data: ' two' }]);
  });

  it('joins several data lines with LF, empty ones too', () => {
    expect(parseText('data: a\ndata\ndata:\ndata: b\n\n')).toEqual([{ event: null, data: 'a\n\n\nb' }]);
  });

  it.each(['\n', '\r', '\r\n'])('takes %j as the end of a line', (end) => {
    expect(parseText(['event: e', 'data: 1', '', 'data: 2', '', ''].join(end))).toEqual([
      { event: 'e', data: '1' },
      { event: null, data: '2' },
    ]);
  });

  it('takes CR and LF in two chunks as one line end', () => {
    expect(parse([Buffer.from('data: 1\r'), Buffer.from('\ndata: 2\r'), Buffer.from('\n\r\n')])).toEqual([
      { event: null, data: '1\n2' },
    ]);
  });

  it('drops a byte order mark at the start only', () => {
    expect(parseText('\uFEFFdata: a\n\n\uFEFFdata: b\n\ndata: \uFEFFc\n\n')).toEqual([
      { event: null, data: 'a' },
      { event: null, data: '\uFEFFc' },
    ]);
  });

  it('makes no frames of comments', () => {
    expect(parseText(': OPENROUTER PROCESSING\n\n:\n\n')).toEqual([]);
  });

  it('ignores frames without data and forgets their event', () => {
    expect(parseText('event: lost\n\nid: 7\nretry: 5\n\ndata: x\n\n')).toEqual([{ event: null, data: 'x' }]);
  });

  it('ignores fields whose names only begin like its own', () => {
    expect(parseText('database: 1\neventual: 2\ndata: 3\n\n')).toEqual([{ event: null, data: '3' }]);
  });

  it('gives a frame as soon as its empty line is there', () => {
    const parser = new SseParser();
    expect(parser.push(Buffer.from('data: 1\n'))).toEqual([]);
    expect(parser.push(Buffer.from('\ndata: 2'))).toEqual([{ event: null, data: '1' }]);
    expect(parser.end()).toEqual([{ event: null, data: '2' }]);
    expect(parser.end()).toEqual([]);
  });

  it('refuses a line that never ends', () => {
    const parser = new SseParser();
    const piece = new Uint8Array(8 * 1024 * 1024).fill(0x61);
    expect(() => {
      for (let count = 0; count < 5; count += 1) parser.push(piece);
    }).toThrow(RangeError);
  });

  it('refuses an event that never ends', () => {
    const parser = new SseParser();
    const line = Buffer.from(`data: ${'a'.repeat(8 * 1024 * 1024)}\n`);
    expect(parser.push(Buffer.concat([line, Buffer.from('\n'), line, line, line]))).toHaveLength(1);
    expect(() => parser.push(line)).toThrow(RangeError);
  });

  it('gives the same frames wherever the bytes are cut', () => {
    const line = fc.oneof(
      fc.constantFrom('', '', ': comment', 'event: message', 'data', 'id: 1'),
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
    );
    const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 20 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (lines, places) => {
        const bytes = Buffer.from(lines.map(([text, end]) => text + end).join(''));
        expect(parse(cutAt(bytes, places))).toEqual(parse([bytes]));
      }),
      { numRuns: 300 },
    );
  });

  it('reads back what was written', () => {
    const frames = fc.array(
      fc.record({
        event: fc.option(fc.constantFrom('message', 'ping', 'error')),
        data: fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\r/g, '')),
      }),
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 8 }), (written, places) => {
        const text = written.map(
          ({ event, data }) =>
            `${event === null ? '' : `event: ${event}\n`}${data
              .split('\n')
              .map((line) => `data: ${line}\n`)
              .join('')}\n`,
        );
        expect(parse(cutAt(Buffer.from(text.join('')), places))).toEqual(written);
      }),
      { numRuns: 300 },
    );
  });
});
