import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicProviderCodec } from '../../../src-main/protocols/anthropic/provider-codec.ts';
import type { AnswerBlock, ContentBlock, Message, MessagesRequest } from '../../../src-main/protocols/canonical.ts';
import type { ProviderCodec, Quirks } from '../../../src-main/protocols/codec.ts';
import { messageEvents } from '../../../src-main/protocols/message-events.ts';
import { ollamaCodec } from '../../../src-main/protocols/ollama/codec.ts';
import { openaiChatCodec } from '../../../src-main/protocols/openai-chat/codec.ts';
import { openaiResponsesCodec } from '../../../src-main/protocols/openai-responses/codec.ts';
import { packState } from '../../../src-main/protocols/reasoning-state.ts';
import type { Recall, RememberedTurn } from '../../../src-main/protocols/remembered-turn.ts';
import { restoreTurns } from '../../../src-main/protocols/restore-turns.ts';
import { TurnRecorder } from '../../../src-main/protocols/turn-recorder.ts';
import { arbitraryConversation } from '../../helpers/arbitrary-conversation.ts';
import { encodeTarget } from '../../helpers/codec-contexts.ts';

/** A server with what it gives with its reasoning and wants back. */
interface Server {
  name: string;
  codec: ProviderCodec;
  quirks: Partial<Quirks>;
  /** @param call id of a call that follows; null where none does. */
  reasoning(number: number, call: string): AnswerBlock;
}

const own = { provider: 'upstream', model: 'upstream-model' };
const thinking = (number: number, signature: string): AnswerBlock => ({
  type: 'thinking',
  thinking: `Thought ${number}`,
  signature,
});

const servers: readonly Server[] = [
  {
    name: 'Anthropic',
    codec: anthropicProviderCodec,
    quirks: {},
    reasoning: (number) =>
      number % 3 === 0 ? { type: 'redacted_thinking', data: `Ero${number}` } : thinking(number, `Eq${number}`),
  },
  {
    name: "OpenAI's Responses",
    codec: openaiResponsesCodec,
    quirks: { isOpenai: true },
    reasoning: (number) =>
      thinking(
        number,
        packState({
          dialect: 'openai-responses',
          ...own,
          data: { type: 'reasoning', id: `rs_${number}`, summary: [], encrypted_content: `gAAA${number}` },
        }),
      ),
  },
  {
    name: 'OpenRouter (reasoning_details)',
    codec: openaiChatCodec,
    quirks: { returnsReasoningDetails: true },
    reasoning: (number) =>
      thinking(
        number,
        packState({
          dialect: 'openai-chat',
          ...own,
          data: { details: [{ type: 'reasoning.encrypted', data: `e${number}`, index: number }] },
        }),
      ),
  },
  {
    name: 'Gemini (extra_content)',
    codec: openaiChatCodec,
    quirks: { toolSchema: 'gemini' },
    reasoning: (number, call) => ({
      type: 'redacted_thinking',
      data: packState({
        dialect: 'openai-chat',
        ...own,
        data: { extra: { [call]: { google: { thought_signature: `s${number}` } } } },
      }),
    }),
  },
  {
    name: 'DeepSeek (reasoning_content)',
    codec: openaiChatCodec,
    quirks: { returnsReasoningContent: true },
    reasoning: (number) => thinking(number, ''),
  },
  {
    name: 'Ollama',
    codec: ollamaCodec,
    quirks: {},
    reasoning: (number) => thinking(number, packState({ dialect: 'ollama', ...own, data: null })),
  },
];

const isCall = (block: ContentBlock): block is Extract<ContentBlock, { type: 'tool_use' }> => block.type === 'tool_use';
const isReasoning = ({ type }: ContentBlock): boolean => type === 'thinking' || type === 'redacted_thinking';
const blocksOf = ({ content }: Message): ContentBlock[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

/** The conversation as it was: with reasoning before some of the blocks of each answer, up to its last call. */
function withReasoning(request: MessagesRequest, places: readonly boolean[], server: Server): MessagesRequest {
  let number = 0;
  const messages = request.messages.map((message): Message => {
    if (message.role !== 'assistant') return message;
    const blocks = blocksOf(message);
    const lastCall = blocks.findLastIndex(isCall);
    const content = blocks.flatMap((block, place): ContentBlock[] => {
      number += 1;
      if (place > lastCall || places[number % places.length] !== true) return [block];
      const call = blocks.slice(place).find(isCall)?.id ?? '';
      return [server.reasoning(number, call), block];
    });
    return { role: 'assistant', content };
  });
  return { ...request, messages };
}

/** What is remembered of a conversation that this target has answered. */
function remember({ messages }: MessagesRequest): Map<string, RememberedTurn> {
  const turns = new Map<string, RememberedTurn>();
  for (const message of messages) {
    if (message.role !== 'assistant') continue;
    const recorder = new TurnRecorder(own);
    const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    const content = blocksOf(message) as AnswerBlock[];
    const answer = { id: 'm', type: 'message', role: 'assistant', model: 'm', content, usage } as const;
    for (const event of messageEvents({ ...answer, stop_reason: 'tool_use', stop_sequence: null }))
      recorder.take(event);
    const { key, turn } = recorder.turn ?? { key: '', turn: null };
    if (turn !== null) turns.set(key, turn);
  }
  return turns;
}

const sortedKeys = (input: unknown): unknown =>
  JSON.parse(JSON.stringify(input), (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/** How clients lose reasoning; what else they do to an answer must not matter. */
const losses: Record<string, (message: Message) => Message[]> = {
  'that drops reasoning': (message) => [{ ...message, content: blocksOf(message).filter((one) => !isReasoning(one)) }],
  'that keeps the text of reasoning': (message) => [
    {
      ...message,
      content: blocksOf(message).flatMap((block): ContentBlock[] => {
        if (block.type === 'thinking') return [{ type: 'thinking' as const, thinking: block.thinking, signature: '' }];
        return block.type === 'redacted_thinking' ? [] : [block];
      }),
    },
  ],
  'that keeps the last block of reasoning': (message) => {
    const blocks = blocksOf(message);
    const last = blocks.findLast(isReasoning);
    return [{ ...message, content: blocks.filter((block) => !isReasoning(block) || block === last) }];
  },
  'that sends each block as a message, with sorted inputs': (message) =>
    blocksOf(message).flatMap((block) =>
      isReasoning(block)
        ? []
        : [{ ...message, content: [isCall(block) ? { ...block, input: sortedKeys(block.input) } : block] }],
    ),
};

const lost = (request: MessagesRequest, lose: (message: Message) => Message[]): MessagesRequest => ({
  ...request,
  messages: request.messages.flatMap((message) => (message.role === 'assistant' ? lose(message) : [message])),
});

const withSortedInputs = (request: MessagesRequest): MessagesRequest => ({
  ...request,
  messages: request.messages.map((message) => ({
    ...message,
    content: blocksOf(message).map((block) => (isCall(block) ? { ...block, input: sortedKeys(block.input) } : block)),
  })),
});

const places = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });

describe.each(servers)('$name', (server) => {
  const target = encodeTarget({ ...own, quirks: server.quirks });
  const restoring = {
    ...own,
    takesUnsigned: server.quirks.returnsReasoningContent === true,
    takesPhases: false,
    losesParts: true,
  };
  const encoded = (request: MessagesRequest): string =>
    new TextDecoder().decode(server.codec.encodeRequest(request, target).body);
  const restored = (request: MessagesRequest, recall: Recall): MessagesRequest => ({
    ...request,
    messages: restoreTurns(request.messages, restoring, recall).messages,
  });

  it.each(Object.entries(losses))('gets from a client %s what one that keeps all would have sent', (name, lose) => {
    fc.assert(
      fc.property(arbitraryConversation, places, (request, where) => {
        const whole = withReasoning(request, where, server);
        const turns = remember(whole);
        const given = restored(lost(whole, lose), (key) => turns.get(key));
        const expected = name.includes('sorted') ? withSortedInputs(whole) : whole;
        expect(encoded(given)).toBe(encoded(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('gets nothing of what another has made, nor of answers with other calls', () => {
    fc.assert(
      fc.property(arbitraryConversation, places, (request, where) => {
        const whole = withReasoning(request, where, server);
        const turns = remember(whole);
        const bare = lost(whole, losses['that drops reasoning'] ?? (() => []));
        for (const stranger of [{ provider: 'other' }, { model: 'other' }])
          expect(restoreTurns(bare.messages, { ...restoring, ...stranger }, (key) => turns.get(key)).messages).toBe(
            bare.messages,
          );
        const edited = bare.messages.map((message) => ({
          ...message,
          content: blocksOf(message).map((block) => (isCall(block) ? { ...block, id: `another_${block.id}` } : block)),
        }));
        expect(restoreTurns(edited, restoring, (key) => turns.get(key)).messages).toBe(edited);
      }),
      { numRuns: 30 },
    );
  });

  it('gets the same of a turn whatever comes after it', () => {
    fc.assert(
      fc.property(arbitraryConversation, places, (request, where) => {
        const whole = withReasoning(request, where, server);
        const turns = remember(whole);
        const bare = lost(whole, losses['that drops reasoning'] ?? (() => []));
        const all = restored(bare, (key) => turns.get(key)).messages;
        for (let length = 1; length <= bare.messages.length; length += 1)
          expect(restoreTurns(bare.messages.slice(0, length), restoring, (key) => turns.get(key)).messages).toEqual(
            all.slice(0, length),
          );
      }),
      { numRuns: 30 },
    );
  });
});
