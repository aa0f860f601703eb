import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamTap } from '../../../../src-main/protocols/codec.ts';
import { openaiChatCodec } from '../../../../src-main/protocols/openai-chat/codec.ts';
import { chatPassThrough } from '../../../../src-main/protocols/openai-chat/pass-through.ts';

const folder = path.join(import.meta.dirname, '../../../fixtures/openai-chat');
const fixtures = readdirSync(folder).filter((name) => name.endsWith('.sse'));

const frame = (data: unknown): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const chunk = (choice: Record<string, unknown>, rest: Record<string, unknown> = {}): string =>
  frame({ object: 'chat.completion.chunk', choices: [{ index: 0, finish_reason: null, ...choice }], ...rest });
const role = chunk({ delta: { role: 'assistant', content: '' } });
const text = chunk({ delta: { content: 'x' } });
const finish = chunk({ delta: {}, finish_reason: 'stop' });
const done = frame('[DONE]');
const usage = { prompt_tokens: 30, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 10 } };

/** What is told of a stream, and what comes out of it. */
function watch(chunks: readonly Buffer[]): { out: string; end: string; seen: Partial<StreamTap> } {
  const tap = chatPassThrough.createTap();
  const out = chunks.map((piece) => tap.push(piece).toString('latin1')).join('');
  const end = tap.end();
  const { started, finished, complete, error, usage: counted, stopReason } = tap;
  return { out, end, seen: { started, finished, complete, error, usage: counted, stopReason } };
}

const watchText = (stream: string) => watch([Buffer.from(stream)]);

describe('a Chat Completions stream that is passed through', () => {
  it('is told of as it goes on', () => {
    const tap = chatPassThrough.createTap();
    const steps: [string, Partial<StreamTap>][] = [
      [role, { started: false, finished: false }],
      [text, { started: true, finished: false, complete: false }],
      [finish, { finished: true, stopReason: 'stop', complete: false, usage: null }],
      [
        frame({ choices: [], usage }),
        {
          usage: {
            input_tokens: 20,
            cache_read_input_tokens: 10,
            cache_creation_input_tokens: 0,
            output_tokens: 5,
          },
        },
      ],
      [done, { complete: true, finished: true, error: null }],
    ];
    for (const [bytes, expected] of steps) {
      expect(tap.push(Buffer.from(bytes)).toString()).toBe(bytes);
      expect(tap).toMatchObject(expected);
    }
    expect(tap.end()).toBe('');
  });

  it.each([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['tool_calls', { tool_calls: [{ index: 0, function: { arguments: '' } }] }],
    ['refusal', { refusal: 'no' }],
    ['what is not known yet', { hologram: { x: 1 } }],
  ])('%s is content', (_name, delta) => {
    expect(watchText(role + chunk({ delta })).seen.started).toBe(true);
  });

  it.each([
    ['a role', { role: 'assistant' }],
    ['empty fields', { content: '', refusal: null, tool_calls: [] }],
  ])('%s is none', (_name, delta) => {
    expect(watchText(chunk({ delta })).seen.started).toBe(false);
  });

  it('gets its [DONE] where the server leaves that out, and only when it has finished', () => {
    expect(watchText(role + text + finish).end).toBe(done);
    expect(watchText(role + text).end).toBe('');
    expect(watchText(`${role}${text}${finish}${done.trimEnd()}`).end).toBe(done);
  });

  it('half a frame at the end is dropped', () => {
    const { out, end } = watchText(role + text + finish.slice(0, -10));
    expect(out + end).toBe(role + text);
  });

  it('with several choices has finished when all have', () => {
    const other = (choice: Record<string, unknown>) => chunk({ index: 1, ...choice });
    const begun = role + other({ delta: { role: 'assistant', content: '' } }) + text + finish;
    expect(watchText(begun).seen.finished).toBe(false);
    expect(watchText(begun + other({ delta: { content: 'y' } })).seen.finished).toBe(false);
    expect(watchText(begun + other({ delta: {}, finish_reason: 'length' })).seen).toMatchObject({
      finished: true,
      stopReason: 'stop',
    });
  });

  it.each([
    ['an error frame', frame({ error: { message: 'slow down', type: 'rate_limit_error', code: null } }), 'slow down'],
    ['with an event line', `event: error\n${frame({ error: { message: 'no', type: 'x' } })}`, 'no'],
    [
      'of OpenRouter, in a chunk',
      chunk({ delta: { content: '' }, finish_reason: 'error' }, { error: { message: 'gone', code: 502 } }),
      'gone',
    ],
    ['of vLLM', frame({ object: 'error', message: 'too long', type: 'BadRequestError' }), 'too long'],
    ['a finish_reason that says so', chunk({ delta: {}, finish_reason: 'error' }), "finish_reason 'error'"],
  ])('reports %s', (_name, bytes, message) => {
    const { seen, end } = watchText(role + text + bytes);
    expect(seen.error?.message).toContain(message);
    expect(end).toBe('');
  });

  it('text that only looks like what is looked for changes nothing', () => {
    const tricks = ['"error":{"message":"x"}', '"finish_reason":"stop"', 'usage', 'data: [DONE]', '"role"'];
    const stream = role + tricks.map((content) => chunk({ delta: { content } })).join('');
    expect(watchText(stream).seen).toMatchObject({ finished: false, complete: false, error: null, usage: null });
    const spaced = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }).replaceAll(':', ' : ');
    expect(watchText(role + text + frame(spaced)).seen.finished).toBe(true);
  });

  it.each(fixtures)('%s is told of alike wherever it is cut, and comes out byte for byte', (name) => {
    const bytes = readFileSync(path.join(folder, name));
    const whole = watch([bytes]);
    const cut = (size: number): Buffer[] =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, place) =>
        bytes.subarray(place * size, (place + 1) * size),
      );
    for (const size of [1, 2, 7, 64]) expect(watch(cut(size))).toEqual(whole);
    expect(bytes.toString('latin1').startsWith(whole.out)).toBe(true);
  });

  it('any stream comes out as it went in', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }).map((content) => chunk({ delta: { content } })),
      fc.constantFrom(role, text, finish, done, ': comment\n\n', frame({ choices: [], usage })),
    );
    fc.assert(
      fc.property(fc.array(part), fc.integer({ min: 1, max: 50 }), (parts, size) => {
        const bytes = Buffer.from(parts.join(''));
        const tap = chatPassThrough.createTap();
        const out: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) out.push(Buffer.from(tap.push(bytes.subarray(at, at + size))));
        expect(Buffer.concat(out).equals(bytes)).toBe(true);
      }),
    );
  });
});

describe('usage that the client has not asked for', () => {
  const alone = frame({ choices: [], usage });
  const seen = { input_tokens: 20, cache_read_input_tokens: 10, cache_creation_input_tokens: 0, output_tokens: 5 };

  it('is told of, and kept from the client, wherever the stream is cut', () => {
    const kept = fc.oneof(
      fc.string({ unit: 'binary' }).map((content) => chunk({ delta: { content } })),
      fc.constantFrom(
        ...[role, text, ': comment\n\n', chunk({ delta: {} }, { usage: null }), chunk({ delta: {} }, { usage })],
        frame({ choices: [], prompt_filter_results: [] }),
      ),
    );
    const parts = fc.array(fc.oneof(kept, fc.constant(alone)));
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 50 }), fc.boolean(), (some, size, ends) => {
        const all = [...some, finish, alone, ...(ends ? [done] : [])];
        const bytes = Buffer.from(all.join(''));
        const tap = chatPassThrough.createTap(true);
        let out = '';
        for (let at = 0; at < bytes.length; at += size) out += tap.push(bytes.subarray(at, at + size)).toString();
        out += tap.end();
        const expected = all.filter((part) => part !== alone).join('');
        expect(out).toBe(ends ? expected : expected + done);
        expect(tap.usage).toEqual(seen);
      }),
    );
  });

  it('also in a last frame that lacks its empty line', () => {
    const tap = chatPassThrough.createTap(true);
    expect(tap.push(Buffer.from(role + text + finish + alone.trimEnd())).toString()).toBe(role + text + finish);
    expect(tap.end()).toBe(done);
    expect(tap.usage).toEqual(seen);
  });
});

describe('a whole answer that is passed through', () => {
  it('is read for what it cost and why it ended', () => {
    const message = { role: 'assistant', content: 'x' };
    expect(chatPassThrough.readAnswer({ choices: [{ index: 0, message, finish_reason: 'length' }], usage })).toEqual({
      error: null,
      usage: { input_tokens: 20, cache_read_input_tokens: 10, cache_creation_input_tokens: 0, output_tokens: 5 },
      stopReason: 'length',
      refused: false,
      signatures: [],
    });
    expect(chatPassThrough.readAnswer({ choices: [{ message }] })).toEqual({
      error: null,
      usage: null,
      stopReason: null,
      refused: false,
      signatures: [],
    });
  });

  it('says whose signatures it holds, streamed or not', () => {
    const message = {
      reasoning_details: [
        { type: 'reasoning.summary', summary: 'Hm', index: 0 },
        { type: 'reasoning.encrypted', data: 'ZW5j', index: 1 },
        { type: 'reasoning.text', text: '', signature: 'c2ln', index: 2 },
      ],
      tool_calls: [
        { id: 'a', extra_content: { google: { thought_signature: 'Z2Vt' } } },
        { id: 'b', function: { name: 'Read', arguments: '{"data":"eA=="}' } },
      ],
    };
    const signatures = ['ZW5j', 'c2ln', 'Z2Vt'];
    expect(chatPassThrough.readAnswer({ choices: [{ message }] }).signatures).toEqual(signatures);
    const tap = chatPassThrough.createTap();
    const [summary, ...others] = message.reasoning_details;
    const deltas = [[summary], ...others.map((detail) => [detail])].map((reasoning_details) => ({ reasoning_details }));
    const calls = message.tool_calls.map((call, index) => ({ tool_calls: [{ index, ...call }] }));
    const stream = [role, text, ...[...deltas, ...calls].map((delta) => chunk({ delta })), finish, done];
    for (const piece of stream) tap.push(Buffer.from(piece));
    expect(tap.signatures).toEqual(signatures);
  });

  it('an error instead of an answer is one, also inside a choice', () => {
    expect(chatPassThrough.readAnswer({ error: { message: 'no credits', code: 402 } }).error).toMatchObject({
      message: 'no credits',
    });
    expect(chatPassThrough.readAnswer({ choices: [{ error: { message: 'gone', code: 502 } }] }).error?.message).toBe(
      'gone',
    );
  });

  it('what is no answer is none', () => {
    expect(() => chatPassThrough.readAnswer({})).toThrow('no choices');
    expect(() => chatPassThrough.readAnswer({ choices: [] })).toThrow('no choices');
  });

  it('the codec offers it', () => {
    expect(openaiChatCodec.passThrough).toBe(chatPassThrough);
  });
});
