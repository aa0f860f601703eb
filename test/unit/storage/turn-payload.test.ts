import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RememberedTurn } from '../../../src-main/protocols/remembered-turn.ts';
import { packTurn, unpackTurn } from '../../../src-main/storage/turn-payload.ts';
import { proseOf } from '../../helpers/prose.ts';
import { turnOf } from '../../helpers/remembered-turns.ts';

describe('turns as they are written', () => {
  test('any turn comes back as it was', () => {
    const block = fc.oneof(
      fc.record({ type: fc.constant('thinking' as const), thinking: fc.string(), signature: fc.string() }),
      fc.record({ type: fc.constant('redacted_thinking' as const), data: fc.string({ unit: 'binary' }) }),
    );
    const turn: fc.Arbitrary<RememberedTurn> = fc.record(
      {
        provider: fc.string(),
        model: fc.string(),
        reasoning: fc.dictionary(fc.string(), fc.array(block, { maxLength: 3 }), { noNullPrototype: true }),
        phases: fc.array(fc.option(fc.string())),
      },
      { requiredKeys: ['provider', 'model', 'reasoning'] },
    );
    fc.assert(
      fc.property(turn, (one) => {
        expect(unpackTurn(packTurn(one))).toEqual(one);
      }),
    );
  });

  test('short reasoning takes less than its text', () => {
    const sizes = Array.from({ length: 100 }, (_, seed) => packTurn(turnOf(proseOf(200, seed), '')).length);
    expect(Math.max(...sizes)).toBeLessThan(200);
  });

  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['nothing deflated', new Uint8Array([1, 2, 3])],
    ['another dictionary', deflateRawSync('{}', { dictionary: Buffer.from('{}') })],
    ['no turn', '{"provider":"p"}'],
    ['no blocks', '{"provider":"p","model":"m","reasoning":{"":[1]}}'],
    ['phases that are no list', '{"provider":"p","model":"m","reasoning":{},"phases":1}'],
    ['far too much', deflateRawSync(Buffer.alloc(33 * 1024 * 1024, 32))],
    ['nothing', null],
  ])('what is damaged is none: %s', (_, payload) => {
    expect(unpackTurn(payload)).toBeNull();
  });
});
