import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  AnswerBlock,
  AnswerMessage,
  ContentBlock,
  MessagesRequest,
  StreamEvent,
} from '../../src-main/protocols/canonical.ts';
import type { ClientCodec, ProviderCodec } from '../../src-main/protocols/codec.ts';
import { messageEvents } from '../../src-main/protocols/message-events.ts';
import { openaiChatClientCodec } from '../../src-main/protocols/openai-chat/client-codec.ts';
import { openaiChatCodec } from '../../src-main/protocols/openai-chat/codec.ts';
import { openaiResponsesClientCodec } from '../../src-main/protocols/openai-responses/client-codec.ts';
import { openaiResponsesCodec } from '../../src-main/protocols/openai-responses/codec.ts';
import { blocksOf, turnsOf } from '../../src-main/protocols/turns.ts';
import { collectMessage } from '../helpers/answers.ts';
import { arbitraryConversation } from '../helpers/arbitrary-conversation.ts';
import { decodeContext, encodeTarget } from '../helpers/codec-contexts.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';

/**
 * Anthropic → X → Anthropic: what one side of a dialect writes, its other side reads. What may be lost on the way is said
 * here and in docs/protocols.md, and nothing else.
 */

interface Dialect {
  provider: ProviderCodec;
  client: ClientCodec;
  /** Chat Completions has one text a message, text before calls, and no images in tool results: they follow the results. */
  flat: boolean;
}

const dialects: Record<string, Dialect> = {
  'Chat Completions': { provider: openaiChatCodec, client: openaiChatClientCodec, flat: true },
  Responses: { provider: openaiResponsesCodec, client: openaiResponsesClientCodec, flat: false },
};

interface Result {
  /** Place of the call it answers, in its turn. */
  call: number;
  text: string;
  images: readonly string[];
}

type ToldTurn =
  | { assistant: string; calls: readonly (readonly [string, unknown])[] }
  | { results: readonly Result[]; user: string; images: readonly string[] };

interface Told {
  system: string;
  turns: readonly ToldTurn[];
  tools: readonly string[];
}

/** The marks that stand for images which follow somewhere else. */
const withoutMarks = (text: string): string =>
  text.replaceAll(/(?:^|\n\n)\[image #\d+(?: follows)?\](?=\n\n|$)/g, '').replace(/^\n\n/, '');
const textOf = (blocks: readonly ContentBlock[]): string =>
  withoutMarks(blocks.flatMap((block) => (block.type === 'text' ? block.text : [])).join('\n\n'));
const imagesOf = (blocks: readonly ContentBlock[]): string[] =>
  blocks.flatMap((block) => (block.type === 'image' && block.source.type === 'base64' ? block.source.data : []));

/** What a conversation says, in the words that survive: a failed tool result says so in its text. */
function told(request: MessagesRequest, names: ReadonlyMap<string, string>, flat: boolean): Told {
  const warnings = new Set<string>();
  let ids: readonly string[] = [];
  const turns = turnsOf(request.messages, warnings).map((turn): ToldTurn => {
    if (turn.role === 'assistant') {
      ids = turn.calls;
      const calls = turn.blocks.flatMap((block) =>
        block.type === 'tool_use' ? [[names.get(block.name) ?? block.name, block.input] as const] : [],
      );
      return { assistant: textOf(turn.blocks), calls };
    }
    const results = turn.results.map(({ id, block }): Result => {
      const blocks = blocksOf(block?.content ?? '');
      // On the way back the flag has become the beginning of the text.
      const failed = block?.is_error === true;
      const said = textOf(blocks);
      const text = withoutMarks(said.replace(/^Error: ?/, ''));
      return {
        call: ids.indexOf(id),
        text: failed || text !== said ? `Error: ${text}` : text,
        images: imagesOf(blocks),
      };
    });
    const rest = turn.messages.flatMap(({ blocks }) => blocks);
    const media = imagesOf(rest);
    return {
      results: flat ? results.map((result) => ({ ...result, images: [] })) : results,
      user: textOf(rest),
      images: flat ? [...results.flatMap(({ images }) => images), ...media] : media,
    };
  });
  expect([...warnings]).toEqual([]);
  const { system, tools } = request;
  return {
    system: textOf(blocksOf(system ?? '')),
    turns,
    tools: (tools ?? []).map(({ name }) => names.get(name) ?? name),
  };
}

describe.each(Object.entries(dialects))('through %s', (_name, { provider, client, flat }) => {
  it('any conversation comes back, but for the documented losses', () => {
    fc.assert(
      fc.property(arbitraryConversation, (request) => {
        const encoded = provider.encodeRequest(request, encodeTarget({ quirks: { takesSystemAnywhere: true } }));
        const decoded = client.decodeRequest(JSON.parse(Buffer.from(encoded.body).toString()));
        expect(told(decoded, encoded.toolNames, flat)).toEqual(told(request, new Map(), flat));
      }),
      { numRuns: 200 },
    );
  });

  it('any answer comes back, whole and streamed', () => {
    fc.assert(
      fc.property(arbitraryAnswer, fc.integer({ min: 1, max: 40 }), (message, size) => {
        const encoder = client.answerEncoder(() => ({ stream_options: { include_usage: true } }));
        const stream = encoder.createStream();
        const bytes = Buffer.from(
          messageEvents(message)
            .map((event) => stream.encode(event))
            .join(''),
        );
        const decoder = provider.createStreamDecoder(decodeContext({ model: message.model }));
        const events: StreamEvent[] = [];
        for (let at = 0; at < bytes.length; at += size) events.push(...decoder.push(bytes.subarray(at, at + size)));
        events.push(...decoder.end());
        expect(checkEventGrammar(events)).toEqual([]);
        expect(answerTold(collectMessage(events))).toEqual(answerTold(message));
        const whole: unknown = JSON.parse(encoder.encodeAnswer(message));
        const wholeEvents = provider.decodeAnswer(whole, decodeContext({ model: message.model }));
        expect(checkEventGrammar(wholeEvents)).toEqual([]);
        expect(answerTold(collectMessage(wholeEvents))).toEqual(answerTold(message));
      }),
      { numRuns: 200 },
    );
  });
});

const count = fc.integer({ min: 0, max: 100_000 });
const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((text) => `a${text}`);

const arbitraryAnswer: fc.Arbitrary<AnswerMessage> = fc
  .record({
    thinking: fc.option(words),
    text: fc.option(words),
    calls: fc.uniqueArray(fc.stringMatching(/^toolu_[A-Za-z0-9]{4,20}$/), { maxLength: 3 }),
    input: fc.dictionary(fc.string({ maxLength: 5 }), fc.string(), { maxKeys: 3, noNullPrototype: true }),
    cut: fc.boolean(),
    usage: fc.record({
      input_tokens: count,
      output_tokens: count.map((tokens) => tokens + 1),
      cache_creation_input_tokens: count,
      cache_read_input_tokens: count,
    }),
  })
  .filter(({ thinking, text, calls }) => thinking !== null || text !== null || calls.length > 0)
  .map(({ thinking, text, calls, input, cut, usage }): AnswerMessage => {
    const content: AnswerBlock[] = [
      ...(thinking === null ? [] : [{ type: 'thinking' as const, thinking, signature: 'c2lnbmF0dXJl' }]),
      ...(text === null ? [] : [{ type: 'text' as const, text }]),
      ...calls.map((id) => ({ type: 'tool_use' as const, id, name: 'Read', input })),
    ];
    return {
      id: 'answer_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content,
      stop_reason: cut ? 'max_tokens' : calls.length > 0 ? 'tool_use' : 'end_turn',
      stop_sequence: null,
      usage,
    };
  });

/** Signatures change their form on the way: they are state, and have tests of their own. */
function answerTold({ content, stop_reason, usage }: AnswerMessage): object {
  const { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage;
  return {
    content: content.map((block) => {
      if (block.type === 'thinking') return { thinking: block.thinking };
      if (block.type === 'text') return { text: block.text };
      return block.type === 'tool_use' ? { id: block.id, name: block.name, input: block.input } : block;
    }),
    stop_reason,
    usage: { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens },
  };
}
