import { isDeepStrictEqual } from 'node:util';
import { type Dispatcher, request } from 'undici';
import type { AnswerMessage } from '../../src-main/protocols/canonical.ts';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import { collectMessage } from '../helpers/answers.ts';
import { chatFrames, chatProblems } from '../helpers/chat-grammar.ts';
import { checkEventGrammar, parseAnthropicSse } from '../helpers/event-grammar.ts';
import { checkResponsesGrammar } from '../helpers/responses-grammar.ts';
import { typedEvents } from '../helpers/sse-frames.ts';
import { doors } from './dialect-requests.ts';

/** Clients of the three dialects, as far as the chaos run needs them. */

type Json = Record<string, unknown>;

/** What an answer holds, in whatever dialect. */
export interface Said {
  text: string;
  calls: { name: string; input: Json }[];
}

export interface Question {
  id: string;
  protocol: ClientProtocol;
  model: string;
  stream: boolean;
  /** Characters besides the question itself. */
  padding: number;
}

const tool = {
  name: 'Bash',
  description: 'Runs a command',
  parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
};

/** The mark by which providers know a question. */
export const markOf = (id: string): string => `[question:${id}]`;

/** The id of the question that a request's body holds. */
export function questionIn(body: string): string {
  const id = /\[question:([^\]]+)\]/.exec(body)?.[1];
  if (id === undefined) throw new Error(`no question in ${body.slice(0, 200)}`);
  return id;
}

function bodyOf({ id, protocol, model, stream, padding }: Question): Json {
  const text = `${markOf(id)} Say what there is to say. ${'lorem ipsum dolor '.repeat(Math.ceil(padding / 18))}`;
  const { name, description, parameters } = tool;
  switch (protocol) {
    case 'anthropic':
      return {
        model,
        stream,
        max_tokens: 4_096,
        messages: [{ role: 'user', content: text }],
        tools: [{ name, description, input_schema: parameters }],
      };
    case 'openai-chat':
      return {
        model,
        stream,
        messages: [{ role: 'user', content: text }],
        tools: [{ type: 'function', function: tool }],
      };
    case 'openai-responses':
      return { model, stream, store: false, input: text, tools: [{ type: 'function', strict: false, ...tool }] };
  }
}

function readAnthropic({ content, stop_reason }: AnswerMessage): Said {
  const said: Said = { text: '', calls: [] };
  for (const block of content)
    if (block.type === 'text') said.text += block.text;
    else if (block.type === 'tool_use') said.calls.push({ name: block.name, input: block.input as Json });
    else throw new Error(`a block of type ${block.type}`);
  const expected = said.calls.length > 0 ? 'tool_use' : 'end_turn';
  if (stop_reason !== expected) throw new Error(`stopped with ${stop_reason}, not ${expected}`);
  return said;
}

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const string = (value: unknown): string => (typeof value === 'string' ? value : '');

const called = (name: unknown, written: unknown): Said['calls'][number] => ({
  name: string(name),
  input: JSON.parse(string(written)) as Json,
});

function readChatMessage(message: Json): Said {
  return {
    text: string(message.content),
    calls: list(message.tool_calls).map((call) => {
      const { name, arguments: written } = record(call.function);
      return called(name, written);
    }),
  };
}

function readChatStream(text: string): Said {
  const problems = chatProblems(text);
  if (problems.length > 0) throw new Error(problems.join('; '));
  let content = '';
  const calls: { name: string; written: string }[] = [];
  for (const frame of chatFrames(text)) {
    if (frame === '[DONE]') continue;
    if (frame.error !== undefined) throw new Error(`an error in the stream: ${JSON.stringify(frame.error)}`);
    const delta = record(list(frame.choices)[0]?.delta);
    content += string(delta.content);
    for (const call of list(delta.tool_calls)) {
      const { name, arguments: written } = record(call.function);
      const index = Number(call.index);
      calls[index] ??= { name: '', written: '' };
      const known = calls[index];
      known.name += string(name);
      known.written += string(written);
    }
  }
  return { text: content, calls: calls.map(({ name, written }) => called(name, written)) };
}

function readResponse(response: Json): Said {
  if (response.status !== 'completed')
    throw new Error(`status ${string(response.status)}: ${JSON.stringify(response)}`);
  const said: Said = { text: '', calls: [] };
  for (const item of list(response.output))
    if (item.type === 'message')
      said.text += list(item.content)
        .map(({ text }) => string(text))
        .join('');
    else if (item.type === 'function_call') said.calls.push(called(item.name, item.arguments));
    else throw new Error(`an item of type ${string(item.type)}`);
  return said;
}

function readResponsesStream(text: string): Said {
  const events = typedEvents(text) as (Json & { type: string })[];
  const problems = checkResponsesGrammar(events);
  if (problems.length > 0) throw new Error(problems.join('; '));
  const said = readResponse(record(events.at(-1)?.response));
  const deltas = events.filter(({ type }) => type === 'response.output_text.delta').map(({ delta }) => string(delta));
  if (deltas.join('') !== said.text) throw new Error('the deltas of the text are not what the response holds');
  return said;
}

function readAnswer(protocol: ClientProtocol, stream: boolean, text: string): Said {
  switch (protocol) {
    case 'anthropic': {
      if (!stream) return readAnthropic(JSON.parse(text) as AnswerMessage);
      const events = parseAnthropicSse(text);
      const problems = checkEventGrammar(events);
      if (problems.length > 0) throw new Error(problems.join('; '));
      return readAnthropic(collectMessage(events));
    }
    case 'openai-chat':
      return stream
        ? readChatStream(text)
        : readChatMessage(record(list((JSON.parse(text) as Json).choices)[0]?.message));
    case 'openai-responses':
      return stream ? readResponsesStream(text) : readResponse(JSON.parse(text) as Json);
  }
}

export interface Answered {
  /** CProxy's id of the request; null where there was no answer at all. */
  requestId: string | null;
  /** What is wrong with the answer, in words; null where it is exactly as it must be. */
  problem: string | null;
  /** Which of the right answers it was. */
  which: number | null;
}

/** Asks, reads the answer to its end, and compares it with those that are right. */
export async function ask(
  { url, token }: { url: string; token: string },
  question: Question,
  right: readonly Said[],
  dispatcher: Dispatcher,
): Promise<Answered> {
  let requestId: string | null = null;
  try {
    const { statusCode, headers, body } = await request(url + doors[question.protocol], {
      method: 'POST',
      dispatcher,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...(question.protocol === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}),
      },
      body: JSON.stringify(bodyOf(question)),
    });
    requestId = String(headers['x-cproxy-request-id']);
    const text = await body.text();
    if (statusCode !== 200) return { requestId, problem: `HTTP ${statusCode}: ${text.slice(0, 600)}`, which: null };
    const said = readAnswer(question.protocol, question.stream, text);
    const which = right.findIndex((one) => isDeepStrictEqual(said, one));
    if (which !== -1) return { requestId, problem: null, which };
    return { requestId, problem: `another answer: ${JSON.stringify(said).slice(0, 600)}`, which: null };
  } catch (error) {
    return { requestId, problem: String(error), which: null };
  }
}
