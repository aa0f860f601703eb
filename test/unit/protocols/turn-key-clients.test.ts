import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import type { AnswerMessage, ToolUseBlock } from '../../../src-main/protocols/canonical.ts';
import type { ClientCodec } from '../../../src-main/protocols/codec.ts';
import { messageEvents } from '../../../src-main/protocols/message-events.ts';
import { openaiChatClientCodec } from '../../../src-main/protocols/openai-chat/client-codec.ts';
import { openaiResponsesClientCodec } from '../../../src-main/protocols/openai-responses/client-codec.ts';
import { toolInput } from '../../../src-main/protocols/tool-input.ts';
import { decodeToolId } from '../../../src-main/protocols/tool-names.ts';
import { turnKey } from '../../../src-main/protocols/turn-key.ts';
import { TurnRecorder } from '../../../src-main/protocols/turn-recorder.ts';

/** A dialect with what its client offers, and with what it sends back of an answer. */
interface Client {
  name: string;
  codec: ClientCodec;
  offers: Record<string, unknown>;
  sendsBack(answer: Record<string, unknown>): Record<string, unknown>;
}

const user = { role: 'user', content: 'Go' };
const custom = { name: 'patch', description: 'Free text' };

const clients: Client[] = [
  {
    name: 'Messages',
    codec: anthropicClientCodec,
    offers: { max_tokens: 9, tools: [{ name: 'Bash', input_schema: { type: 'object' } }] },
    sendsBack: ({ content }) => ({ messages: [user, { role: 'assistant', content }] }),
  },
  {
    name: 'Chat Completions',
    codec: openaiChatClientCodec,
    offers: { tools: [{ type: 'custom', custom }] },
    sendsBack: ({ choices }) => {
      const [{ message }] = choices as [{ message: Record<string, unknown> }];
      return { messages: [user, { role: 'assistant', tool_calls: message.tool_calls }] };
    },
  },
  {
    name: 'Responses',
    codec: openaiResponsesClientCodec,
    offers: {
      tools: [
        { type: 'custom', ...custom },
        { type: 'namespace', name: 'mcp', tools: [{ type: 'function', name: 'Read', parameters: {} }] },
      ],
    },
    sendsBack: ({ output }) => ({ input: [user, ...(output as object[])] }),
  },
];

const use = fc
  .record({
    id: fc.oneof(fc.constantFrom('call_0', 'functions.Bash:0', 'toolu_01'), fc.string({ minLength: 1 })),
    name: fc.constantFrom('Bash', 'patch', 'mcp__Read', `mcp__${'long_'.repeat(20)}`),
    input: fc.oneof(
      fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true, maxKeys: 3 }),
      fc.string().map((text) => toolInput(text)),
      fc.string().map((text) => ({ input: text })),
    ),
  })
  .map(({ id, name, input }): ToolUseBlock => {
    const own = JSON.parse(JSON.stringify(input)) as Record<string, unknown>;
    // A free-text tool has one text, and no other field comes through.
    const free = name === 'patch' && (own.input !== undefined || own._raw !== undefined);
    return { type: 'tool_use', id: decodeToolId(id), name, input: free ? { input: 'text' } : own };
  });
const uses = fc.uniqueArray(use, { selector: ({ id }) => id, minLength: 1, maxLength: 3 });

const answerOf = (content: ToolUseBlock[]): AnswerMessage => ({
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [{ type: 'thinking', thinking: 'Hm', signature: 'EqQB' }, ...content],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
});

describe.each(clients)('calls that a client of $name sends back', ({ codec, offers, sendsBack }) => {
  it('have the key that they were remembered by', () => {
    fc.assert(
      fc.property(uses, (content) => {
        const message = answerOf(content);
        const recorder = new TurnRecorder({ provider: 'p', model: 'm' });
        for (const event of messageEvents(message)) recorder.take(event);
        const answer = JSON.parse(codec.answerEncoder(() => ({ model: 'm', ...offers })).encodeAnswer(message));
        const { messages } = codec.decodeRequest({ model: 'm', ...offers, ...sendsBack(answer) });
        const returned = messages.flatMap((one) =>
          typeof one.content === 'string' ? [] : one.content.filter((block) => block.type === 'tool_use'),
        );
        expect(turnKey(returned)).toBe(recorder.turn?.key);
      }),
    );
  });
});
