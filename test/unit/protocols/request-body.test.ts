import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEnvelope } from '../../../src-main/protocols/json-envelope.ts';
import { RequestBody, type RequestFields } from '../../../src-main/protocols/request-body.ts';
import { ProxyError } from '../../../src-shared/errors.ts';

const splice = (json: string, model: string): string => new RequestBody(Buffer.from(json)).withModel(model).toString();

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
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
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

describe('fields are set in place', () => {
  const set = (json: string, values: RequestFields): string =>
    new RequestBody(Buffer.from(json)).with(values).toString();

  it('those that stand nowhere come first, and every other byte stays', () => {
    expect(set(' { "model":"a" , "x":1.0 }', { model: 'b', stream_options: { a: 1 } })).toBe(
      ' {"stream_options":{"a":1}, "model":"b" , "x":1.0 }',
    );
    expect(set('{"stream_options": null,"model":"a"}', { model: 'b', stream_options: 2 })).toBe(
      '{"stream_options": 2,"model":"b"}',
    );
    expect(set('{"stream_options":1,"model":"a","stream_options":2}', { stream_options: 3 })).toBe(
      '{"stream_options":3,"model":"a","stream_options":3}',
    );
  });
  it('nothing is copied where nothing changes', () => {
    const bytes = Buffer.from('{"model":"a"}');
    expect(new RequestBody(bytes).with({ model: 'a' })).toBe(bytes);
  });
});

describe('what is in a body', () => {
  it('is read without decoding the rest: bad JSON deep inside is for the provider to refuse', () => {
    const body = new RequestBody(Buffer.from('{"model":"m","stream":true,"messages":[{"role":nonsense}]}'));
    expect(body).toMatchObject({ model: 'm', stream: true });
    expect(() => body.decode()).toThrow('not valid JSON');
  });
  it('the last of two fields counts, as for every parser', () => {
    expect(new RequestBody(Buffer.from('{"stream":false,"model":"a","model":"b","stream":true}'))).toMatchObject({
      model: 'b',
      stream: true,
    });
  });
  it.each([
    '',
    '{',
    '[]',
    'null',
    '{"model":"m"',
    '{"model":"m"}}',
    '{"model":"m",}',
    '{"model":m}',
    '{model:"m"}',
    '{"model":"m"} x',
    '\ufeff{}',
  ])('%j is refused', (text) => {
    expect(() => new RequestBody(Buffer.from(text))).toThrow(ProxyError);
  });
  it('agrees with JSON.parse on every object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2), (object, indent) => {
        const keys = Object.keys(object);
        const bytes = Buffer.from(JSON.stringify(object, null, indent));
        const envelope = readEnvelope(bytes, keys);
        for (const key of keys) {
          const range = envelope?.[key]?.at(-1);
          expect(JSON.parse(bytes.toString('utf8', range?.start, range?.end))).toEqual(
            JSON.parse(JSON.stringify(object[key])),
          );
        }
      }),
    );
  });
  it('accepts only what has the shape of an object, and never throws, whatever the bytes', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ':',
      ',',
      '1',
      'true',
      ' ',
      '"a"',
      '"a":',
      'x'.repeat(40),
      '\\"',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        const envelope = readEnvelope(Buffer.from(text), ['a']);
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          return;
        }
        const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
        expect(envelope !== null).toBe(isObject);
      }),
      { numRuns: 3000 },
    );
  });
});
