import { describe, expect, it } from 'vitest';
import { reasoningBlocks } from '../../../../src-main/protocols/openai-chat/client-reasoning.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';

const signed = (index: number, start_index: number, end_index: number) => ({
  type: 'reasoning.text',
  signature: 'c2ln',
  format: 'anthropic-claude-v1',
  index,
  start_index,
  end_index,
});
const unsigned = (thinking: string) => ({ type: 'thinking', thinking, signature: '' });

describe('thinking that Anthropic has signed', () => {
  it('comes back as it was', () => {
    const message = { reasoning_content: 'One.\n\nTwo.', reasoning_details: [signed(0, 0, 4), signed(1, 6, 10)] };
    expect(reasoningBlocks(message)).toEqual([
      { type: 'thinking', thinking: 'One.', signature: 'c2ln' },
      { type: 'thinking', thinking: 'Two.', signature: 'c2ln' },
    ]);
  });

  // The stream helper of OpenAI's SDK for JavaScript keeps only the last piece of fields that it does not know.
  it.each([
    ['its text is only the last piece', 'o.', [signed(0, 0, 10)]],
    ['only its last entry is there', 'One.\n\nTwo.', [signed(1, 6, 10)]],
    ['its text is not there', '', [signed(0, 0, 4)]],
    ['a place is no place', 'One.', [{ ...signed(0, 0, 4), end_index: '4' }]],
    ['places overlap', 'One.', [signed(0, 0, 4), signed(1, 2, 4)]],
  ])('loses its signature where %s', (_what, text, reasoning_details) => {
    const blocks = reasoningBlocks({ reasoning_content: text, reasoning_details });
    expect(blocks).toEqual(text === '' ? [] : [unsigned(text)]);
  });
});

it('state of another provider comes back whatever has become of the text: it stands for itself', () => {
  const data = packState({ dialect: 'openai-responses', provider: 'openai', model: 'gpt-6', data: { id: 'rs_1' } });
  const detail = { type: 'reasoning.encrypted', data, format: 'unknown', index: 1, start_index: 6, end_index: 10 };
  expect(reasoningBlocks({ reasoning_content: 'o.', reasoning_details: [detail] })).toEqual([
    { type: 'thinking', thinking: 'o.', signature: data },
  ]);
});
