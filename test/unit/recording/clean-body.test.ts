import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodyView, Cleaner } from '../../../src-main/recording/clean-body.ts';

const secret = 'a secret with "quotes" and ümlauts';
const cleaner = new Cleaner([secret]);

/** As it is kept. */
const body = (content: Uint8Array | string, maxBytes = 1e9) => ({
  content: Buffer.from(content).subarray(0, maxBytes),
  bytes: Buffer.byteLength(content),
});

describe('a body with keys cut out', () => {
  test('is the same text where there is none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const view = bodyView(cleaner.body(body(text)));
        expect(view).toEqual({ text, encoding: 'utf8', bytes: Buffer.byteLength(text), truncated: false });
      }),
    );
  });

  test('is the same bytes where it is no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { text, encoding } = bodyView(cleaner.body(body(bytes)));
        expect(Buffer.from(text, encoding)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('has none of a key, wherever it was cut', () => {
    const text = JSON.stringify({ text: `ä${'x'.repeat(300)} ${secret} and sk-abcdefghijklmnop` });
    for (let length = 0; length < text.length + 10; length += 1) {
      const view = bodyView(cleaner.body(body(text, length)));
      expect(view.truncated).toBe(length < Buffer.byteLength(text));
      expect(view.encoding).toBe('utf8');
      expect(view.text).not.toMatch(/secret|quotes|abcdefgh|�/);
    }
  });

  test('has none of a key also in what is no text', () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from('sk-abcdefghijklmnop'), Buffer.from([0xfe])]);
    const { text, encoding } = bodyView(cleaner.body(body(bytes)));
    expect(encoding).toBe('base64');
    expect(Buffer.from(text, 'base64').toString('latin1')).toBe('\xff\x00[redacted]\xfe');
  });
});
