import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spliceModel } from '../../../../src-main/protocols/anthropic/model-splice.ts';

const splice = (json: string, model: string): string => spliceModel(Buffer.from(json), model).toString();

describe('the model name is replaced in place', () => {
  it('leaves every other byte alone', () => {
    expect(splice('{ "stream":true,\n "model" : "old" , "messages":[{"model":"inner"}]}', 'a/b"c')).toBe(
      '{ "stream":true,\n "model" : "a/b\\"c" , "messages":[{"model":"inner"}]}',
    );
  });
  it('replaces a key that stands twice both times: parsers take the last', () => {
    expect(splice('{"model":"one","x":1,"model":"two"}', 'new')).toBe('{"model":"new","x":1,"model":"new"}');
  });
  it('knows the key in escaped spelling', () => {
    expect(JSON.parse(splice('{"mod\\u0065l":"old"}', 'new'))).toEqual({ model: 'new' });
  });
  it('is not fooled by strings that look like keys or braces', () => {
    const body = { a: '"model":"x"}', 'model"': '\\', b: [{ c: '{' }], model: 'old', z: '\u00e9\ud83d\ude00' };
    expect(JSON.parse(splice(JSON.stringify(body), 'new'))).toEqual({ ...body, model: 'new' });
  });
  it('changes the model and nothing else, whatever the body', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.string(),
        fc.nat(3),
        (rest, before, after, indent) => {
          const body = { ...rest, model: before };
          const bytes = JSON.stringify(body, null, indent);
          const replaced = splice(bytes, after);
          expect(JSON.parse(replaced)).toEqual({ ...JSON.parse(bytes), model: after });
          expect(splice(replaced, before)).toBe(bytes);
        },
      ),
    );
  });
});
