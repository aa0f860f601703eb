import { describe, expect, it } from 'vitest';
import { withoutReasoning } from '../../../../src-main/protocols/openai-chat/without-reasoning.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const user = { role: 'user', content: 'Go' };
const said = { role: 'assistant', content: 'Done' };
const toolCall = (id: string, json: string, extra?: unknown) => ({
  id,
  type: 'function',
  function: { name: 'Read', arguments: json },
  ...(extra === undefined ? {} : { extra_content: extra }),
});
const called = { role: 'assistant', content: null, tool_calls: [toolCall('c1', '{}'), toolCall('c2', '{}')] };
const unchecked = { google: { thought_signature: 'skip_thought_signature_validator' } };
const signed = { google: { thought_signature: 'sig' } };
const details = [{ type: 'reasoning.encrypted', data: 'enc', id: 'rs_1', index: 0 }];

describe('a request that is asked once more', () => {
  const { quirks } = encodeTarget();
  const answered = {
    ...called,
    tool_calls: [toolCall('c1', '{}', signed), toolCall('c2', '{}')],
    reasoning_details: details,
    reasoning_content: 'Hm.',
  };

  it('holds nothing that is signed', () => {
    const { reasoning_details: _, ...rest } = answered;
    const body = { messages: [user, answered], reasoning: { effort: 'high' } };
    expect(withoutReasoning(body, 'not-its-own', quirks)).toEqual({
      body: { ...body, messages: [user, { ...rest, tool_calls: [toolCall('c1', '{}'), toolCall('c2', '{}')] }] },
      signatures: ['enc', 'sig'],
      unsigned: false,
    });
    expect(withoutReasoning({ messages: [user, said] }, 'not-its-own', quirks)).toBe(null);
  });
  it('says of its calls that they are not signed, as Gemini and OpenRouter take it', () => {
    const left = (known: object) =>
      withoutReasoning({ messages: [answered] }, 'bad-call-signature', { ...quirks, ...known })?.body.messages;
    const plain = [toolCall('c1', '{}'), toolCall('c2', '{}')];
    expect(left({})).toMatchObject([{ tool_calls: [toolCall('c1', '{}', unchecked), plain[1]] }]);
    const detail = { data: unchecked.google.thought_signature, id: 'c1' };
    expect(left({ returnsReasoningDetails: true })).toMatchObject([{ tool_calls: plain, reasoning_details: [detail] }]);
  });
  it('does not ask for thinking where there should have been some', () => {
    const body = { messages: [called], reasoning: { effort: 'high' }, reasoning_effort: 'high', n: 1 };
    expect(withoutReasoning(body, 'no-thinking', quirks)?.body).toEqual({ messages: [called], n: 1 });
    const thinking = withoutReasoning(body, 'no-reasoning-field', { ...quirks, reasoningFormat: 'thinking' });
    expect(thinking?.body).toEqual({ messages: [called], n: 1, thinking: { type: 'disabled' } });
  });
});
