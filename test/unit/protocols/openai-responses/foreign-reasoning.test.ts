import { describe, expect, it } from 'vitest';
import { foreignReasoning } from '../../../../src-main/protocols/openai-responses/foreign-reasoning.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const target = encodeTarget({ provider: 'openai', model: 'gpt-6' });
const mayBeIn = (value: unknown) => foreignReasoning.mayBeIn(Buffer.from(JSON.stringify(value)), target);
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
    const body = { input };
    expect(foreignReasoning.remove(body, target)).toBe(body);
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
    expect(foreignReasoning.remove({ input, n: 1 }, target)).toEqual({ input: [message, own, own], n: 1 });
  });
  it('is looked at only where its bytes give reason to', () => {
    expect(mayBeIn([own])).toBe(false);
    expect(mayBeIn([packed('anthropic', 'm', {})])).toBe(true);
  });
});
