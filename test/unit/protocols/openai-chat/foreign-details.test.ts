import { describe, expect, it } from 'vitest';
import { foreignDetails } from '../../../../src-main/protocols/openai-chat/foreign-details.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const data = packState({ dialect: 'openai-responses', provider: 'openai', model: 'gpt-6', data: {} });
const ours = { type: 'reasoning.encrypted', data, format: 'unknown', index: 0, start_index: 0, end_index: 3 };
const claude = {
  type: 'reasoning.text',
  signature: 'c2ln',
  format: 'anthropic-claude-v1',
  index: 0,
  start_index: 0,
  end_index: 3,
};
const theirs = { type: 'reasoning.text', text: 'Hm.', format: 'unknown', index: 0 };
const answered = (...reasoning_details: object[]) => ({
  role: 'assistant',
  content: 'Yes',
  reasoning_content: 'Hm.',
  reasoning_details,
});
const user = { role: 'user', content: 'Go on' };

describe('a Chat Completions request that is passed through', () => {
  it('loses the reasoning of answers that were translated, and nothing else', () => {
    const body = { messages: [user, answered(ours), answered(claude, theirs), answered(theirs), user], n: 1 };
    expect(foreignDetails.remove(body, encodeTarget())).toEqual({
      messages: [
        user,
        { role: 'assistant', content: 'Yes' },
        { role: 'assistant', content: 'Yes', reasoning_details: [theirs] },
        answered(theirs),
        user,
      ],
      n: 1,
    });
  });
  it('keeps the text of the reasoning for servers that want it back', () => {
    const target = encodeTarget({ quirks: { returnsReasoningContent: true } });
    expect(foreignDetails.remove({ messages: [answered(ours)] }, target)).toEqual({
      messages: [{ role: 'assistant', content: 'Yes', reasoning_content: 'Hm.' }],
    });
  });
  it('is the same one where there is none', () => {
    const body = { messages: [user, answered(theirs), null] };
    expect(foreignDetails.remove(body, encodeTarget())).toBe(body);
  });
  it('is looked at only where its bytes give reason to', () => {
    const mayBeIn = (message: object) => foreignDetails.mayBeIn(Buffer.from(JSON.stringify(message)), encodeTarget());
    expect([answered(ours), answered(claude)].map(mayBeIn)).toEqual([true, true]);
    expect([user, answered(theirs), { ...user, content: data }].map(mayBeIn)).toEqual([false, false, false]);
  });
});

describe('tool call ids of other providers', () => {
  const called = (id: string) => [
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: id, content: 'x' },
  ];
  const claude = 'toolu_01T1x1fJ34qAmk2tNTrN7Up6';
  const vllm = 'chatcmpl-tool-0123456789abcdef0123456789abcdef';
  const mistral = encodeTarget({ quirks: { toolIds: 'mistral' } });
  const openai = encodeTarget({ quirks: { isOpenai: true } });
  const mayBeIn = (messages: object[], target = mistral) =>
    foreignDetails.mayBeIn(Buffer.from(JSON.stringify({ messages }, null, 1)), target);

  it.each([
    ['Mistral', mistral, claude, 9],
    ['OpenAI', openai, vllm, 40],
  ])('are made such that %s takes them', (_who, target, id, length) => {
    const messages = [user, ...called(id), user];
    expect(mayBeIn(messages, target)).toBe(true);
    const sent = foreignDetails.remove({ messages }, target).messages as { tool_call_id?: string }[];
    const taken = sent[2]?.tool_call_id ?? '';
    expect(taken).toHaveLength(length);
    expect(sent).toEqual([user, ...called(taken), user]);
    expect(foreignDetails.remove({ messages: sent }, target).messages).toBe(sent);
  });

  it('stay what they are where they are taken', () => {
    expect(mayBeIn([user, ...called('D681PevKs')])).toBe(false);
    expect(mayBeIn([user, ...called('call_0001')])).toBe(true);
    expect(mayBeIn(called(claude), openai)).toBe(false);
    expect(mayBeIn(called(vllm), encodeTarget())).toBe(false);
    const body = { messages: [user, ...called(vllm)] };
    expect(foreignDetails.remove(body, encodeTarget())).toBe(body);
  });
});

describe('a signature that is known to be refused', () => {
  const isForeign = (signature: string) => signature === 'theirs';
  const bad = { type: 'reasoning.encrypted', data: 'theirs', index: 0 };
  const extra_content = { google: { thought_signature: 'theirs' } };
  const call = { id: 'c1', type: 'function', function: { name: 'Read', arguments: '{}' } };
  const message = {
    role: 'assistant',
    content: null,
    reasoning_details: [bad, theirs],
    tool_calls: [{ ...call, extra_content }],
  };
  const unchecked = 'skip_thought_signature_validator';

  it('goes, with all details of the answer, which has one maker, and nothing else', () => {
    const target = encodeTarget({ isForeign });
    const body = { messages: [user, message] };
    expect(foreignDetails.mayBeIn(Buffer.from(JSON.stringify(body)), target)).toBe(true);
    expect(foreignDetails.mayBeIn(Buffer.from(JSON.stringify(body)), encodeTarget())).toBe(false);
    const { reasoning_details: _, ...rest } = message;
    expect(foreignDetails.remove(body, target)).toEqual({ messages: [user, { ...rest, tool_calls: [call] }] });
    const own = { messages: [{ ...message, reasoning_details: [theirs], tool_calls: [call] }] };
    expect(foreignDetails.remove(own, target)).toBe(own);
  });
  it('leaves a call of Gemini with the word for none', () => {
    const one = { ...message, reasoning_details: [bad] };
    const left = (quirks: object) =>
      foreignDetails.remove({ messages: [one] }, encodeTarget({ isForeign, quirks })).messages;
    expect(left({ toolSchema: 'gemini' })).toMatchObject([
      { tool_calls: [{ extra_content: { google: { thought_signature: unchecked } } }] },
    ]);
    expect(left({ toolSchema: 'gemini', returnsReasoningDetails: true })).toMatchObject([
      { reasoning_details: [{ data: unchecked, id: 'c1' }] },
    ]);
  });
});
