import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptEvents } from '../../../src-main/mcp/http/kept-events.ts';

describe('kept events', () => {
  it('gives of one stream what came after an event', () => {
    const kept = new KeptEvents();
    kept.add('s', '1', 1, 'a');
    kept.add('s', '2', 1, 'other stream');
    kept.add('t', '1', 1, 'other session');
    kept.add('s', '1', 2, 'b');
    expect(kept.after('s', '1', 0)).toEqual(['a', 'b']);
    expect(kept.after('s', '1', 1)).toEqual(['b']);
    expect(kept.after('s', '1', 2)).toEqual([]);
    kept.forget('s');
    expect(kept.after('s', '1', 0)).toEqual([]);
    expect(kept.bytes).toBe('other session'.length);
  });

  it('forgets what is too old', () => {
    let now = 0;
    const kept = new KeptEvents({ keptMs: 1000, now: () => now });
    kept.add('s', '1', 1, 'old');
    now = 999;
    expect(kept.after('s', '1', 0)).toEqual(['old']);
    now = 1000;
    expect(kept.after('s', '1', 0)).toEqual([]);
    kept.add('s', '1', 2, 'new');
    expect(kept.bytes).toBe(3);
  });

  it('never takes more than it may, but for the newest, and drops the oldest first', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('1', '2'), fc.nat(40)), { maxLength: 50 }), (pushes) => {
        const kept = new KeptEvents({ mostBytes: 100, now: () => 0 });
        const all: string[] = [];
        for (const [index, [stream, length]] of pushes.entries()) {
          const text = `${index}:${'é'.repeat(length)}`;
          all.push(text);
          kept.add('s', stream, index + 1, text);
          expect(kept.bytes).toBeLessThanOrEqual(Math.max(100, Buffer.byteLength(text)));
          const there = [...kept.after('s', '1', 0), ...kept.after('s', '2', 0)].sort(
            (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
          );
          expect(there).toEqual(all.slice(all.length - there.length));
          expect(there.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});
