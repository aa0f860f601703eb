import { describe, expect, it } from 'vitest';
import {
  foreignThinking,
  packSignature,
  takenThinking,
  withoutThinking,
} from '../../../../src-main/protocols/anthropic/foreign-thinking.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const strict = encodeTarget();
const lenient = encodeTarget({ quirks: { takesEmptySignature: true } });
const messagesLeft = (messages: unknown[], target = strict) =>
  foreignThinking.remove({ messages }, target).messages as unknown[];

const state = packState({ dialect: 'openai-chat', provider: 'deepseek', model: 'v4', data: 1 });
const own = { type: 'thinking', thinking: 'Mine', signature: 'EqQBCg==' };
const packed = { type: 'thinking', thinking: 'Theirs', signature: state };
const cut = { type: 'thinking', thinking: 'Theirs', signature: state.slice(0, 12) };
const unsigned = { type: 'thinking', thinking: 'Somebody', signature: '' };
const redacted = { type: 'redacted_thinking', data: state };
const text = { type: 'text', text: 'Hi' };

describe('foreign thinking', () => {
  it('is what another provider made, also when it was cut', () => {
    expect([packed, cut, redacted].map((block) => takenThinking(block, lenient))).toEqual([null, null, null]);
    const others = [own, text, { type: 'redacted_thinking', data: 'EmwK' }];
    expect(others.map((block) => takenThinking(block, strict))).toEqual(others);
  });
  it('is what has no signature, where the provider checks it', () => {
    expect(takenThinking(unsigned, strict)).toBe(null);
    expect(takenThinking({ type: 'thinking', thinking: 'x' }, strict)).toBe(null);
    expect(takenThinking(unsigned, lenient)).toBe(unsigned);
  });
  it('can be suspected of a body by its bytes', () => {
    const body = (...blocks: unknown[]) => Buffer.from(JSON.stringify({ messages: [{ content: blocks }] }, null, 1));
    expect(foreignThinking.mayBeIn(body(own, text), strict)).toBe(false);
    expect(foreignThinking.mayBeIn(body(own, packed), lenient)).toBe(true);
    expect(foreignThinking.mayBeIn(body(unsigned), strict)).toBe(true);
    expect(foreignThinking.mayBeIn(Buffer.from(JSON.stringify(unsigned)), strict)).toBe(true);
    expect(foreignThinking.mayBeIn(body(unsigned), lenient)).toBe(false);
  });
  it('goes, and with it the messages that were nothing else', () => {
    const messages = [
      { role: 'user', content: 'Go' },
      { role: 'assistant', content: [packed, redacted] },
      { role: 'user', content: [text] },
      { role: 'assistant', content: [own, unsigned, text] },
      { role: 'assistant', content: 'Hi' },
    ];
    const kept = messagesLeft(messages);
    expect(kept).toEqual([messages[0], messages[2], { role: 'assistant', content: [own, text] }, messages[4]]);
    expect(kept[1]).toBe(messages[2]);
    expect(messagesLeft(messages, lenient)[2]).toBe(messages[3]);
  });
  it('leaves a message behind a system message, which needs one', () => {
    const messages = [
      { role: 'user', content: 'Go' },
      { role: 'system', content: 'Now' },
      { role: 'assistant', content: [packed] },
      { role: 'user', content: 'Go on' },
    ];
    const rest = { role: 'assistant', content: [{ type: 'text', text: '(no output)' }] };
    expect(messagesLeft(messages)).toEqual([messages[0], messages[1], rest, messages[3]]);
  });
  it('leaves everything as it is where there is none', () => {
    const messages = [{ role: 'user', content: `${state}` }, { role: 'assistant', content: [own] }, null];
    expect(messagesLeft(messages)).toBe(messages);
  });
});

it("a compatible server's own signature goes back to that server alone", () => {
  const kimi = encodeTarget({ provider: 'kimi', quirks: { takesEmptySignature: true } });
  const signature = packSignature('msg_0123', { provider: 'kimi', model: 'k3' });
  const messages = [{ role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.', signature }, text] }];
  const left = (target: typeof kimi) => messagesLeft(messages, target);
  const thinking = { type: 'thinking', thinking: 'Hm.', signature: 'msg_0123' };
  expect(left(kimi)).toEqual([{ role: 'assistant', content: [thinking, text] }]);
  expect(left(lenient)).toEqual([{ role: 'assistant', content: [{ ...thinking, signature: '' }, text] }]);
  expect(left(strict)).toEqual([{ role: 'assistant', content: [text] }]);
});

describe("a vendor's own signature that is known to be another's", () => {
  const isForeign = (signature: string) => signature.startsWith('THEIRS');
  const knowing = encodeTarget({ isForeign });
  const theirs = { type: 'thinking', thinking: 'Theirs', signature: 'THEIRS/a+b==' };
  const hidden = { type: 'redacted_thinking', data: 'THEIRS2' };
  const call = { type: 'tool_use', id: 'toolu_1', name: 'Read', input: {} };
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }] };
  const question = { role: 'user', content: 'Go' };
  const says = (...content: unknown[]) => ({ role: 'assistant', content });

  it('is found in the bytes, however they are written, and nothing else is', () => {
    const bytes = (value: unknown, space?: number) => Buffer.from(JSON.stringify({ messages: [value] }, null, space));
    const php = Buffer.from(JSON.stringify(theirs).replaceAll('/', '\\/'));
    for (const raw of [bytes(theirs), bytes(theirs, 1), bytes(hidden), bytes(hidden, 2), php])
      expect([foreignThinking.mayBeIn(raw, knowing), foreignThinking.mayBeIn(raw, strict)]).toEqual([true, false]);
    const image = { type: 'image', source: { type: 'base64', data: 'THEIRS' } };
    for (const block of [own, image, { type: 'text', text: JSON.stringify(theirs) }])
      expect(foreignThinking.mayBeIn(bytes(block), knowing)).toBe(false);
  });
  it('goes with its block, and all else stays the same object', () => {
    const messages = [question, says(theirs, hidden, text), question, says(own, call), result];
    const kept = messagesLeft(messages, knowing);
    expect(kept).toEqual([question, says(text), ...messages.slice(2)]);
    expect(kept[3]).toBe(messages[3]);
  });
  it('goes alone where a server takes thinking without, unless Anthropic may be behind it', () => {
    const to = (model: string) => encodeTarget({ model, isForeign, quirks: { takesEmptySignature: true } });
    const blank = { ...theirs, thinking: ' ' };
    const messages = [question, says(theirs, blank, hidden, text)];
    expect(messagesLeft(messages, to('kimi-k3'))).toEqual([question, says({ ...theirs, signature: '' }, text)]);
    expect(messagesLeft(messages, to('claude-opus-5-5'))).toEqual([question, says(text)]);
  });
  it('leaves nothing that may not end an answer', () => {
    expect(messagesLeft([question, says(own, theirs)], knowing)).toEqual([question]);
  });

  describe('in the tool loop that goes on', () => {
    const thinking = { type: 'enabled', budget_tokens: 4096 };
    const loop = [question, says(own, text), question, says(theirs, call), result];
    const remove = (body: Record<string, unknown>) => {
      const warnings = new Set<string>();
      return { body: foreignThinking.remove(body, knowing, warnings), warnings: [...warnings] };
    };

    it('is what manual thinking must begin with, so that is switched off, with all that depends on it', () => {
      const given = {
        messages: loop,
        thinking,
        max_tokens: 9,
        output_config: { effort: 'max', format: 1 },
        context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      };
      expect(remove(given)).toEqual({
        body: {
          messages: [question, says(own, text), question, says(call), result],
          thinking: { type: 'disabled' },
          max_tokens: 9,
          output_config: { effort: 'high', format: 1 },
        },
        warnings: ['The last tool calls came without thinking, so it was switched off for this answer.'],
      });
    });
    it('leaves no thinking in a loop whose beginning is gone, or whose last step', () => {
      const second = { ...call, id: 'toolu_2' };
      const steps = (one: unknown, other: unknown) => [question, says(one, call), result, says(other, second), result];
      for (const messages of [steps(theirs, own), steps(own, theirs)])
        expect(remove({ messages, thinking }).body).toEqual({
          messages: [question, says(call), result, says(second), result],
          thinking: { type: 'disabled' },
        });
    });
    it('counts as one turn where the client sends it in pieces', () => {
      const messages = [question, says(own), says(theirs, call), result];
      expect(remove({ messages, thinking }).body).toMatchObject({ thinking });
      const gone = [question, says(theirs), says(call), result];
      expect(remove({ messages: gone, thinking }).body).toMatchObject({ thinking: { type: 'disabled' } });
    });
    it('keeps other strategies, and system messages are no question', () => {
      const edits = [{ type: 'clear_tool_uses_20250919' }, { type: 'clear_thinking_20251015' }];
      const system = { role: 'system', content: 'Now' };
      const messages = [...loop, system];
      expect(remove({ messages, thinking, context_management: { edits } }).body).toMatchObject({
        thinking: { type: 'disabled' },
        context_management: { edits: edits.slice(0, 1) },
      });
    });
    it('is not needed by thinking of the other kinds, nor before the last question', () => {
      for (const type of ['adaptive', 'disabled'])
        expect(remove({ messages: loop, thinking: { type } })).toMatchObject({
          body: { thinking: { type } },
          warnings: [],
        });
      const over = [question, says(theirs, call), result, says(text), question];
      expect(remove({ messages: over, thinking })).toMatchObject({ body: { thinking }, warnings: [] });
    });
  });

  it('and all others go where one was refused', () => {
    const thinking = { type: 'adaptive' };
    const messages = [question, says(own, hidden, text), question, says(packed, unsigned, own, call), result];
    expect(withoutThinking({ messages, thinking }, false)).toEqual({
      body: { messages: [question, says(text), question, says(call), result], thinking },
      signatures: [own.signature, hidden.data],
      unsigned: true,
    });
    expect(withoutThinking({ messages, thinking }, true)?.body.thinking).toEqual({ type: 'disabled' });
    expect(withoutThinking({ messages: [question, says(text)], thinking }, false)).toBe(null);
    const manual = { type: 'enabled', budget_tokens: 1024 };
    expect(withoutThinking({ messages, thinking: manual }, false)?.body.thinking).toEqual({ type: 'disabled' });
    const asked = [...messages, says(text), question];
    expect(withoutThinking({ messages: asked, thinking: manual }, false)?.body.thinking).toEqual(manual);
  });
});
