import { readFileSync } from 'node:fs';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { countText, TextCounter } from '../../../src-main/counting/count-text.ts';

const SPECIAL = '<|endoftext|>';
const total = ({ text, numbers, foreign }: { text: number; numbers: number; foreign: number }): number =>
  text + numbers + foreign;

describe('counting a text', () => {
  it('gives what o200k gives for ordinary text', () => {
    const source = readFileSync(import.meta.filename, 'utf8').replaceAll('<|', '');
    expect(total(countText(source))).toBeCloseTo(countTokens(source), 6);
  });

  it('takes what looks like a special token for text', () => {
    expect(total(countText(SPECIAL))).toBeGreaterThan(3);
    expect(total(countText('<|im_start|>system<|im_end|>'))).toBeGreaterThan(6);
  });

  it('costs a token or two for a cut', () => {
    const text = 'abcdefghij'.repeat(500);
    const counted = total(countText(text));
    expect(counted).toBeGreaterThanOrEqual(countTokens(text));
    expect(counted).toBeLessThanOrEqual(countTokens(text) + (2 * text.length) / 128);
  });

  it('tells kinds apart', () => {
    expect(countText('Only words here.')).toMatchObject({ numbers: 0, foreign: 0 });
    const numbers = countText('12 3456 7');
    expect(numbers.numbers).toBe(4);
    const mixed = countText('Describe: 数据库连接在超过三十秒之后会被服务器关闭');
    expect(mixed.foreign).toBeGreaterThan(mixed.text);
    expect(countText('')).toEqual({ text: 0, numbers: 0, foreign: 0 });
  });

  it('is the same when it is remembered', () => {
    const counter = new TextCounter();
    const text = 'A text that is long enough to be remembered. '.repeat(20);
    const first = counter.count(text);
    expect(first).toEqual(countText(text));
    // Remembered: the very same object.
    expect(counter.count(`${text}`)).toBe(first);
    expect(counter.count(`${text}!`)).not.toBe(first);
  });
});
