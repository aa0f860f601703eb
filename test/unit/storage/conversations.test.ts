import { describe, expect, test } from 'vitest';
import { Conversations } from '../../../src-main/storage/conversations.ts';
import { turnBytes } from '../../../src-main/storage/turn-bytes.ts';
import { turnOf } from '../../helpers/remembered-turns.ts';

const forever = Number.POSITIVE_INFINITY;
const roomy = { maxBytes: 1_000_000, maxTurns: 100 };

describe('conversations in memory', () => {
  test('the longest unused make way when all together take too much', () => {
    const one = turnBytes(turnOf('x'.repeat(1_000)));
    const conversations = new Conversations({ maxBytes: 10 * one, limits: roomy });
    for (let index = 0; index < 50; index++) {
      conversations.add(conversations.begin(`c${index}`, index, true), 'k', turnOf('x'.repeat(1_000)));
      // The first is used again and again.
      expect(conversations.use('c0', index, forever)).not.toBeNull();
      expect(conversations.bytes).toBeLessThanOrEqual(10 * one);
    }
    expect(conversations.count).toBeGreaterThan(5);
    expect(conversations.use('c1', 50, forever)).toBeNull();
    expect(conversations.use('c49', 50, forever)?.recall('k')).toEqual(turnOf('x'.repeat(1_000)));
  });

  test('one conversation drops its oldest turns, by number and by size', () => {
    const byNumber = new Conversations({ maxBytes: 1e9, limits: { maxBytes: 1e9, maxTurns: 3 } });
    const short = byNumber.begin('c', 0, true);
    for (const key of ['a', 'b', 'c', 'a', 'd']) byNumber.add(short, key, turnOf(key));
    expect([...short.turns.keys()]).toEqual(['c', 'a', 'd']);

    const size = turnBytes(turnOf('x'.repeat(10_000)));
    const bySize = new Conversations({ maxBytes: 1e9, limits: { maxBytes: 3.5 * size, maxTurns: 100 } });
    const long = bySize.begin('c', 0, true);
    for (const key of ['a', 'b', 'c', 'd', 'e']) bySize.add(long, key, turnOf('x'.repeat(10_000)));
    expect([...long.turns.keys()]).toEqual(['c', 'd', 'e']);
  });

  test('what the disk has comes before what came since, and does not replace it', () => {
    const conversations = new Conversations({ maxBytes: 1e9, limits: roomy });
    const conversation = conversations.begin('c', 0, false);
    conversations.add(conversation, 'b', turnOf('new b'));
    conversations.add(conversation, 'c', turnOf('new c'));
    const { recall } = conversation;
    conversations.addOlder(conversation, [
      ['a', turnOf('old a')],
      ['b', turnOf('old b')],
    ]);
    expect([...conversation.turns.keys()]).toEqual(['a', 'b', 'c']);
    expect(recall('a')).toEqual(turnOf('old a'));
    expect(recall('b')).toEqual(turnOf('new b'));
  });

  test('what comes late for one that has made way does not count', () => {
    const conversations = new Conversations({ maxBytes: 5_000, limits: roomy });
    const gone = conversations.begin('gone', 0, false);
    conversations.add(conversations.begin('c', 0, true), 'k', turnOf('x'.repeat(2_000)));
    const before = conversations.bytes;
    expect(conversations.count).toBe(1);
    conversations.addOlder(gone, [['k', turnOf('late')]]);
    expect(gone.recall('k')).toEqual(turnOf('late'));
    expect(conversations.bytes).toBe(before);
  });

  test('one that was not used for too long is not there', () => {
    const conversations = new Conversations({ maxBytes: 1e9, limits: roomy });
    conversations.add(conversations.begin('c', 0, true), 'k', turnOf('x'));
    expect(conversations.use('c', 1_000, 1_000)).not.toBeNull();
    expect(conversations.use('c', 2_001, 1_000)).toBeNull();
    expect(conversations.bytes).toBe(0);
  });

  test('a turn is taken for at least what its texts take', () => {
    const heap = (turn: unknown): number => JSON.stringify(turn).length;
    for (const text of ['', 'plain', '漢字'.repeat(500), 'x'.repeat(10_000)])
      expect(turnBytes(turnOf(text))).toBeGreaterThan(heap(turnOf(text)));
    const redacted = {
      ...turnOf(''),
      reasoning: { t: [{ type: 'redacted_thinking', data: 'y'.repeat(900) }] },
    } as const;
    expect(turnBytes(redacted)).toBeGreaterThan(1_800);
  });
});
