import { describe, expect, it } from 'vitest';
import { inputObject, inputText, toolInput } from '../../../src-main/protocols/tool-input.ts';

describe('toolInput', () => {
  it('is always an object, and keeps what is none as text', () => {
    expect(toolInput('{"a":1}')).toEqual({ a: 1 });
    for (const json of ['{"a":', '[1]', '"x"', 'null', '7']) expect(toolInput(json)).toEqual({ _raw: json });
  });
});

describe('inputText', () => {
  it('is what the model wrote, JSON or not', () => {
    for (const json of ['{"a":1}', '{"a":', '[1]', 'ls -la']) expect(inputText(toolInput(json))).toBe(json);
    expect(inputText(undefined)).toBe('{}');
  });
});

describe('inputObject', () => {
  it('makes an object of whatever a client sends', () => {
    expect([{ a: 1 }, null, undefined, 'ls', [1]].map(inputObject)).toEqual([
      { a: 1 },
      {},
      {},
      { _raw: 'ls' },
      { _raw: [1] },
    ]);
  });
});
