import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentError } from '../../../src-main/documents/document.ts';
import { valueAt, valueWith, valueWithout } from '../../../src-main/documents/json-values.ts';
import { openDocument } from '../../../src-main/documents/open-document.ts';
import { containersOf, fieldName, jsonValue, type Place, placesOf, section } from './generators.ts';
import { type Written, writtenJson, writtenYaml } from './written.ts';

const formats = [
  ['json', writtenJson],
  ['yaml', writtenYaml],
] as const;

/** Whether all characters of `part` but blanks are in `whole`, in their order. */
const isWithin = (part: string, whole: string): boolean => {
  let at = 0;
  for (const character of part.replaceAll(/\s/g, '')) {
    at = whole.indexOf(character, at) + 1;
    if (at === 0) return false;
  }
  return true;
};

const commentsIn = (text: string): string[] => text.match(/(?<=(?:#|\/\/|\/\*) )c\d+\./g) ?? [];

describe.each(formats)('%s', (format, write) => {
  const written: fc.Arbitrary<{ value: Record<string, unknown>; written: Written }> = section().chain((value) =>
    fc.record({ value: fc.constant(value), written: write(value) }),
  );

  it('is read as what it says', () => {
    fc.assert(
      fc.property(written, ({ value, written: { text } }) => {
        expect(openDocument(format, text).value).toEqual(value);
        expect(openDocument(format, `\uFEFF${text}`).value).toEqual(value);
      }),
    );
  });

  it('a value that is replaced leaves everything outside it as it is', () => {
    fc.assert(
      fc.property(written, fc.nat(), jsonValue(), ({ value, written: { text } }, seed, change) => {
        const places = placesOf(value);
        const place = places[seed % Math.max(places.length, 1)];
        if (place === undefined) return;
        const changed = openDocument(format, text).set(place, change);
        expect(changed.value).toEqual(valueWith(value, place, change));
        const old = valueAt(value, place);
        if (typeof old !== 'object' || old === null) expect(commentsIn(changed.text)).toEqual(commentsIn(text));
      }),
    );
  });

  it('a scalar in the place of a scalar changes nothing but that', () => {
    fc.assert(
      fc.property(written, fc.nat(), fc.constantFrom('new', 5, true), ({ value, written: { text } }, seed, change) => {
        const places = placesOf(value).filter((place) => typeof valueAt(value, place) !== 'object');
        const place = places[seed % Math.max(places.length, 1)];
        if (place === undefined || valueAt(value, place) === change) return;
        const changed = openDocument(format, text).set(place, change).text;
        const start = [...text].findIndex((_, index) => text[index] !== changed[index]);
        let same = 0;
        while (text.at(-1 - same) === changed.at(-1 - same) && same < Math.min(text.length, changed.length) - start)
          same += 1;
        // What differs is the one value, on its line.
        expect(text.slice(start, text.length - same)).not.toContain('\n');
        expect(changed.slice(start, changed.length - same)).not.toContain('\n');
      }),
    );
  });

  it('a new place is added, and taking it away again gives every byte back', () => {
    fc.assert(
      fc.property(written, fc.nat(), fieldName, jsonValue(), ({ value, written: { text } }, seed, name, change) => {
        const containers = containersOf(value);
        const container = containers[seed % containers.length];
        if (container === undefined) return;
        const last = Array.isArray(container.value) ? container.value.length : name;
        const place: Place = [...container.path, last];
        if (valueAt(value, place) !== undefined) return;
        const document = openDocument(format, text);
        const changed = document.set(place, change);
        expect(changed.value).toEqual(valueWith(value, place, change));
        expect(commentsIn(changed.text)).toEqual(commentsIn(text));
        // What is empty has brackets, also in YAML's block style, which it then leaves.
        const without = container.path.length > 0 && format === 'yaml' ? text.replaceAll(/[[\]{}]/g, '') : text;
        expect(isWithin(without, changed.text)).toBe(true);
        expect(changed.remove(place).text).toBe(text);
      }),
    );
  });

  it('what is removed takes no comment with it that is not inside it', () => {
    fc.assert(
      fc.property(written, fc.nat(), ({ value, written: { text } }, seed) => {
        const places = placesOf(value);
        const place = places[seed % Math.max(places.length, 1)];
        if (place === undefined) return;
        const changed = openDocument(format, text).remove(place);
        expect(changed.value).toEqual(valueWithout(value, place));
        const old = valueAt(value, place);
        if (typeof old !== 'object' || old === null) expect(commentsIn(changed.text)).toEqual(commentsIn(text));
      }),
    );
  });

  it('many changes one after the other come to what the model says', () => {
    const step = fc.record({
      seed: fc.nat(),
      name: fieldName,
      value: jsonValue(),
      kind: fc.constantFrom('set', 'add', 'remove'),
    });
    fc.assert(
      fc.property(written, fc.array(step, { maxLength: 12 }), ({ value, written: { text } }, steps) => {
        let model: unknown = value;
        let document = openDocument(format, text);
        for (const { seed, name, value: change, kind } of steps) {
          const places = placesOf(model);
          const containers = containersOf(model);
          const container = containers[seed % containers.length];
          const added: Place = [
            ...(container?.path ?? []),
            Array.isArray(container?.value) ? container.value.length : name,
          ];
          const place = kind === 'add' ? added : places[seed % Math.max(places.length, 1)];
          if (place === undefined) continue;
          model = kind === 'remove' ? valueWithout(model, place) : valueWith(model, place, change);
          document = kind === 'remove' ? document.remove(place) : document.set(place, change);
          expect(document.value).toEqual(model);
        }
      }),
    );
  });

  it('what is not there is not removed, and what is the same is not written', () => {
    fc.assert(
      fc.property(written, fc.nat(), ({ value, written: { text } }, seed) => {
        const document = openDocument(format, text);
        expect(document.remove(['not', 'there']).text).toBe(text);
        const places = placesOf(value);
        const place = places[seed % Math.max(places.length, 1)];
        if (place !== undefined) expect(document.set(place, valueAt(value, place)).text).toBe(text);
      }),
    );
  });

  it('no text makes it fail in another way than saying so', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          openDocument(format, text);
        } catch (error) {
          expect(error).toBeInstanceOf(DocumentError);
        }
      }),
    );
  });

  it('says of a place that is none why', () => {
    const document = openDocument(format, '{ "a": 1, "list": [ 1 ] }');
    expect(() => document.set(['a', 'b'], 1)).toThrow('a is no section');
    expect(() => document.set(['list', 'b'], 1)).toThrow('list is a list, so nothing of it is called b');
    expect(() => document.set(['list', 3], 1)).toThrow('list is a list of 1, so it has no place 3');
    expect(() => document.set([], 1)).toThrow(DocumentError);
  });
});
