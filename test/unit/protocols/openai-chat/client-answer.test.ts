import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerBlock, BlockDelta, StopReason, StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { answerOptions } from '../../../../src-main/protocols/openai-chat/answer-options.ts';
import { openaiChatClientCodec } from '../../../../src-main/protocols/openai-chat/client-codec.ts';
import { decodeChatRequest } from '../../../../src-main/protocols/openai-chat/client-request.ts';
import { encodeAnswer } from '../../../../src-main/protocols/openai-chat/encode-answer.ts';
import { ChatStreamEncoder } from '../../../../src-main/protocols/openai-chat/stream-encoder.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';
import { collectMessage } from '../../../helpers/answers.ts';
import { chatFrames, chatProblems } from '../../../helpers/chat-grammar.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';

type Json = Record<string, unknown>;

const folder = path.join(import.meta.dirname, '../../../fixtures/openai-chat-client/answers');
const NOW = 1_790_000_000;

function streamOf(events: readonly StreamEvent[], request: Json): string {
  const encoder = new ChatStreamEncoder(answerOptions(request), () => NOW);
  return events.map((event) => encoder.encode(event)).join('');
}

const wholeOf = (events: readonly StreamEvent[], request: Json): Json =>
  JSON.parse(encodeAnswer(collectMessage(events), answerOptions(request), NOW)) as Json;

/** The frames of a stream, comments as they are. */
const framesOf = (stream: string): unknown[] =>
  stream
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => (frame.startsWith('data: {') ? JSON.parse(frame.slice('data: '.length)) : frame));

describe('canonical events as a Chat Completions answer', () => {
  it.each(readdirSync(folder))('%s', (name) => {
    const { request, events, frames, answer } = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as {
      request: Json;
      events: StreamEvent[];
      frames: unknown[];
      answer: Json | null;
    };
    const stream = streamOf(events, request);
    expect(chatProblems(stream)).toEqual([]);
    expect(framesOf(stream)).toEqual(frames);
    if (answer !== null) expect(wholeOf(events, request)).toEqual(answer);
  });
});

describe('the codec', () => {
  it('looks at the request for what its answer needs', () => {
    const encoder = openaiChatClientCodec.answerEncoder(() => ({ stream_options: { include_usage: true } }));
    const stream = encoder.createStream();
    const text = answerEvents([], 'end_turn')
      .map((event) => stream.encode(event))
      .join('');
    expect(chatProblems(text)).toEqual([]);
    expect(text).toContain('"total_tokens":15');
  });

  it('ends a stream with an error, and without [DONE]', () => {
    const error = ProxyError.of('provider_cut_stream', { provider: 'p' });
    const begun = streamOf(answerEvents([{ type: 'text', text: '' }], 'end_turn').slice(0, 3), {});
    const text = begun + openaiChatClientCodec.ping + openaiChatClientCodec.encodeStreamError(error, 'req_1');
    expect(chatProblems(text)).toEqual([]);
    expect(chatFrames(text).at(-1)).toMatchObject({ error: { code: 'provider_cut_stream' } });
    expect(text).not.toContain('[DONE]');
  });
});

const usage = {
  input_tokens: 10,
  output_tokens: 5,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

function answerEvents(blocks: readonly AnswerBlock[], stop_reason: StopReason, fragment = 3): StreamEvent[] {
  const message = {
    id: 'msg_1',
    type: 'message' as const,
    role: 'assistant' as const,
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
  return [
    { type: 'message_start', message },
    ...blocks.flatMap((block, index) => blockEvents(block, index, fragment)),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
}

/** A text in pieces that end nowhere inside a character. */
const pieces = (text: string, size: number): string[] => {
  const characters = [...text];
  const count = Math.ceil(characters.length / size);
  return Array.from({ length: count }, (_, place) => characters.slice(place * size, (place + 1) * size).join(''));
};

function blockEvents(block: AnswerBlock, index: number, size: number): StreamEvent[] {
  const [content_block, deltas] = opened(block, size);
  return [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta): StreamEvent => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

function opened(block: AnswerBlock, size: number): [AnswerBlock, BlockDelta[]] {
  switch (block.type) {
    case 'text': {
      const { citations, ...rest } = block;
      return [
        { ...rest, text: '' },
        [
          ...pieces(block.text, size).map((text) => ({ type: 'text_delta' as const, text })),
          ...(citations ?? []).map((citation) => ({ type: 'citations_delta' as const, citation })),
        ],
      ];
    }
    case 'thinking':
      return [
        { ...block, thinking: '', signature: '' },
        [
          ...pieces(block.thinking, size).map((thinking) => ({ type: 'thinking_delta' as const, thinking })),
          ...(block.signature === '' ? [] : [{ type: 'signature_delta' as const, signature: block.signature }]),
        ],
      ];
    case 'tool_use':
      return [
        { ...block, input: {} },
        pieces(JSON.stringify(block.input), size).map((partial_json) => ({ type: 'input_json_delta', partial_json })),
      ];
    default:
      return [block, []];
  }
}

const state = packState({ dialect: 'openai-responses', provider: 'p', model: 'm', data: { id: 'rs_1' } });
const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map((text) => `w${text}w`);
const signed = fc
  .record({ thinking: fc.oneof(words, fc.constant('')), signature: fc.constantFrom('c2ln', state) })
  .map(
    (block): AnswerBlock =>
      block.thinking === '' && block.signature === state
        ? { type: 'redacted_thinking', data: state }
        : { type: 'thinking', ...block },
  );
const tool = fc
  .record({ name: fc.constantFrom('Read', 'patch', 'Bash'), input: fc.dictionary(words, fc.jsonValue()) })
  // -0 is no number of JSON's.
  .map(
    ({ name, input }): AnswerBlock => ({
      type: 'tool_use',
      id: '',
      name,
      input: JSON.parse(JSON.stringify(input)) as unknown,
    }),
  );
const said = words.map((text): AnswerBlock => ({ type: 'text', text }));
const quoted = words.map(
  (text): AnswerBlock => ({ type: 'text', text, citations: [{ type: 'x', url: 'https://x.test', title: text }] }),
);
const hidden = fc.constant<AnswerBlock>({
  type: 'web_search_tool_result',
  tool_use_id: 'srvtoolu_1',
  content: { type: 'web_search_tool_result_error', error_code: 'unavailable' },
});
const redacted = fc.constant<AnswerBlock>({ type: 'redacted_thinking', data: 'cmVk' });

const numbered = (blocks: readonly AnswerBlock[]): AnswerBlock[] =>
  blocks.map((block, index) => (block.type === 'tool_use' ? { ...block, id: `toolu_${index}` } : block));
const anyBlocks = fc.array(fc.oneof(signed, tool, said, quoted, hidden, redacted), { maxLength: 8 }).map(numbered);
const requests = fc.constantFrom<Json>(
  {},
  { stream_options: { include_usage: true } },
  { tools: [{ type: 'custom', custom: { name: 'patch' } }] },
  { functions: [{ name: 'Read' }] },
);

/** What a client puts together from a stream. */
function accumulate(stream: string): Json {
  const message: Json = { role: 'assistant', content: null, refusal: null };
  let finish: unknown = null;
  const join = (to: Json, field: string, more: unknown): void => {
    if (typeof more === 'string') to[field] = `${(to[field] as string | null | undefined) ?? ''}${more}`;
  };
  for (const frame of chatFrames(stream)) {
    if (frame === '[DONE]') continue;
    const [choice] = frame.choices as Json[];
    if (choice === undefined) continue;
    finish = choice.finish_reason ?? finish;
    const delta = choice.delta as Json;
    for (const field of ['content', 'refusal', 'reasoning_content']) join(message, field, delta[field]);
    for (const field of ['reasoning_details', 'annotations'])
      if (delta[field] !== undefined)
        message[field] = [...((message[field] as unknown[] | undefined) ?? []), ...(delta[field] as unknown[])];
    if (delta.function_call !== undefined) {
      const call = (message.function_call ?? {}) as Json;
      for (const field of ['name', 'arguments']) join(call, field, (delta.function_call as Json)[field]);
      message.function_call = call;
    }
    for (const { index, ...fragment } of (delta.tool_calls as Json[] | undefined) ?? []) {
      const calls = (message.tool_calls ?? []) as Json[];
      message.tool_calls = calls;
      const call = calls[index as number];
      if (call === undefined) calls[index as number] = structuredClone(fragment);
      else
        for (const kind of ['function', 'custom'])
          for (const field of ['arguments', 'input'])
            join(call[kind] as Json, field, (fragment[kind] as Json | undefined)?.[field]);
    }
  }
  return { message, finish };
}

describe('any answer', () => {
  it('is a valid stream, which adds up to the whole answer', () => {
    fc.assert(
      fc.property(anyBlocks, requests, fc.integer({ min: 1, max: 9 }), (blocks, request, size) => {
        const calls = blocks.some(({ type }) => type === 'tool_use');
        const events = answerEvents(blocks, calls ? 'tool_use' : 'end_turn', size);
        expect(checkEventGrammar(events)).toEqual([]);
        const stream = streamOf(events, request);
        expect(chatProblems(stream)).toEqual([]);
        const [whole] = wholeOf(events, request).choices as { message: Json; finish_reason: string }[];
        const { message, finish } = accumulate(stream) as { message: Json; finish: string };
        expect({ ...message, content: message.content || null }).toEqual({
          ...whole?.message,
          content: whole?.message.content || null,
        });
        expect(finish).toBe(whole?.finish_reason);
      }),
    );
  });

  it('is a valid stream wherever an error ends it', () => {
    fc.assert(
      fc.property(anyBlocks, requests, fc.nat(), (blocks, request, place) => {
        const events = answerEvents(blocks, 'end_turn');
        const begun = events.slice(0, place % (events.length - 1));
        const error = { type: 'error' as const, error: { type: 'api_error', message: 'gone' } };
        const stream = streamOf([...begun, { type: 'ping' }, error], request);
        expect(chatProblems(stream)).toEqual([]);
        expect(stream).not.toContain('[DONE]');
      }),
    );
  });

  it('comes back with its thinking, its calls and its text', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const events = answerEvents(blocks, 'end_turn');
        const [choice] = wholeOf(events, {}).choices as { message: Json }[];
        const { messages } = decodeChatRequest({
          model: 'm',
          messages: [{ role: 'user', content: 'x' }, choice?.message, { role: 'user', content: 'y' }],
        });
        const back = (messages[1]?.role === 'assistant' ? messages[1].content : []) as AnswerBlock[];
        const of = (from: readonly AnswerBlock[], ...types: string[]): unknown[] =>
          from.filter(({ type }) => types.includes(type));
        expect(of(back, 'thinking', 'redacted_thinking')).toEqual(of(blocks, 'thinking', 'redacted_thinking'));
        expect(of(back, 'tool_use')).toEqual(of(blocks, 'tool_use'));
        const text = (from: readonly AnswerBlock[]): string =>
          from.map((block) => (block.type === 'text' ? block.text : '')).join('');
        expect(text(back).replaceAll('\n\n', '')).toBe(text(blocks).replaceAll('\n\n', ''));
      }),
    );
  });

  it('thinking without a signature comes back in its place among signed', () => {
    const blocks: AnswerBlock[] = [
      { type: 'thinking', thinking: 'plain', signature: '' },
      { type: 'thinking', thinking: 'signed', signature: 'c2ln' },
      { type: 'thinking', thinking: 'plain again', signature: '' },
      { type: 'text', text: 'x' },
    ];
    const [choice] = wholeOf(answerEvents(blocks, 'end_turn'), {}).choices as { message: Json }[];
    const { messages } = decodeChatRequest({ model: 'm', messages: [{ role: 'user', content: 'x' }, choice?.message] });
    expect(messages[1]?.content).toEqual(blocks);
  });
});
