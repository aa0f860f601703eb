import { describe, expect, it } from 'vitest';
import { chatProblems } from '../../helpers/chat-grammar.ts';

const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' };
const frame = (data: unknown): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const chunk = (delta: Record<string, unknown>, finish_reason: string | null = null): string =>
  frame({ ...head, choices: [{ index: 0, delta, finish_reason }] });
const first = chunk({ role: 'assistant', content: '' });
const finish = chunk({}, 'stop');
const done = frame('[DONE]');
const usage = frame({ ...head, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
const error = frame({ error: { message: 'no', type: 'server_error', param: null, code: 'x' } });
const call = (index: number, rest: Record<string, unknown> = {}): string =>
  chunk({
    tool_calls: [{ index, id: `c${index}`, type: 'function', function: { name: 'f', arguments: '' }, ...rest }],
  });
const more = (index: number): string => chunk({ tool_calls: [{ index, function: { arguments: '{}' } }] });

describe('the grammar of Chat Completions streams', () => {
  it.each([
    ['text', [first, chunk({ content: 'x' }), finish, done]],
    ['usage', [first, finish, usage, done]],
    ['comments', [': ping\n\n', first, finish, done]],
    ['tool calls', [first, call(0), more(0), call(1), more(1), chunk({}, 'tool_calls'), done]],
    ['an error, at once or in the middle', [error]],
    ['an error in the middle', [first, chunk({ content: 'x' }), error]],
  ])('takes %s', (_name, frames) => {
    expect(chatProblems(frames.join(''))).toEqual([]);
  });

  it.each([
    ['no end', [first, finish], 'no end'],
    ['no finish', [first, done], 'without a finish_reason'],
    ['no role', [chunk({ content: 'x' }), finish, done], 'does not name the role'],
    ['a second role', [first, first, finish, done], 'names the role again'],
    ['two finishes', [first, finish, finish, done], 'follows the finish_reason'],
    ['usage before the finish', [first, usage, finish, done], 'before the finish_reason'],
    ['usage that does not add up', [first, finish, usage.replace('"total_tokens":3', '"total_tokens":4'), done], 'sum'],
    ['something after the end', [first, finish, done, chunk({})], 'follows [DONE]'],
    ['something after an error', [first, error, done], 'follows error'],
    ['another id', [first, finish.replace('chatcmpl-1', 'chatcmpl-2'), done], 'differ'],
    ['a gap between calls', [first, call(1), chunk({}, 'tool_calls'), done], 'comes before'],
    ['a call without an id', [first, call(0, { id: undefined }), chunk({}, 'tool_calls'), done], 'without an id'],
    ['one id for two calls', [first, call(0), call(1, { id: 'c0' }), chunk({}, 'tool_calls'), done], 'stands twice'],
    ['id and name again', [first, call(0), call(0), chunk({}, 'tool_calls'), done], 'come again'],
    ['calls that take turns', [first, call(0), call(1), more(0), chunk({}, 'tool_calls'), done], 'goes on after'],
    ['calls and the wrong finish', [first, call(0), finish, done], "finish_reason is 'stop'"],
    ['a finish for calls that are none', [first, chunk({}, 'tool_calls'), done], 'without a call'],
    ['what is no JSON', [first, frame('{'), done], 'no JSON'],
  ])('does not take %s', (_name, frames, problem) => {
    expect(chatProblems(frames.join('')).join('\n')).toContain(problem);
  });
});
