import { describe, expect, it } from 'vitest';
import {
  foreignThinking,
  isForeignThinking,
  packSignature,
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
    expect([packed, cut, redacted].every((block) => isForeignThinking(block, true))).toBe(true);
    expect(
      [own, text, { type: 'redacted_thinking', data: 'EmwK' }].some((block) => isForeignThinking(block, false)),
    ).toBe(false);
  });
  it('is what has no signature, where the provider checks it', () => {
    expect(isForeignThinking(unsigned, false)).toBe(true);
    expect(isForeignThinking({ type: 'thinking', thinking: 'x' }, false)).toBe(true);
    expect(isForeignThinking(unsigned, true)).toBe(false);
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
