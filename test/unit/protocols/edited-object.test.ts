import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EditedObject, withItem, withParagraph } from '../../../src-main/protocols/edited-object.ts';

function edited(json: string, edit: (object: EditedObject) => void): string {
  const object = new EditedObject(Buffer.from(json));
  edit(object);
  return object.bytes.toString();
}
const set = (json: string, path: [string, ...string[]], value: unknown): string =>
  edited(json, (object) => object.set(path, value));

describe('a field', () => {
  it('gets another value where it stands, twice where it stands twice', () => {
    expect(set('{ "a" : 1.50,\n"b":"é" , "a": 2 }', ['a'], 3)).toBe('{ "a" : 3,\n"b":"é" , "a": 3 }');
  });
  it.each<[string, [string, ...string[]], string]>([
    ['{"a":1}', ['b'], '{"a":1,"b":true}'],
    ['{ "a": 1\n}', ['b'], '{ "a": 1,"b":true\n}'],
    ['{}', ['b'], '{"b":true}'],
    ['{ "a": { } }', ['a', 'b'], '{ "a": {"b":true } }'],
    ['{"a":{"x":[1, 2]}}', ['a', 'b'], '{"a":{"x":[1, 2],"b":true}}'],
    ['{"a":null,"z":0}', ['a', 'b'], '{"a":{"b":true},"z":0}'],
    ['{"z":0}', ['a', 'b'], '{"z":0,"a":{"b":true}}'],
  ])('is added to %s', (json, path, expected) => {
    expect(set(json, path, true)).toBe(expected);
  });
  it.each([
    ['{"a":1,"b":2, "c":3}', '{"b":2, "c":3}'],
    ['{ "x":0, "a" : 1 , "b":2 }', '{ "x":0 , "b":2 }'],
    ['{"b":2,"a":{}}', '{"b":2}'],
    ['{"a":1}', '{}'],
    ['{"a":1,"b":2,"a":3}', '{"b":2}'],
  ])('is taken out of %s', (json, expected) => {
    expect(edited(json, (object) => object.remove('a'))).toBe(expected);
  });
  it('is read, inside of others too; long numbers as they are written', () => {
    const object = new EditedObject(Buffer.from('{"a":{"b":[12345678901234567890]},"c":1,"c":"x","d":nonsense}'));
    expect(JSON.stringify(object.get('a', 'b'))).toBe('[12345678901234567890]');
    expect([object.get('c'), object.get('d'), object.get('e'), object.get('c', 'x')]).toEqual([
      'x',
      undefined,
      undefined,
      undefined,
    ]);
  });
  it.each(['[1]', '"a"', '', '{', 'null'])('cannot be put into %j', (json) => {
    expect(set(json, ['a'], 1)).toBe(json);
  });
  it('is as it should be, and all else as it was, whatever the object', () => {
    const key = fc.string().filter((name) => name !== '__proto__');
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.jsonValue({ depthSize: 'small' })),
        key,
        fc.jsonValue(),
        fc.nat(3),
        (body, name, value, indent) => {
          const json = JSON.stringify(body, null, indent);
          const changed = set(json, [name], value);
          expect(JSON.parse(changed)).toEqual(JSON.parse(JSON.stringify({ ...body, [name]: value })));
          const { [name]: _, ...rest } = body;
          expect(JSON.parse(edited(changed, (object) => object.remove(name)))).toEqual(
            JSON.parse(JSON.stringify(rest)),
          );
          const before = new EditedObject(Buffer.from(json)).written(name);
          if (before !== null) expect(edited(changed, (object) => object.write(name, before))).toBe(json);
        },
      ),
    );
  });
});

describe('what is written', () => {
  it.each([
    ['[]', '[{"x":1}]'],
    ['[ ]', '[{"x":1} ]'],
    ['[ {"y":"]"} , 2\n]', '[ {"y":"]"} , 2,{"x":1}\n]'],
    ['["a",-1.5e3]', '["a",-1.5e3,{"x":1}]'],
  ])('of a list %s has one more item', (json, expected) => {
    expect(withItem(Buffer.from(json), { x: 1 }).toString()).toBe(expected);
  });
  it.each([
    ['"a\\u00e9\\""', '"a\\u00e9\\"\\n\\nnew \\"line\\"\\n"'],
    ['""', '"new \\"line\\"\\n"'],
  ])('of a text %s goes on', (json, expected) => {
    expect(withParagraph(Buffer.from(json), 'new "line"\n').toString()).toBe(expected);
  });
});
