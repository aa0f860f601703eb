import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamTap } from '../../../../src-main/protocols/codec.ts';
import { responsesPassThrough } from '../../../../src-main/protocols/openai-responses/pass-through.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';
import { checkResponsesGrammar, parseResponsesSse } from '../../../helpers/responses-grammar.ts';
import { readText } from './client-fixtures.ts';

type Json = Record<string, unknown>;

const text = readText('stream.sse');

function feed(bytes: Buffer, cuts: readonly number[] = []): { tap: StreamTap; out: Buffer } {
  const tap = responsesPassThrough.createTap();
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const out: Buffer[] = [];
  for (let index = 1; index < edges.length; index += 1)
    out.push(Buffer.from(tap.push(bytes.subarray(edges[index - 1], edges[index]))));
  out.push(Buffer.from(tap.end()));
  return { tap, out: Buffer.concat(out) };
}

const see = (...events: readonly Json[]): StreamTap =>
  feed(Buffer.from(events.map((event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`).join('')))
    .tap;

describe.each([
  ['LF', text],
  ['CRLF', text.replaceAll('\n', '\r\n')],
  ['data lines only', text.replaceAll(/^event: .*\n/gm, '')],
])('a stream with %s is watched', (_name, stream) => {
  const bytes = Buffer.from(stream);

  it('at every cut: the same bytes come out and the same is seen', () => {
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { tap, out } = feed(bytes, [cut]);
      expect(out.equals(bytes)).toBe(true);
      expect(tap).toMatchObject({
        started: true,
        finished: true,
        complete: true,
        error: null,
        stopReason: 'completed',
      });
      expect(tap.usage).toMatchObject({ input_tokens: 10, output_tokens: 30 });
    }
  });
  it('in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        expect(feed(bytes, cuts).out.equals(bytes)).toBe(true);
      }),
    );
  });
  it('cut off anywhere it lets through whole frames only, and an error can follow', () => {
    const error = ProxyError.of('provider_cut_stream', { provider: 'p' });
    const end = stream.lastIndexOf('response.completed');
    for (let length = 0; length < end; length += 7) {
      const { tap, out } = feed(bytes.subarray(0, length));
      expect(tap.finished).toBe(false);
      expect(bytes.subarray(0, out.length).equals(out) || out.toString().endsWith('\n\n')).toBe(true);
      if (!stream.startsWith('event: ') || stream.includes('\r')) continue;
      const events = parseResponsesSse(out.toString() + tap.encodeError?.(error, 'req_1'));
      // A last frame that lacks its empty line is let through where it could be read.
      expect(checkResponsesGrammar(events)).toEqual([]);
    }
  });
});

describe('what it tells', () => {
  const created = {
    type: 'response.created',
    sequence_number: 0,
    response: { id: 'resp_a', model: 'm', created_at: 5 },
  };
  const added = { type: 'response.output_item.added', item: { type: 'message' } };
  const end = (type: string, response: Json): Json => ({
    type: `response.${type}`,
    response: { status: type, ...response },
  });

  it('content has begun with the first item', () => {
    expect(see(created).started).toBe(false);
    expect(see(created, added).started).toBe(true);
  });
  it('an answer without content that gives its reason is an answer', () => {
    expect(see(created, end('completed', { output: [] }))).toMatchObject({ started: true, complete: true });
  });
  it.each([
    ['max_output_tokens', end('incomplete', { incomplete_details: { reason: 'max_output_tokens' } })],
    ['content_filter', end('incomplete', { incomplete_details: { reason: 'content_filter' } })],
    ['incomplete', end('incomplete', {})],
    ['completed', end('done', { status: 'completed' })],
    ['completed', { type: 'response.completed' }],
  ])('it ended with %s', (reason, event) => {
    expect(see(created, event)).toMatchObject({ finished: true, stopReason: reason, error: null });
  });
  it.each([
    [
      'nested',
      { type: 'error', error: { type: 'server_error', code: 'rate_limit_exceeded', message: 'slow', param: null } },
    ],
    ['flat', { type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null }],
    ['of a failed response', end('failed', { error: { code: 'rate_limit_exceeded', message: 'slow' } })],
    ['as OpenRouter sends it', { type: 'response.error', error: { code: 'rate_limit_exceeded', message: 'slow' } }],
    ['of something in front of the server', { error: { code: 'rate_limit_exceeded', message: 'slow' } }],
  ])('an error, %s', (_form, event) => {
    const tap = see(created, event);
    expect(tap.error).toEqual({ message: 'slow', code: 'rate_limit_exceeded' });
    expect(tap.finished).toBe(false);
  });
  it('a response that failed or was cancelled without a word', () => {
    expect(see(created, end('failed', {})).error).toEqual({ message: 'the response is failed', code: null });
    expect(see(created, end('cancelled', {})).error?.message).toBe('the response is cancelled');
  });
  it('frames that cannot be read change nothing', () => {
    const { tap } = feed(Buffer.from('data: {broken\n\n: comment\n\nevent: x\n\ndata: 5\n\ndata: [DONE]\n\n'));
    expect(tap).toMatchObject({ started: false, finished: false, error: null });
  });
  it("an error of ours goes on with the provider's numbers and names", () => {
    const error = ProxyError.of('provider_cut_stream', { provider: 'p' });
    const events = (tap: StreamTap) => parseResponsesSse(tap.encodeError?.(error, 'req_1') ?? '');
    expect(events(see(created, { type: 'response.output_text.delta', sequence_number: 7, delta: 'x' }))).toMatchObject([
      { type: 'error', sequence_number: 8 },
      { type: 'response.failed', sequence_number: 9, response: { id: 'resp_a', model: 'm', created_at: 5 } },
    ]);
    expect(events(see())).toMatchObject([{ sequence_number: 0 }, { sequence_number: 1, response: { id: 'resp_1' } }]);
    const strange = see({ type: 'response.created', response: { id: 'a"b' } });
    expect(events(strange)).toMatchObject([{}, { response: { id: 'resp_1' } }]);
  });
});

describe('a whole answer', () => {
  const { readAnswer } = responsesPassThrough;

  it('is read', () => {
    const usage = { input_tokens: 12, input_tokens_details: { cached_tokens: 2 }, output_tokens: 3, total_tokens: 15 };
    expect(readAnswer({ status: 'completed', error: null, output: [], usage })).toMatchObject({
      error: null,
      stopReason: 'completed',
      usage: { input_tokens: 10, cache_read_input_tokens: 2, output_tokens: 3 },
    });
  });
  it('may be an error', () => {
    expect(readAnswer({ error: { code: 'x', message: 'no' } }).error).toEqual({ code: 'x', message: 'no' });
    expect(readAnswer({ status: 'failed', error: null, output: [] }).error?.message).toBe('the response is failed');
  });
  it('is none without output', () => {
    expect(() => readAnswer({ id: 'x' })).toThrow('the answer has no output');
  });
});

describe('encrypted reasoning that goes by', () => {
  const item = (id: string, encrypted_content: string | null) => ({
    type: 'reasoning',
    id,
    summary: [],
    encrypted_content,
  });
  const output = [item('rs_1', 'gAAA1'), item('rs_2', 'cproxy1.e30'), item('rs_3', null), item('rs_4', 'gAAA2')];
  const other = { type: 'compaction', id: 'cmp_1', encrypted_content: 'gAAA3' };
  const done = output.map((one, index) => ({ type: 'response.output_item.done', output_index: index, item: one }));
  const end = { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output } };

  it('is told once, and packed is not', () => {
    const stream = [...done, { type: 'response.output_item.done', output_index: 9, item: other }, end];
    const bytes = Buffer.from(stream.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    for (let cut = 0; cut <= bytes.length; cut += 1)
      expect(feed(bytes, [cut]).tap.signatures).toEqual(['gAAA1', 'gAAA2']);
    expect(see(...stream).signatures).toEqual(['gAAA1', 'gAAA2']);
    expect(see(end).signatures).toEqual(['gAAA1', 'gAAA2']);
  });
  it('is told of a whole answer', () => {
    expect(responsesPassThrough.readAnswer({ ...end.response, usage: null }).signatures).toEqual(['gAAA1', 'gAAA2']);
  });
});
