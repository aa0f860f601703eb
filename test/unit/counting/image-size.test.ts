import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageSize } from '../../../src-main/counting/image-size.ts';
import { pngOf } from '../../helpers/counting-accuracy.ts';

const base64 = (...parts: (Buffer | number[] | string)[]): string =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  ).toString('base64');
const word = (value: number): number[] => [value >> 8, value & 255];
const littleWord = (value: number): number[] => [value & 255, value >> 8];

const segment = (marker: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([0xff, marker, ...word(length + 2)]), Buffer.alloc(length, 0x55)]);
const frame = (marker: number, width: number, height: number): number[] => [
  ...[0xff, marker, ...word(17), 8],
  ...word(height),
  ...word(width),
  3,
];
const rest = Buffer.alloc(50);
const webp = (kind: string, body: number[]): string =>
  base64('RIFF', [1, 2, 3, 4], 'WEBP', kind, [9, 0, 0, 0], body, rest);

describe('the size of an image', () => {
  it.each<[string, string, number, number]>([
    ['PNG', pngOf(640, 480), 640, 480],
    ['a large PNG', pngOf(70_000, 3), 70_000, 3],
    ['GIF', base64('GIF89a', littleWord(300), littleWord(200), rest), 300, 200],
    ['JPEG', base64([0xff, 0xd8], segment(0xe0, 14), frame(0xc0, 1024, 768), rest), 1024, 768],
    ['progressive JPEG', base64([0xff, 0xd8], segment(0xe0, 14), frame(0xc2, 33, 44), rest), 33, 44],
    [
      'JPEG behind EXIF, a profile and tables',
      base64(
        [0xff, 0xd8],
        segment(0xe1, 65_000),
        segment(0xe2, 65_001),
        segment(0xe2, 40_002),
        segment(0xdb, 130),
        segment(0xc4, 400),
        frame(0xc1, 4032, 3024),
        rest,
      ),
      4032,
      3024,
    ],
    ['JPEG with bytes that fill up', base64([0xff, 0xd8, 0xff, 0xff], frame(0xc0, 5, 6), rest), 5, 6],
    ['lossy WebP', webp('VP8 ', [0, 0, 0, 0x9d, 0x01, 0x2a, ...littleWord(550), ...littleWord(368)]), 550, 368],
    [
      'lossless WebP',
      // Two numbers of 14 bits, each one less.
      webp('VP8L', [0x2f, 0x1f, 0xc3, 0x63, 0x00]),
      800,
      400,
    ],
    ['extended WebP', webp('VP8X', [0, 0, 0, 0, 0xe7, 0x03, 0, 0xf3, 0x01, 0]), 1000, 500],
  ])('is read from a %s', (_, data, width, height) => {
    expect(imageSize(data)).toEqual({ width, height });
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['no image', base64('Hello, this is a text and no image at all.')],
    ['a PNG without its header', base64([0x89, 0x50, 0x4e, 0x47], [1, 2, 3])],
    ['a PNG of no size', pngOf(0, 7)],
    ['a JPEG that ends before its frame', base64([0xff, 0xd8], segment(0xe0, 14))],
    ['a JPEG with a segment beyond its end', base64([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 1])],
    [
      'a JPEG of segments that never end',
      base64([0xff, 0xd8], ...Array.from({ length: 2000 }, () => segment(0xe0, 0))),
    ],
    ['a WebP of a kind to come', webp('VP9 ', [])],
  ])('is unknown of %s', (_, data) => {
    expect(imageSize(data)).toBeNull();
  });

  it('never throws', () => {
    const starts = [
      [0xff, 0xd8],
      [0x89, 0x50, 0x4e, 0x47],
      [...Buffer.from('GIF89a')],
      [...Buffer.from('RIFF0000WEBPVP8X')],
    ];
    fc.assert(
      fc.property(fc.constantFrom([], ...starts), fc.uint8Array({ maxLength: 80 }), (start, bytes) => {
        imageSize(base64(start, [...bytes]));
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void imageSize(text)));
  });
});
