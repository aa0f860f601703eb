import { expect, it } from 'vitest';
import { restoration } from '../../../../src-main/protocols/anthropic/restoration.ts';
import { nothingRemembered, type RememberedTurn } from '../../../../src-main/protocols/remembered-turn.ts';
import { turnKey } from '../../../../src-main/protocols/turn-key.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const target = encodeTarget({
  provider: 'deepseek',
  model: 'v4',
  quirks: { takesEmptySignature: true, returnsReasoningContent: true },
});
const question = { role: 'user', content: 'Go' };
const call = { type: 'tool_use', id: 'toolu_1', name: 'Read', input: { path: 'a' } };
const thought = { type: 'thinking' as const, thinking: 'Hm.', signature: 'own' };
const empty = { type: 'thinking', thinking: '', signature: '' };
const says = (...content: unknown[]) => ({ role: 'assistant', content });
const remembered: RememberedTurn = { provider: 'deepseek', model: 'v4', reasoning: { '': [thought] } };
const recall = (key: string) => (key === turnKey([call]) ? remembered : undefined);

it('is wanted by servers that refuse an answer without thinking', () => {
  expect(restoration.wantedBy(target.quirks)).toBe(true);
  expect(restoration.wantedBy(encodeTarget().quirks)).toBe(false);
  expect(restoration.mayBeNeeded(Buffer.from(JSON.stringify(says(call))))).toBe(true);
  expect(restoration.mayBeNeeded(Buffer.from(JSON.stringify(question)))).toBe(false);
});
it('puts back what is remembered, else nothing but the block', () => {
  const messages = [question, says(call), question, { role: 'assistant', content: 'Done' }, says({ type: 'text' })];
  const { body, turns } = restoration.restore({ messages, n: 1 }, target, recall);
  expect(body).toEqual({
    messages: [
      question,
      says(thought, call),
      question,
      says(empty, { type: 'text', text: 'Done' }),
      // The same turn goes on.
      says({ type: 'text' }),
    ],
    n: 1,
  });
  expect(turns).toBe(1);
});
it("puts back nothing of another target's", () => {
  const other = encodeTarget({ ...target, model: 'v5' });
  const { body, turns } = restoration.restore({ messages: [says(call)] }, other, recall);
  expect([body.messages, turns]).toEqual([[says(empty, call)], 0]);
});
it('leaves everything as it is where answers have thought', () => {
  const body = { messages: [question, says(thought, call), 5] };
  expect(restoration.restore(body, target, nothingRemembered)).toEqual({ body, turns: 0 });
  expect(restoration.restore(body, target, nothingRemembered).body).toBe(body);
});
