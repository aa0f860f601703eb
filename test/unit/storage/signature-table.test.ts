import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SavedOwner } from '../../../src-main/storage/disk-calls.ts';
import { SignatureTable, signatureDigest } from '../../../src-main/storage/signature-table.ts';

const DAY_MS = 86_400_000;

function tableOf(maxCount = 1_000) {
  const changed: SavedOwner[] = [];
  const clock = { now: 20_000 * DAY_MS };
  const table = new SignatureTable({ maxCount, now: () => clock.now, onChange: (owner) => changed.push(owner) });
  return { table, changed, clock };
}

describe('owners of signatures', () => {
  test('what nobody knows is not foreign, and nothing need be looked up', () => {
    const { table } = tableOf();
    expect(table.isForeign('s', 'a')).toBe(false);
    expect(table.knowsOthers('a')).toBe(false);
  });

  test('one is foreign to all but its owner, and to all when nobody takes it any more', () => {
    const { table } = tableOf();
    table.note('s', 'a');
    expect([table.isForeign('s', 'a'), table.isForeign('s', 'b')]).toEqual([false, true]);
    expect([table.knowsOthers('a'), table.knowsOthers('b')]).toEqual([false, true]);
    table.note('s', null);
    expect([table.isForeign('s', 'a'), table.isForeign('s', 'b')]).toEqual([true, true]);
    expect([table.knowsOthers('a'), table.knowsOthers('b')]).toEqual([true, true]);
    table.note('s', 'b');
    expect([table.isForeign('s', 'a'), table.isForeign('s', 'b')]).toEqual([true, false]);
    expect([table.knowsOthers('a'), table.knowsOthers('b')]).toEqual([true, false]);
  });

  test('the longest unused make way, and those in use stay', () => {
    const { table } = tableOf(1_000);
    table.note('kept', 'a');
    for (let index = 0; index < 20_000; index++) {
      table.note(`signature ${index}`, 'b');
      if (index % 100 === 0) expect(table.isForeign('kept', 'b')).toBe(true);
    }
    const known = Array.from({ length: 20_000 }, (_, index) => table.isForeign(`signature ${index}`, 'a'));
    expect(known.filter(Boolean).length).toBeLessThanOrEqual(1_000);
    expect(known.at(-1)).toBe(true);
    expect(known[0]).toBe(false);
  });

  test('an owner whose signatures have all made way is not known any more', () => {
    const { table } = tableOf(100);
    table.note('only one', 'a');
    expect(table.knowsOthers('b')).toBe(true);
    for (let index = 0; index < 1_000; index++) table.note(`signature ${index}`, 'b');
    expect(table.knowsOthers('b')).toBe(false);
  });

  test('the disk is told of what is new, and of a use once a day', () => {
    const { table, changed, clock } = tableOf();
    table.note('s', 'a');
    table.note('s', 'a');
    table.isForeign('s', 'b');
    expect(changed).toEqual([{ digest: signatureDigest('s'), owner: 'a', day: 20_000 }]);
    clock.now += DAY_MS;
    table.isForeign('s', 'b');
    table.isForeign('s', 'b');
    expect(changed.slice(1)).toEqual([{ digest: signatureDigest('s'), owner: 'a', day: 20_001 }]);
  });

  test('what was saved is taken in, but for what is known better', async () => {
    const { table, changed } = tableOf();
    table.note('mine', 'a');
    await table.addSaved({
      names: [null, 'b'],
      digests: new Float64Array(['mine', 'theirs', 'nobodys'].map(signatureDigest)),
      owners: new Uint32Array([1, 1, 0]),
      days: new Uint32Array([19_999, 19_999, 19_999]),
    });
    expect(table.isForeign('mine', 'a')).toBe(false);
    expect([table.isForeign('theirs', 'a'), table.isForeign('theirs', 'b')]).toEqual([true, false]);
    expect(table.isForeign('nobodys', 'b')).toBe(true);
    // Only the uses just now.
    expect(changed.map(({ day }) => day)).toEqual([20_000, 20_000, 20_000]);
  });

  test('more providers than it has room for are not known', () => {
    const { table } = tableOf(20_000);
    for (let index = 0; index < 5_000; index++) table.note(`signature ${index}`, `provider ${index}`);
    expect(table.isForeign('signature 4000', 'provider 1')).toBe(true);
    expect(table.isForeign('signature 4999', 'provider 1')).toBe(false);
  });

  test('it answers as a map would', () => {
    const signature = fc.constantFrom('s1', 's2', 's3', 's4');
    const provider = fc.constantFrom('a', 'b', 'c');
    const step = fc.record({ signature, provider, owner: fc.option(provider), notes: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { table } = tableOf(1_000);
        const model = new Map<string, string | null>();
        for (const { signature, provider, owner, notes } of steps) {
          if (notes) {
            table.note(signature, owner);
            model.set(signature, owner);
          }
          expect(table.isForeign(signature, provider)).toBe(model.has(signature) && model.get(signature) !== provider);
          expect(table.knowsOthers(provider)).toBe([...model.values()].some((known) => known !== provider));
        }
      }),
    );
  });
});

describe('the digest of a signature', () => {
  test('is a whole number that a double holds, and not 0', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (signature) => {
        const digest = signatureDigest(signature);
        expect(Number.isSafeInteger(digest) && digest > 0).toBe(true);
      }),
    );
  });

  test('tells signatures apart, long and short ones', () => {
    const all = new Set<number>();
    for (let index = 0; index < 20_000; index++) {
      all.add(signatureDigest(`s${index}`));
      all.add(signatureDigest(randomBytes(300 + (index % 7)).toString('base64')));
    }
    expect(all.size).toBe(40_000);
  });

  test('changes with any character of a short one, and with the end of a long one', () => {
    const short = randomBytes(140).toString('base64');
    const digest = signatureDigest(short);
    for (let index = 0; index < short.length; index++) {
      const other = `${short.slice(0, index)}*${short.slice(index + 1)}`;
      expect(signatureDigest(other)).not.toBe(digest);
    }
    const long = randomBytes(3_000).toString('base64');
    expect(signatureDigest(`${long.slice(0, -1)}*`)).not.toBe(signatureDigest(long));
    expect(signatureDigest(`${long}=`)).not.toBe(signatureDigest(long));
  });
});
