import { describe, expect, it } from 'vitest';
import {
  mayHoldForeignReasoning,
  withoutForeignReasoning,
} from '../../../../src-main/protocols/openai-responses/foreign-reasoning.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';

const target = { provider: 'openai', model: 'gpt-6' };
const own = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' };
const message = { role: 'user', content: 'cproxy1. is a word like any other' };
const packed = (dialect: 'anthropic' | 'openai-responses', model: string, data: unknown) => ({
  type: 'reasoning',
  id: 'rs_2',
  summary: [],
  encrypted_content: packState({ dialect, provider: 'openai', model, data }),
});

describe('a conversation that is passed through', () => {
  it('goes as it is where all reasoning is its own', () => {
    const input = [message, own, { type: 'reasoning', id: 'rs_3', summary: [] }];
    expect(withoutForeignReasoning(input, target)).toBe(input);
  });
  it("loses other vendors' reasoning and that of other models, and gets its own unpacked", () => {
    const thinking = { type: 'thinking', thinking: 'a', signature: 'c2ln' };
    const input = [
      message,
      packed('anthropic', 'gpt-6', thinking),
      own,
      packed('openai-responses', 'gpt-6', own),
      packed('openai-responses', 'gpt-5', own),
      packed('openai-responses', 'gpt-6', 'broken'),
      { ...own, encrypted_content: 'cproxy1.broken' },
    ];
    expect(withoutForeignReasoning(input, target)).toEqual([message, own, own]);
  });
  it('is looked at only where its bytes give reason to', () => {
    expect(mayHoldForeignReasoning(Buffer.from(JSON.stringify([own])))).toBe(false);
    expect(mayHoldForeignReasoning(Buffer.from(JSON.stringify([packed('anthropic', 'm', {})])))).toBe(true);
  });
});
