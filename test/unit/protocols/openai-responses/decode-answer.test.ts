import { describe, expect, it } from 'vitest';
import { openaiResponsesCodec } from '../../../../src-main/protocols/openai-responses/codec.ts';
import { decodeAnswer } from '../../../../src-main/protocols/openai-responses/decode-answer.ts';
import { collect } from '../../../helpers/answers.ts';
import { countingIds } from '../../../helpers/codec-contexts.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import { answerNames, contextOf, decodePieces, readAnswer } from './answers.ts';

const decode = (body: unknown) => decodeAnswer(body, contextOf(), countingIds());

/** The response that ends a recorded stream, where that repeats the whole output. */
function wholeOf(name: string): Record<string, unknown> | null {
  const last = readAnswer(name)
    .toString()
    .trimEnd()
    .split('\n')
    .findLast((line) => line.includes('"response.completed"'));
  const { response } = last === undefined ? { response: null } : JSON.parse(last.slice('data: '.length));
  return response?.output?.length > 0 ? response : null;
}

describe('decodeAnswer', () => {
  // llama.cpp's thinking is closed in the stream before its state comes; the others differ in the ids on purpose.
  const differing = new Set(['ends-told-last', 'ids-differ-in-each-event']);
  const whole = answerNames.filter((name) => !differing.has(name) && wholeOf(name) !== null);

  it.each(whole)('%s gives the message that its stream gives', (name) => {
    const events = decode(wholeOf(name));
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events)).toEqual(collect(decodePieces([readAnswer(name)])));
  });

  it('tells by its status how the answer ended', () => {
    const stopOf = (fields: Record<string, unknown>) => {
      const { message, error } = collect(decode({ output: [], ...fields }));
      return error?.message ?? message?.stop_reason;
    };
    expect(stopOf({})).toBe('end_turn');
    expect(stopOf({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })).toBe('max_tokens');
    expect(stopOf({ status: 'incomplete', incomplete_details: { reason: 'content_filter' } })).toBe('refusal');
    expect(stopOf({ status: 'incomplete', incomplete_details: null })).toBe('max_tokens');
    expect(stopOf({ status: 'failed', error: { code: 'server_error', message: 'down' } })).toBe('down');
    expect(stopOf({ status: 'cancelled', error: null })).toBe("the answer ended with the status 'cancelled'");
    expect(stopOf({ status: 'queued' })).toBe("the answer is not finished: its status is 'queued'");
  });

  it('reads the usage, whatever is said of it', () => {
    const usageOf = (usage: unknown) => collect(decode({ output: [], usage })).message?.usage;
    const nothing = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    expect(usageOf({ input_tokens: 7, output_tokens: 2 })).toEqual({ input_tokens: 7, output_tokens: 2, ...nothing });
    expect(usageOf(null)).toEqual({ input_tokens: 77, output_tokens: 0, ...nothing });
    expect(usageOf({ input_tokens: 0, output_tokens: 0 })).toMatchObject({ input_tokens: 77 });
    // Reasoning counted besides the output; the total tells.
    const beside = {
      input_tokens: 7,
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: 12,
    };
    expect(usageOf(beside)).toMatchObject({ output_tokens: 5, output_tokens_details: { thinking_tokens: 3 } });
    expect(usageOf({ input_tokens: 5, output_tokens: 1, input_tokens_details: { cached_tokens: 9 } })).toMatchObject({
      input_tokens: 0,
      cache_read_input_tokens: 9,
    });
    const written = { input_tokens: 5, output_tokens: 1, input_tokens_details: { cache_write_tokens: 2 } };
    expect(usageOf(written)).toMatchObject({
      input_tokens: 3,
      cache_creation_input_tokens: 2,
      cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 0 },
    });
  });

  it('reads a search that failed, and none where pages were only opened', () => {
    const search = (fields: Record<string, unknown>) =>
      collect(decode({ output: [{ type: 'web_search_call', id: 'ws-1', ...fields }] })).message?.content;
    expect(search({ status: 'failed', action: { type: 'search', queries: ['a', 'b'] } })).toEqual([
      { type: 'server_tool_use', id: 'srvtoolu_ws_1', name: 'web_search', input: { query: 'a; b' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_ws_1',
        content: { type: 'web_search_tool_result_error', error_code: 'unavailable' },
      },
    ]);
    expect(search({ status: 'completed', action: { type: 'open_page', url: 'https://a.example' } })).toEqual([]);
    expect(search({ status: 'completed' })).toEqual([]);
  });

  it('throws where there is no answer', () => {
    expect(() => decode([])).toThrow('the answer is not a JSON object');
    expect(() => decode({ choices: [] })).toThrow('the answer has no output');
  });

  it('reads error answers as the other dialect of OpenAI does', () => {
    const body =
      '{"error":{"message":"Unsupported parameter","type":"invalid_request_error","param":"top_p","code":null}}';
    expect(openaiResponsesCodec.decodeError(body)).toMatchObject({ message: 'Unsupported parameter' });
  });
});
