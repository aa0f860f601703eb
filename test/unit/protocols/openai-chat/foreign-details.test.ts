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
