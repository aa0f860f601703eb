import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openaiChatCodec } from '../../../../src-main/protocols/openai-chat/codec.ts';
import { decodeAnswer } from '../../../../src-main/protocols/openai-chat/decode-answer.ts';
import { collect, collectMessage } from '../../../helpers/answers.ts';
import { countingIds } from '../../../helpers/codec-contexts.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import { context, decodeText } from './fixtures.ts';

const decode = (body: unknown) => decodeAnswer(body, context, countingIds());

describe('decodeAnswer', () => {
  it('reads thinking, text and calls, and the usage', () => {
    const events = openaiChatCodec.decodeAnswer(
      {
        id: 'chatcmpl-1',
        choices: [
          {
            index: 0,
            message: {
              role: 'assistant',
              reasoning: 'hm',
              content: 'Hi',
              tool_calls: [
                { id: 'a', type: 'function', function: { name: 'A', arguments: '{"x":1}' } },
                { id: 'b', type: 'function', function: { name: 'A', arguments: '{"x":1}' } },
              ],
            },
            finish_reason: 'stop',
          },
        ],
        usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 },
      },
      context,
    );
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collectMessage(events)).toEqual({
      id: 'chatcmpl-1',
      type: 'message',
      role: 'assistant',
      model: 'asked-model',
      content: [
        { type: 'thinking', thinking: 'hm', signature: '' },
        { type: 'text', text: 'Hi' },
        { type: 'tool_use', id: 'a', name: 'A', input: { x: 1 } },
        { type: 'tool_use', id: 'b', name: 'A', input: { x: 1 } },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    });
  });

  it('is the first choice, wherever it stands', () => {
    const { content } = collectMessage(
      decode({
        choices: [
          { index: 1, message: { content: 'second' }, finish_reason: 'stop' },
          { index: 0, message: { content: 'first' }, finish_reason: 'stop' },
        ],
      }),
    );
    expect(content).toEqual([{ type: 'text', text: 'first' }]);
  });

  it('takes every entry for a call of its own, though none has an id or arguments', () => {
    const call = { type: 'function', function: { name: 'ListTasks', arguments: '' } };
    const { content } = collectMessage(decode({ choices: [{ message: { content: null, tool_calls: [call, call] } }] }));
    expect(content).toEqual([
      { type: 'tool_use', id: 'call_new1', name: 'ListTasks', input: {} },
      { type: 'tool_use', id: 'call_new3', name: 'ListTasks', input: {} },
    ]);
  });

  it('does without a finish reason and usage, and says that it estimates', () => {
    const events = decode({ choices: [{ message: { content: 'twelve chars' }, finish_reason: null }] });
    expect(events.at(-2)).toEqual({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { input_tokens: 77, output_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
      estimated: true,
    });
  });

  it('gives errors that came with HTTP 200 as error events', () => {
    expect(decode({ error: { message: 'no', code: 'rate_limit_exceeded' } })).toEqual([
      { type: 'error', error: { type: 'rate_limit_error', message: 'no' } },
    ]);
    expect(decode({ choices: [{ error: { message: 'down', code: 503 } }] })).toEqual([
      { type: 'error', error: { type: 'overloaded_error', message: 'down' } },
    ]);
  });

  it.each([
    [null, 'the answer is not a JSON object'],
    ['text', 'the answer is not a JSON object'],
    [{}, 'the answer has no choices'],
    [{ choices: [] }, 'the answer has no choices'],
    [{ choices: [{ text: 'completion' }] }, 'the answer has no message'],
  ])('refuses %j', (body, reason) => {
    expect(() => decode(body)).toThrow(reason);
  });

  it('gives the same message as the same answer streamed', () => {
    const answer = fc.record({
      thinking: fc.array(fc.constantFrom('hm', ' ', 'ü', '\n')),
      text: fc.array(fc.constantFrom('Hello', ' ', '🌍', '\n\n')),
      calls: fc.array(
        fc.record({
          name: fc.constantFrom('A', 'B'),
          input: fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
        }),
        { maxLength: 3 },
      ),
      reason: fc.constantFrom('stop', 'tool_calls', 'length', 'content_filter'),
      usage: fc.option(
        fc.record({ prompt_tokens: fc.integer({ min: 1, max: 999 }), completion_tokens: fc.nat({ max: 999 }) }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(answer, ({ thinking, text, calls, reason, usage }) => {
        const toolCalls = calls.map(({ name, input }, index) => ({
          id: `call_${index}`,
          type: 'function',
          function: { name, arguments: JSON.stringify(input) },
        }));
        const whole = decode({
          id: 'c',
          choices: [
            {
              message: { reasoning_content: thinking.join(''), content: text.join('') || null, tool_calls: toolCalls },
              finish_reason: reason,
            },
          ],
          usage,
        });
        const deltas = [
          ...thinking.map((piece) => ({ reasoning_content: piece })),
          ...text.map((content) => ({ content })),
          ...toolCalls.flatMap(({ function: { arguments: json, ...named }, ...call }, index) => [
            { tool_calls: [{ ...call, index, function: { ...named, arguments: '' } }] },
            ...[...json].map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
          ]),
        ];
        const chunks = [
          ...deltas.map((delta) => ({ id: 'c', choices: [{ delta, finish_reason: null }] })),
          { id: 'c', choices: [{ delta: {}, finish_reason: reason }], usage },
        ];
        const streamed = decodeText(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''));
        expect(checkEventGrammar(streamed)).toEqual([]);
        expect(collect(whole)).toEqual(collect(streamed));
      }),
    );
  });
});
