import { isObject } from '../../src-main/protocols/is-object.ts';
import { sseFrames } from './sse-frames.ts';

type Json = Record<string, unknown>;

/** A Chat Completions stream as a client reads it: each frame's JSON, `[DONE]` as it is. */
export function chatFrames(text: string): (Json | '[DONE]')[] {
  return sseFrames(text).map(({ data }) => (data === '[DONE]' ? data : (JSON.parse(data) as Json)));
}

/** What a client collects of a tool call. */
interface OpenCall {
  id: string;
  name: string;
  input: string;
}

const FINISH_REASONS = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'];
const TEXT_FIELDS = ['content', 'refusal', 'reasoning_content'];

/**
 * Checks the text of a Chat Completions stream against what OpenAI's reference says of `chat.completion.chunk` and what its
 * SDKs rely on, and returns what is wrong with it, in words; nothing where all is well. A stream that ends with an error is
 * a valid one.
 */
export function chatProblems(text: string): string[] {
  const problems: string[] = [];
  let frames: (Json | '[DONE]')[];
  try {
    frames = chatFrames(text);
  } catch (error) {
    return [`a frame is no JSON: ${String(error)}`];
  }
  let head: string | null = null;
  let finish: string | null = null;
  let usage = false;
  let end: '[DONE]' | 'error' | null = null;
  const calls: OpenCall[] = [];

  frames.forEach((frame, place) => {
    const wrong = (problem: string) => problems.push(`frame ${place}: ${problem}`);
    if (end !== null) wrong(`follows ${end}`);
    if (frame === '[DONE]') {
      end = '[DONE]';
      if (finish === null) wrong('[DONE] without a finish_reason');
      return;
    }
    if (frame.error !== undefined) {
      end = 'error';
      if (!isObject(frame.error) || typeof frame.error.message !== 'string') wrong('the error has no message');
      return;
    }
    if (frame.object !== 'chat.completion.chunk') wrong(`object is '${String(frame.object)}'`);
    const about = JSON.stringify([frame.id, frame.created, frame.model]);
    if (head !== null && about !== head) wrong('id, created or model differ from the first chunk');
    if (!Array.isArray(frame.choices)) {
      wrong('has no choices');
      return;
    }
    if (usage) wrong('follows the usage chunk');
    const [choice] = frame.choices as Json[];
    if (choice === undefined) {
      usage = true;
      if (finish === null) wrong('the usage chunk stands before the finish_reason');
      problems.push(...usageProblems(frame.usage).map((problem) => `frame ${place}: ${problem}`));
      return;
    }
    if (frame.usage) wrong('usage stands in a chunk with choices');
    if (choice.index !== 0) wrong('there is more than one choice');
    if (finish !== null) wrong('follows the finish_reason');
    if (!isObject(choice.delta)) {
      wrong('has no delta');
      return;
    }
    const { delta } = choice;
    if (head === null) {
      head = about;
      if (delta.role !== 'assistant') wrong('the first chunk does not name the role');
      if (typeof frame.id !== 'string' || typeof frame.created !== 'number' || typeof frame.model !== 'string')
        wrong('id, created or model are not there');
    } else if (delta.role !== undefined) wrong('names the role again');
    for (const field of TEXT_FIELDS)
      if (delta[field] !== undefined && delta[field] !== null && typeof delta[field] !== 'string')
        wrong(`${field} is no string`);
    if (Array.isArray(delta.tool_calls))
      for (const call of delta.tool_calls as Json[]) for (const problem of addToCall(call, calls)) wrong(problem);
    if (choice.finish_reason !== null) {
      finish = String(choice.finish_reason);
      if (!FINISH_REASONS.includes(finish)) wrong(`finish_reason is '${finish}'`);
    }
  });

  if (end === null) problems.push('the stream has no end');
  if (end === '[DONE]') {
    if (calls.length > 0 && finish === 'stop') problems.push("there are tool calls, but finish_reason is 'stop'");
    if (calls.length === 0 && finish === 'tool_calls') problems.push("finish_reason is 'tool_calls' without a call");
  }
  return problems;
}

/** Takes a fragment in and returns what is wrong with it. */
function addToCall(fragment: Json, calls: OpenCall[]): string[] {
  const { index } = fragment;
  if (typeof index !== 'number') return ['a tool call has no index'];
  const called = isObject(fragment.function) ? fragment.function : fragment.custom;
  if (!isObject(called)) return ['a tool call says neither function nor custom'];
  const input = called.arguments ?? called.input;
  const known = calls[index];
  if (known === undefined) {
    const { id, type } = fragment;
    const next = calls.length;
    calls[index] = { id: String(id), name: String(called.name), input: String(input) };
    return [
      ...(index === next ? [] : [`tool call ${index} comes before ${next}`]),
      ...(typeof id === 'string' && id !== '' ? [] : ['a tool call begins without an id']),
      ...(typeof called.name === 'string' && called.name !== '' ? [] : ['a tool call begins without a name']),
      ...(type === 'function' || type === 'custom' ? [] : ['a tool call begins without a type']),
      ...(calls.slice(0, index).some((call) => call.id === id) ? [`the id '${String(id)}' stands twice`] : []),
    ];
  }
  known.input += String(input);
  return [
    ...(fragment.id === undefined && called.name === undefined ? [] : ['id or name of a tool call come again']),
    ...(typeof input === 'string' ? [] : ['a fragment of a tool call has no text']),
    ...(index === calls.length - 1 ? [] : [`tool call ${index} goes on after the next has begun`]),
  ];
}

function usageProblems(usage: unknown): string[] {
  if (!isObject(usage)) return ['the chunk without choices has no usage'];
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  if (![prompt, completion, total].every(Number.isInteger)) return ['usage is not counted'];
  return total === Number(prompt) + Number(completion) ? [] : ['total_tokens is not the sum'];
}
