import { describe, expect, it } from 'vitest';
import type { AnswerBlock, ContentBlock, Message } from '../../../src-main/protocols/canonical.ts';
import { packState } from '../../../src-main/protocols/reasoning-state.ts';
import type { Recall, RememberedTurn } from '../../../src-main/protocols/remembered-turn.ts';
import { type RestoreTarget, restoreTurns } from '../../../src-main/protocols/restore-turns.ts';
import { turnKey } from '../../../src-main/protocols/turn-key.ts';

const target: RestoreTarget = {
  provider: 'claude',
  model: 'opus',
  takesUnsigned: false,
  takesPhases: false,
  losesParts: false,
};
const made = { provider: 'claude', model: 'opus' };

const thinking = (text: string, signature = ''): AnswerBlock & { type: 'thinking' } => ({
  type: 'thinking',
  thinking: text,
  signature,
});
const redacted = { type: 'redacted_thinking' as const, data: 'EroC' };
const text = (value: string): ContentBlock => ({ type: 'text', text: value });
const use = (id: string, input: unknown = { a: 1 }) => ({ type: 'tool_use' as const, id, name: 'Bash', input });
const result = (id: string): Message => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id }] });
const user: Message = { role: 'user', content: 'Go on' };
const assistant = (...content: ContentBlock[]): Message => ({ role: 'assistant', content });

const recalling =
  (uses: ReturnType<typeof use>[], turn: RememberedTurn): Recall =>
  (key) =>
    key === turnKey(uses) ? turn : undefined;

/** What becomes of one answer. */
function restored(answer: readonly Message[], recall: Recall, changes: Partial<RestoreTarget> = {}): unknown {
  const messages = [user, ...answer, result('a')];
  const given = restoreTurns(messages, { ...target, ...changes }, recall);
  if (given.messages === messages) return 'nothing';
  expect([given.messages[0], given.messages.at(-1)]).toEqual([user, result('a')]);
  expect(given.messages).toHaveLength(3);
  return given.messages[1]?.content;
}

describe('an answer that has come back without its reasoning', () => {
  const uses = [use('a'), use('b')];
  const recall = recalling(uses, {
    ...made,
    reasoning: { '': [thinking('1', 'A'), redacted], 'text:1': [thinking('2', 'B')], b: [thinking('3', 'C')] },
  });

  it('gets it back where it stood', () => {
    expect(restored([assistant(text('x'), text(' '), text('y'), use('a'), use('b'))], recall)).toEqual([
      thinking('1', 'A'),
      redacted,
      text('x'),
      text(' '),
      thinking('2', 'B'),
      text('y'),
      use('a'),
      thinking('3', 'C'),
      use('b'),
    ]);
  });

  it('gets that of texts which the client has joined before its first call', () => {
    expect(restored([assistant(text('x\n\ny'), use('a'), use('b'))], recall)).toEqual([
      thinking('1', 'A'),
      redacted,
      text('x\n\ny'),
      thinking('2', 'B'),
      use('a'),
      thinking('3', 'C'),
      use('b'),
    ]);
  });

  it('gets it back where it comes in several messages', () => {
    const answer = [assistant(text('x')), assistant(text('y'), use('a')), assistant(use('b'))];
    expect(restored(answer, recall)).toEqual([
      thinking('1', 'A'),
      redacted,
      text('x'),
      thinking('2', 'B'),
      text('y'),
      use('a'),
      thinking('3', 'C'),
      use('b'),
    ]);
  });

  it('says how many did', () => {
    const messages = [user, assistant(...uses), result('a'), assistant(use('c')), result('c')];
    expect(restoreTurns(messages, target, recall).turns).toBe(1);
    expect(messages[1]).toEqual(assistant(...uses));
  });
});

describe('an answer stays as it is', () => {
  const reasoning = { '': [thinking('Hm', 'A')] };
  const recall = recalling([use('a')], { ...made, reasoning });

  it.each<[string, Message]>([
    ['that is not remembered', assistant(use('b'))],
    ['whose call was changed', assistant(use('a', { a: 2 }))],
    ['that calls nothing', assistant(text('Hi'))],
    ['that is a text', { role: 'assistant', content: 'Hi' }],
    ['that has its reasoning', assistant(thinking('Hm', 'A'), use('a'))],
    ['with reasoning of its own', assistant(redacted, use('a'))],
    ['whose text was written by somebody else', assistant(thinking('Aha'), use('a'))],
  ])('%s', (_, answer) => {
    expect(restored([answer], recall)).toBe('nothing');
  });

  it.each([
    ['another provider', { provider: 'other' }],
    ['another model', { model: 'sonnet' }],
  ])('that %s has made', (_, target) => {
    expect(restored([assistant(use('a'))], recall, target)).toBe('nothing');
  });

  it('whose reasoning has no signature, before a server that would not take it', () => {
    const unsigned = recalling([use('a')], { ...made, reasoning: { '': [thinking('Hm')] } });
    expect(restored([assistant(use('a'))], unsigned)).toBe('nothing');
    const takesUnsigned = true;
    expect(restored([assistant(use('a'))], unsigned, { takesUnsigned })).toEqual([thinking('Hm'), use('a')]);
    expect(restored([assistant(thinking('m'), use('a'))], unsigned, { takesUnsigned })).toEqual([
      thinking('Hm'),
      use('a'),
    ]);
    expect(restored([assistant(thinking('Hm\n'), use('a'))], unsigned, { takesUnsigned })).toBe('nothing');
  });

  it('with a call whose id objects have by themselves', () => {
    const uses = [use('constructor')];
    expect(restored([assistant(...uses)], recalling(uses, { ...made, reasoning: {} }))).toBe('nothing');
    const own = recalling(uses, { ...made, reasoning: { '': [thinking('Hm', 'A')] } });
    expect(restored([assistant(...uses)], own)).toEqual([thinking('Hm', 'A'), ...uses]);
  });
});

describe('an answer that has come back with nothing but the text of its reasoning', () => {
  const recall = recalling([use('a')], {
    ...made,
    reasoning: { '': [thinking('One\n two', 'A'), redacted], a: [thinking('three', 'B')] },
  });
  const whole = [thinking('One\n two', 'A'), redacted, text('x'), thinking('three', 'B'), use('a')];

  it.each([
    ['whole', 'One\n two\n\nthree'],
    ['in a part', 'two'],
    ['that is empty', ''],
  ])('%s, gets it with its signatures', (_, kept) => {
    expect(restored([assistant(thinking(kept), text('x'), use('a'))], recall)).toEqual(whole);
  });

  it('in several pieces, gets it with its signatures', () => {
    const answer = assistant(thinking('One two'), text('x'), thinking('three'), use('a'));
    expect(restored([answer], recall)).toEqual(whole);
  });

  it('and a packed state counts as one', () => {
    const state = packState({ dialect: 'ollama', ...made, data: null });
    const packed = recalling([use('a')], { ...made, reasoning: { '': [thinking('Hm', state)] } });
    expect(restored([assistant(thinking('Hm'), use('a'))], packed)).toEqual([thinking('Hm', state), use('a')]);
  });
});

describe('an answer that has come back with some pieces of its reasoning', () => {
  const recall = recalling([use('a')], {
    ...made,
    reasoning: { '': [thinking('One', 'A'), redacted], a: [thinking('two'), thinking('three', 'B')] },
  });
  const whole = [thinking('One', 'A'), redacted, thinking('two'), thinking('three', 'B'), use('a')];
  const losesParts = true;

  it.each<[string, ReturnType<typeof thinking>[]]>([
    ['the last one', [thinking('three', 'B')]],
    ['with a text that was cut', [thinking('hre', 'B')]],
    ['one without its signature', [thinking('One'), thinking('three', 'B')]],
  ])('(%s) gets all of it from a client that loses some without meaning to', (_, kept) => {
    expect(restored([assistant(...kept, use('a'))], recall, { losesParts })).toEqual(whole);
    expect(restored([assistant(...kept, use('a'))], recall)).toBe('nothing');
  });

  it('gets a text that was cut, also where every state is there', () => {
    const kept = [thinking('ne', 'A'), redacted, thinking('three', 'B')];
    expect(restored([assistant(...kept, use('a'))], recall, { losesParts })).toEqual(whole);
    expect(restored([assistant(...kept, use('a'))], recall)).toBe('nothing');
  });

  it.each<[string, ContentBlock[]]>([
    ['all that matters', [thinking('One', 'A'), redacted, thinking('three', 'B')]],
    ["another's", [thinking('three', 'C')]],
    ['of its own', [thinking('four'), thinking('three', 'B')]],
  ])('stays as it is where they are %s', (_, kept) => {
    expect(restored([assistant(...kept, use('a'))], recall, { losesParts })).toBe('nothing');
  });
});

describe('the phases of texts', () => {
  const recall = recalling([use('a')], {
    ...made,
    reasoning: { '': [thinking('Hm', 'A')] },
    phases: ['commentary', null],
  });
  const signed = thinking('Hm', 'A');
  const takesPhases = true;

  it('come back to a target that takes them, with reasoning that was kept', () => {
    expect(restored([assistant(signed, text('x'), text('y'), use('a'))], recall, { takesPhases })).toEqual([
      signed,
      { type: 'text', text: 'x', openai: { phase: 'commentary' } },
      text('y'),
      use('a'),
    ]);
    const messages = [user, assistant(signed, text('x'), text('y'), use('a'))];
    expect(restoreTurns(messages, { ...target, takesPhases }, recall).turns).toBe(0);
    expect(restored([assistant(signed, text('x'), text('y'), use('a'))], recall)).toBe('nothing');
  });

  it('stay away where the texts are not those of the answer, or have some', () => {
    expect(restored([assistant(signed, text('xy'), use('a'))], recall, { takesPhases })).toBe('nothing');
    const phased = { ...text('x'), openai: { phase: 'final' } } as ContentBlock;
    expect(restored([assistant(signed, phased, text('y'), use('a'))], recall, { takesPhases })).toBe('nothing');
  });
});
