import { describe, expect, it } from 'vitest';
import { restoration } from '../../../../src-main/protocols/openai-chat/restoration.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { nothingRemembered, type ReasoningBlock, type Recall } from '../../../../src-main/protocols/remembered-turn.ts';
import { turnKey } from '../../../../src-main/protocols/turn-key.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const made = { provider: 'p', model: 'm' };
const user = { role: 'user', content: 'Go' };
const toolCall = (id: string, json: string, extra?: unknown) => ({
  id,
  type: 'function',
  function: { name: 'Read', arguments: json },
  ...(extra === undefined ? {} : { extra_content: extra }),
});
const calls = [toolCall('functions.Read:0', '{"path": "a"}'), toolCall('c2', '{}')];
const called = { role: 'assistant', content: null, tool_calls: calls };
const said = { role: 'assistant', content: 'Done' };
const unchecked = { google: { thought_signature: 'skip_thought_signature_validator' } };
const signed = { google: { thought_signature: 'sig' } };
const details = [{ type: 'reasoning.encrypted', data: 'enc', id: 'rs_1', index: 0 }];

/** A memory of the one answer, whose client has written its arguments anew. */
function recalling(...blocks: ReasoningBlock[]) {
  const first = { id: `id64_${Buffer.from('functions.Read:0').toString('base64url')}`, name: 'Read' };
  const key = turnKey([
    { ...first, input: { path: 'a' } },
    { id: 'c2', name: 'Read', input: {} },
  ]);
  return (asked: string) => (asked === key ? { ...made, reasoning: { '': blocks } } : undefined);
}
const packed = (data: object) => packState({ dialect: 'openai-chat', ...made, data });
const thought = (data?: object): ReasoningBlock => ({
  type: 'thinking',
  thinking: 'Hm.',
  signature: data === undefined ? '' : packed(data),
});
const to = (quirks: object, more: object = {}) => encodeTarget({ ...made, quirks, ...more });
const restored = (messages: unknown[], target: ReturnType<typeof to>, recall: Recall = recalling(thought())) =>
  restoration.restore({ messages, n: 1 }, target, recall);

describe('reasoning_content', () => {
  const target = to({ returnsReasoningContent: true });

  it('comes back where the client has dropped it, empty where it is lost', () => {
    expect(restored([user, called, said], target)).toEqual({
      body: {
        messages: [user, { ...called, reasoning_content: 'Hm.' }, { ...said, reasoning_content: '' }],
        n: 1,
      },
      turns: 1,
    });
    const emptied = { ...called, reasoning_content: '' };
    expect(restored([emptied], target).body.messages).toEqual([{ ...called, reasoning_content: 'Hm.' }]);
  });
  it('stays as the client sends it', () => {
    const messages = [
      { ...called, reasoning_content: 'My own' },
      { ...said, reasoning_content: '' },
    ];
    const body = { messages };
    expect(restoration.restore(body, target, recalling(thought()))).toEqual({ body, turns: 0 });
    expect(restoration.restore(body, target, nothingRemembered).body).toBe(body);
  });
  it('comes back whole where the client has kept its last piece', () => {
    const messages = [{ ...called, reasoning_content: 'm.' }];
    expect(restored(messages, target).body.messages).toEqual([{ ...called, reasoning_content: 'Hm.' }]);
  });
  it('of another model is not given', () => {
    const other = to({ returnsReasoningContent: true }, { model: 'other' });
    expect(restored([called], other)).toEqual({
      body: { messages: [{ ...called, reasoning_content: '' }], n: 1 },
      turns: 0,
    });
  });
});

describe('reasoning_details', () => {
  const target = to({ returnsReasoningDetails: true });

  it('come back', () => {
    const { body, turns } = restored([called, said], target, recalling(thought({ details })));
    expect([body.messages, turns]).toEqual([[{ ...called, reasoning_details: details }, said], 1]);
  });
  it('come back whole where the client has kept the last of a stream', () => {
    const both = [{ type: 'reasoning.summary', summary: 'Hm.', index: 0 }, ...details];
    const recall = recalling(thought({ details: both }));
    const { body, turns } = restored([{ ...called, reasoning_details: details }], target, recall);
    expect([body.messages, turns]).toEqual([[{ ...called, reasoning_details: both }], 1]);
    const whole = [{ ...called, reasoning_details: both }];
    expect(restored(whole, target, recall)).toMatchObject({ body: { messages: whole }, turns: 0 });
  });
  it('stay as they are, and are not made up', () => {
    for (const messages of [[{ ...called, reasoning_details: [{ type: 'x' }] }], [called], [said]])
      expect(restored(messages, target, nothingRemembered).body.messages).toEqual(messages);
  });
  it('come back whole where the client has kept the last pieces', () => {
    const whole = [{ type: 'reasoning.text', text: 'Step by step', signature: 'sig', index: 0 }, ...details];
    const recall = recalling(thought({ details: whole }));
    const returned = (...pieces: object[]) =>
      restored([{ ...called, reasoning_details: pieces }], target, recall).body.messages;
    const complete = [{ ...called, reasoning_details: whole }];
    expect(returned(...details)).toEqual(complete);
    expect(returned({ type: 'reasoning.text', text: ' step', index: 0 })).toEqual(complete);
    expect(returned({ type: 'reasoning.text', text: '', signature: 'sig' })).toEqual(complete);
    const other = { type: 'reasoning.text', text: 'By leaps' };
    expect(returned(other)).toEqual([{ ...called, reasoning_details: [other] }]);
  });
  it('that are known to be refused do not', () => {
    const isForeign = (signature: string) => signature === 'enc';
    const messages = [called];
    const { body } = restored(
      messages,
      to({ returnsReasoningDetails: true }, { isForeign }),
      recalling(thought({ details })),
    );
    expect(body.messages).toBe(messages);
  });
  it('say of Gemini’s calls that they are not signed', () => {
    const gemini = to({ returnsReasoningDetails: true, toolSchema: 'gemini' });
    const entry = {
      type: 'reasoning.encrypted',
      data: 'skip_thought_signature_validator',
      id: 'functions.Read:0',
      format: 'google-gemini-v1',
      index: 0,
    };
    expect(restored([called], gemini).body.messages).toEqual([{ ...called, reasoning_details: [entry] }]);
  });
});

describe('extra_content', () => {
  const target = to({ toolSchema: 'gemini' });

  it('comes back with its call', () => {
    const { body } = restored([called], target, recalling(thought({ extra: { c2: signed } })));
    expect(body.messages).toEqual([{ ...called, tool_calls: [calls[0], { ...calls[1], extra_content: signed }] }]);
  });
  it('says that the first call is not signed, where it is lost', () => {
    expect(restored([called], target).body.messages).toEqual([
      { ...called, tool_calls: [{ ...calls[0], extra_content: unchecked }, calls[1]] },
    ]);
  });
  it('stays as the client sends it', () => {
    const messages = [{ ...called, tool_calls: [toolCall('c2', '{}', signed), toolCall('c3', '{}')] }, said];
    const body = { messages };
    expect(restoration.restore(body, target, nothingRemembered).body).toBe(body);
  });
});

it('is wanted by none but those who want something back', () => {
  expect(restoration.wantedBy(encodeTarget().quirks)).toBe(false);
  const quirks = [{ returnsReasoningContent: true }, { returnsReasoningDetails: true }, { toolSchema: 'gemini' }];
  expect(quirks.every((one) => restoration.wantedBy(to(one).quirks))).toBe(true);
  expect(restoration.mayBeNeeded(Buffer.from(JSON.stringify([called])))).toBe(true);
  expect(restoration.mayBeNeeded(Buffer.from(JSON.stringify([user])))).toBe(false);
});
