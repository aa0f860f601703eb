import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SavedNote } from '../../../src-main/storage/disk-calls.ts';
import { NoteTable } from '../../../src-main/storage/note-table.ts';

const DAY_MS = 86_400_000;

function tableOf({ maxCount = 100, keepDays = 30, isWhole = true } = {}) {
  const saved: SavedNote[] = [];
  const clock = { day: 20_000 };
  const table = new NoteTable(
    { maxCount, keepDays, now: () => clock.day * DAY_MS, onChange: (note) => saved.push(note) },
    isWhole,
  );
  return { table, saved, clock };
}

describe('notes on conversations', () => {
  it('are changed in part', () => {
    const { table, saved } = tableOf();
    expect(table.get('c')).toBeNull();
    table.put('c', { system: 'Be kind.' });
    table.put('c', { home: 'p/m' });
    expect(table.get('c')).toEqual({ system: 'Be kind.', home: 'p/m' });
    expect(table.get('d')).toBeNull();
    expect(saved).toMatchObject([
      { system: 'Be kind.', home: null, day: 20_000 },
      { system: 'Be kind.', home: 'p/m', day: 20_000 },
    ]);
  });
  it('are told of once a day while they are used, and not where nothing changes', () => {
    const { table, saved, clock } = tableOf();
    table.put('c', { home: 'p/m' });
    table.put('c', { home: 'p/m' });
    clock.day += 1;
    table.get('c');
    table.get('c');
    expect(saved.map(({ day }) => day)).toEqual([20_000, 20_001]);
  });
  it('are forgotten after their days', () => {
    const { table, clock } = tableOf({ keepDays: 2 });
    table.put('c', { system: 'text' });
    clock.day += 2;
    expect(table.get('c')).not.toBeNull();
    clock.day += 3;
    expect(table.get('c')).toBeNull();
    expect(table.holdTexts).toBe(false);
  });
  it('make way, the longest unused first', () => {
    const { table } = tableOf({ maxCount: 3 });
    for (const name of ['a', 'b', 'c']) table.put(name, { home: name });
    table.get('a');
    table.put('d', { home: 'd' });
    expect(table.get('b')).toBeNull();
    expect(table.get('a')?.home).toBe('a');
    expect(table.get('d')?.home).toBe('d');
  });
  it('hold no more than so much text', () => {
    const { table } = tableOf();
    for (const name of ['a', 'b', 'c']) table.put(name, { system: name.repeat(1_500_000) });
    expect(table.get('a')).toBeNull();
    expect(table.get('c')?.system).toHaveLength(1_500_000);
  });
  it('say nothing to a disk that was not read, and everything once it was', () => {
    const { table, saved } = tableOf({ isWhole: false });
    const { table: earlier, saved: onDisk } = tableOf();
    earlier.put('c', { system: 'Be kind.', home: 'old/m' });
    earlier.put('other', { home: 'p/m' });
    table.put('c', { home: 'new/m' });
    expect(saved).toEqual([]);
    table.addSaved(onDisk);
    expect(table.get('c')).toEqual({ system: 'Be kind.', home: 'new/m' });
    expect(table.get('other')).toEqual({ system: null, home: 'p/m' });
    expect(saved).toMatchObject([{ system: 'Be kind.', home: 'new/m' }]);
  });
  it('know whether there are texts, whatever happens', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const texts = fc.constantFrom('one', 'two', null);
    fc.assert(
      fc.property(fc.array(fc.tuple(names, texts, fc.nat(2)), { maxLength: 40 }), (puts) => {
        const { table, clock } = tableOf({ maxCount: 3, keepDays: 3 });
        for (const [name, system, days] of puts) {
          clock.day += days;
          table.put(name, { system });
          expect(table.get(name)?.system).toBe(system);
        }
        const found = ['a', 'b', 'c', 'd', 'e'].filter((name) => typeof table.get(name)?.system === 'string');
        expect(table.holdTexts).toBe(found.length > 0);
      }),
    );
  });
});
