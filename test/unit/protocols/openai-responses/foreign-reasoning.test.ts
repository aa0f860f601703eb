import { describe, expect, it } from 'vitest';
import {
  foreignReasoning,
  withoutReasoning,
} from '../../../../src-main/protocols/openai-responses/foreign-reasoning.ts';
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

describe("OpenAI's own reasoning that is known to be another provider's", () => {
  const isForeign = (content: string) => content === 'THEIRS';
  const knowing = encodeTarget({ provider: 'openai', model: 'gpt-6', isForeign });
  const theirs = { ...own, id: 'rs_9', encrypted_content: 'THEIRS' };
  const said = { type: 'message', id: 'msg_1', role: 'assistant', content: [] };
  const call = { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'Read', arguments: '{}' };
  const result = { type: 'function_call_output', call_id: 'c1', output: 'x' };
  const idless = (item: { id: string }) => ({ ...item, id: undefined });

  it('is found in the bytes', () => {
    const raw = (item: object) => Buffer.from(JSON.stringify({ input: [item] }));
    expect(foreignReasoning.mayBeIn(raw(theirs), knowing)).toBe(true);
    expect(foreignReasoning.mayBeIn(raw(own), knowing)).toBe(false);
    expect(foreignReasoning.mayBeIn(raw(theirs), target)).toBe(false);
  });
  it('goes, with the ids of what it led to', () => {
    const input = [
      message,
      theirs,
      said,
      call,
      result,
      own,
      said,
      message,
      packed('openai-responses', 'gpt-6', theirs),
    ];
    expect(foreignReasoning.remove({ input }, knowing).input).toEqual([
      message,
      idless(said),
      idless(call),
      result,
      own,
      said,
      message,
    ]);
  });
  it('and all other goes where some was refused', () => {
    const input = [message, own, call, result, { type: 'reasoning', id: 'rs_3', summary: [] }, said];
    expect(withoutReasoning({ input, n: 1 })).toEqual({
      body: { input: [message, idless(call), result, idless(said)], n: 1 },
      signatures: ['gAAAA'],
      unsigned: true,
    });
    expect(withoutReasoning({ input: [message, said] })).toBe(null);
    expect(withoutReasoning({ input: 'Hi' })).toBe(null);
  });
});
