import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentBlock, Message } from '../../../../src-main/protocols/canonical.ts';
import type { Quirks } from '../../../../src-main/protocols/codec.ts';
import { encodeRequest } from '../../../../src-main/protocols/openai-chat/request.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

const user = (content: ContentBlock[]): Message => ({ role: 'user', content });
const assistant = (content: ContentBlock[]): Message => ({ role: 'assistant', content });
const system = (content: string): Message => ({ role: 'system', content });
const text = (value: string): ContentBlock => ({ type: 'text', text: value });
const png: ContentBlock = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } };

/** Conversations as an agent has them: turns are only ever appended, user and assistant by turns. */
const word = fc.constantFrom('a', 'bb', '', 'Grüße', '🌍', 'x\ny');
const userBlock = fc.oneof(
  word.map(text),
  fc.constant(png),
  fc
    .record({
      id: fc.constantFrom('t1', 't2', 't3', 'bad:id'),
      content: fc.option(word, { nil: undefined }),
      error: fc.boolean(),
    })
    .map(
      ({ id, content, error }): ContentBlock => ({
        type: 'tool_result',
        tool_use_id: id,
        ...(content === undefined ? {} : { content }),
        is_error: error,
      }),
    ),
);
const assistantBlock = fc.oneof(
  word.map(text),
  word.map((thinking): ContentBlock => ({ type: 'thinking', thinking, signature: '' })),
  fc
    .record({
      id: fc.constantFrom('t1', 't2', 't3', 'bad:id'),
      input: fc.dictionary(word, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 }),
    })
    .map(({ id, input }): ContentBlock => ({ type: 'tool_use', id, name: 'mcp.tool', input })),
  fc.constantFrom('upstream-model', 'another').map(
    (model): ContentBlock => ({
      type: 'redacted_thinking',
      data: packState({
        dialect: 'openai-chat',
        provider: 'upstream',
        model,
        data: {
          details: [{ type: 'reasoning.encrypted', data: 'x' }],
          extra: { t1: { google: { thought_signature: 's' } } },
        },
      }),
    }),
  ),
);
const userTurn = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(userBlock, { minLength: 1, maxLength: 5 }).map(user) },
    { weight: 1, arbitrary: word.map(system) },
  ),
  { minLength: 1, maxLength: 3 },
);
const exchange = fc.tuple(
  fc.array(fc.array(assistantBlock, { minLength: 1, maxLength: 4 }).map(assistant), { minLength: 1, maxLength: 2 }),
  userTurn,
);
const conversation = fc.tuple(userTurn, fc.array(exchange, { maxLength: 4 }));
const anyQuirks = fc.record({
  maxTokensField: fc.constantFrom('max_tokens' as const, 'max_completion_tokens' as const),
  reasoningFormat: fc.constantFrom('none' as const, 'reasoning_effort' as const, 'reasoning' as const),
  returnsReasoningContent: fc.boolean(),
  returnsReasoningDetails: fc.boolean(),
  asksStreamUsage: fc.boolean(),
  takesSystemAnywhere: fc.boolean(),
  takesUserAfterTool: fc.boolean(),
  takesPrefill: fc.boolean(),
  toolSchema: fc.constantFrom('full' as const, 'gemini' as const),
  toolIds: fc.constantFrom('any' as const, 'mistral' as const),
  cacheMarks: fc.constantFrom('none' as const, 'cache_control' as const, 'prompt_cache_breakpoint' as const),
  isOpenai: fc.boolean(),
});

/** An agent marks the end of its last message, wherever that is in the turn. */
function markedAtEnd(messages: readonly Message[]): Message[] {
  const last = messages.at(-1);
  if (last === undefined || typeof last.content === 'string') return [...messages];
  const content = last.content.map((block, index, { length }) =>
    index === length - 1 ? { ...block, cache_control: { type: 'ephemeral' as const } } : block,
  );
  return [...messages.slice(0, -1), { ...last, content }];
}

interface SentMessage {
  role: string;
  content: unknown;
  tool_call_id?: string;
  tool_calls?: { id: string }[];
}

function sent(messages: Message[], quirks: Partial<Quirks>): SentMessage[] {
  const { body } = encodeRequest({ model: 'm', system: 'S', messages }, encodeTarget({ quirks }));
  return JSON.parse(Buffer.from(body).toString()).messages;
}

/** As the model reads it: marks are not part of the prompt, and one text is one text. */
function asRead(messages: readonly SentMessage[]): unknown[] {
  return messages.map((message) => {
    if (!Array.isArray(message.content)) return message;
    const parts = message.content.map(({ cache_control: _, prompt_cache_breakpoint: __, ...part }) => part);
    return { ...message, content: parts.length === 1 && parts[0].type === 'text' ? parts[0].text : parts };
  });
}

describe('any conversation', () => {
  it('is translated by a pure function', () => {
    fc.assert(
      fc.property(conversation, anyQuirks, ([first, exchanges], quirks) => {
        const messages = markedAtEnd([...first, ...exchanges.flat(2)]);
        const before = structuredClone(messages);
        expect(sent(messages, quirks)).toEqual(sent(before, quirks));
        expect(messages).toEqual(before);
      }),
    );
  });

  it('has the messages of an earlier turn as the beginning of those of a later one', () => {
    fc.assert(
      fc.property(conversation, anyQuirks, ([first, exchanges], quirks) => {
        let earlier = '';
        for (let turns = 0; turns <= exchanges.length; turns += 1) {
          const json = JSON.stringify(sent([...first, ...exchanges.slice(0, turns).flat(2)], quirks)).slice(0, -1);
          expect(json.startsWith(earlier)).toBe(true);
          earlier = json;
        }
      }),
    );
  });

  it('is read alike wherever its cache marks stand', () => {
    fc.assert(
      fc.property(conversation, anyQuirks, ([first, exchanges], quirks) => {
        let earlier = '';
        for (let turns = 0; turns <= exchanges.length; turns += 1) {
          const messages = markedAtEnd([...first, ...exchanges.slice(0, turns).flat(2)]);
          const json = JSON.stringify(asRead(sent(messages, quirks))).slice(0, -1);
          expect(json.startsWith(earlier)).toBe(true);
          earlier = json;
        }
      }),
    );
  });

  it('has after each call exactly one result, in order, before anything else', () => {
    fc.assert(
      fc.property(conversation, anyQuirks, ([first, exchanges], quirks) => {
        let awaited: string[] = [];
        for (const message of sent([...first, ...exchanges.flat(2)], quirks)) {
          if (message.role === 'tool') expect(message.tool_call_id).toBe(awaited.shift());
          else expect(awaited).toEqual([]);
          if (message.tool_calls !== undefined) awaited = message.tool_calls.map(({ id }) => id);
          expect(message.content).not.toBe('');
          expect(message.content).not.toEqual([]);
        }
        expect(awaited).toEqual([]);
      }),
    );
  });

  it("shows a model's reasoning to no other model", () => {
    fc.assert(
      fc.property(conversation, anyQuirks, ([first, exchanges], quirks) => {
        const messages = [...first, ...exchanges.flat(2)];
        const { body } = encodeRequest({ model: 'm', messages }, encodeTarget({ model: 'third', quirks }));
        // What says that there is none is nobody's.
        const text = Buffer.from(body).toString().replaceAll('"data":"skip_thought_signature_validator"', '');
        expect(text).not.toMatch(/reasoning\.encrypted","data|cproxy1|"thought_signature":"s"/);
      }),
    );
  });
});
