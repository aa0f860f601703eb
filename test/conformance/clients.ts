import type { AnswerMessage } from '../../src-main/protocols/canonical.ts';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import { collectMessage } from '../helpers/answers.ts';
import { chatProblems } from '../helpers/chat-grammar.ts';
import { checkEventGrammar, parseAnthropicSse } from '../helpers/event-grammar.ts';
import { responsesProblems } from '../helpers/responses-grammar.ts';
import { sseFrames } from '../helpers/sse-frames.ts';

/**
 * A conversation told in each dialect that clients speak, and answers read back, by hand and not by the code that is
 * under test.
 */

export interface Call {
  id: string;
  name: string;
  input: unknown;
}

/** One turn of a conversation, in no dialect. */
export type Said =
  | { from: 'user'; text: string; image?: string }
  | { from: 'assistant'; text?: string; calls?: readonly Call[] }
  | { from: 'tools'; results: readonly { id: string; text: string }[] };

export interface Question {
  model: string;
  system?: string;
  conversation: readonly Said[];
  /** Names of tools that take `{path}`. */
  tools?: readonly string[];
  thinking?: boolean;
  stream: boolean;
}

/** What a client has seen of an answer. */
export interface Seen {
  status: number;
  text: string;
  thinking: string;
  calls: Call[];
  stop: string | null;
  /** Input (with what came from the cache) and output. */
  tokens: { input: number; output: number } | null;
  error: string | null;
  /** What is wrong with the stream, by the dialect's own grammar. */
  problems: readonly string[];
}

const schema = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] };

interface Dialect {
  door: string;
  ask(question: Question): Record<string, unknown>;
  read(text: string, stream: boolean): Omit<Seen, 'status'>;
}

type Json = Record<string, unknown>;
const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(record) : []);
const string = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
const nothing = { text: '', thinking: '', calls: [], stop: null, tokens: null, error: null, problems: [] };
const messageOf = (error: unknown): string => string(record(error).message) || 'an error without a message';

const anthropic: Dialect = {
  door: '/v1/messages',
  ask: ({ model, system, conversation, tools, thinking, stream }) => ({
    model,
    max_tokens: 4096,
    ...(system === undefined ? {} : { system }),
    messages: conversation.map((turn) => {
      switch (turn.from) {
        case 'user':
          return {
            role: 'user',
            content: [
              ...(turn.image === undefined
                ? []
                : [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: turn.image } }]),
              { type: 'text', text: turn.text },
            ],
          };
        case 'assistant':
          return {
            role: 'assistant',
            content: [
              ...(turn.text === undefined ? [] : [{ type: 'text', text: turn.text }]),
              ...(turn.calls ?? []).map((call) => ({ type: 'tool_use', ...call })),
            ],
          };
        default:
          return {
            role: 'user',
            content: turn.results.map(({ id, text }) => ({ type: 'tool_result', tool_use_id: id, content: text })),
          };
      }
    }),
    ...(tools === undefined ? {} : { tools: tools.map((name) => ({ name, description: name, input_schema: schema })) }),
    ...(thinking === true ? { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } } : {}),
    stream,
  }),
  read(text, stream) {
    if (!stream) {
      const body = record(JSON.parse(text));
      return body.type === 'error' ? { ...nothing, error: messageOf(body.error) } : seenMessage(body as never);
    }
    const events = parseAnthropicSse(text);
    const problems = checkEventGrammar(events);
    const last = events.at(-1);
    if (last?.type === 'error') return { ...nothing, problems, error: last.error.message };
    return { ...seenMessage(collectMessage(events)), problems };
  },
};

function seenMessage(message: AnswerMessage): Omit<Seen, 'status'> {
  const { usage } = message;
  return {
    text: message.content.flatMap((block) => (block.type === 'text' ? block.text : [])).join(''),
    thinking: message.content.flatMap((block) => (block.type === 'thinking' ? block.thinking : [])).join(''),
    calls: message.content.flatMap((block) =>
      block.type === 'tool_use' ? { id: block.id, name: block.name, input: block.input } : [],
    ),
    stop: message.stop_reason,
    tokens: {
      input: usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
      output: usage.output_tokens,
    },
    error: null,
    problems: [],
  };
}

const chat: Dialect = {
  door: '/v1/chat/completions',
  ask: ({ model, system, conversation, tools, thinking, stream }) => ({
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      ...conversation.flatMap((turn): Json[] => {
        switch (turn.from) {
          case 'user':
            return [
              {
                role: 'user',
                content:
                  turn.image === undefined
                    ? turn.text
                    : [
                        { type: 'image_url', image_url: { url: `data:image/png;base64,${turn.image}` } },
                        { type: 'text', text: turn.text },
                      ],
              },
            ];
          case 'assistant':
            return [
              {
                role: 'assistant',
                content: turn.text ?? null,
                tool_calls: (turn.calls ?? []).map(({ id, name, input }) => ({
                  id,
                  type: 'function',
                  function: { name, arguments: JSON.stringify(input) },
                })),
              },
            ];
          default:
            return turn.results.map(({ id, text }) => ({ role: 'tool', tool_call_id: id, content: text }));
        }
      }),
    ],
    ...(tools === undefined
      ? {}
      : {
          tools: tools.map((name) => ({ type: 'function', function: { name, description: name, parameters: schema } })),
        }),
    ...(thinking === true ? { reasoning_effort: 'high' } : {}),
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  }),
  read(text, stream) {
    if (!stream) {
      const body = record(JSON.parse(text));
      if (body.error !== undefined) return { ...nothing, error: messageOf(body.error) };
      const [choice = {}] = list(body.choices);
      const message = record(choice.message);
      return {
        text: string(message.content),
        thinking: string(message.reasoning_content),
        calls: list(message.tool_calls).map((call) => ({
          id: string(call.id),
          name: string(record(call.function).name),
          input: JSON.parse(string(record(call.function).arguments)),
        })),
        stop: string(choice.finish_reason),
        tokens: chatTokens(body.usage),
        error: null,
        problems: [],
      };
    }
    const seen = { ...nothing, problems: chatProblems(text) } as Omit<Seen, 'status'>;
    const calls: { id: string; name: string; json: string }[] = [];
    for (const { data } of sseFrames(text)) {
      if (data === '[DONE]') continue;
      const chunk = record(JSON.parse(data));
      if (chunk.error !== undefined) seen.error = messageOf(chunk.error);
      if (chunk.usage) seen.tokens = chatTokens(chunk.usage);
      const [choice = {}] = list(chunk.choices);
      const delta = record(choice.delta);
      seen.text += string(delta.content);
      seen.thinking += string(delta.reasoning_content);
      for (const fragment of list(delta.tool_calls)) {
        const index = number(fragment.index);
        calls[index] ??= { id: string(fragment.id), name: string(record(fragment.function).name), json: '' };
        calls[index].json += string(record(fragment.function).arguments);
      }
      seen.stop = string(choice.finish_reason) || seen.stop;
    }
    // An error may have come in the middle of the arguments.
    if (seen.error === null) seen.calls = calls.map(({ id, name, json }) => ({ id, name, input: JSON.parse(json) }));
    return seen;
  },
};

const chatTokens = (usage: unknown): Seen['tokens'] => ({
  input: number(record(usage).prompt_tokens),
  output: number(record(usage).completion_tokens),
});

const responses: Dialect = {
  door: '/v1/responses',
  ask: ({ model, system, conversation, tools, thinking, stream }) => ({
    model,
    store: false,
    ...(system === undefined ? {} : { instructions: system }),
    input: conversation.flatMap((turn): Json[] => {
      switch (turn.from) {
        case 'user':
          return [
            {
              role: 'user',
              content: [
                ...(turn.image === undefined
                  ? []
                  : [{ type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${turn.image}` }]),
                { type: 'input_text', text: turn.text },
              ],
            },
          ];
        case 'assistant':
          return [
            ...(turn.text === undefined
              ? []
              : [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: turn.text }] }]),
            ...(turn.calls ?? []).map(({ id, name, input }) => ({
              type: 'function_call',
              call_id: id,
              name,
              arguments: JSON.stringify(input),
            })),
          ];
        default:
          return turn.results.map(({ id, text }) => ({ type: 'function_call_output', call_id: id, output: text }));
      }
    }),
    ...(tools === undefined
      ? {}
      : {
          tools: tools.map((name) => ({
            type: 'function',
            name,
            description: name,
            parameters: schema,
            strict: false,
          })),
        }),
    ...(thinking === true ? { reasoning: { effort: 'high', summary: 'auto' } } : {}),
    stream,
  }),
  read(text, stream) {
    if (!stream) {
      const body = record(JSON.parse(text));
      return body.object === 'response' ? seenResponse(body) : { ...nothing, error: messageOf(body.error) };
    }
    const problems = responsesProblems(text);
    const events = sseFrames(text).map(({ data }) => record(JSON.parse(data)));
    const failure = events.find(({ type }) => type === 'error' || type === 'response.failed');
    if (failure !== undefined)
      return { ...nothing, problems, error: messageOf(failure.message ? failure : record(failure.response).error) };
    const end = events.findLast(({ type }) => type === 'response.completed' || type === 'response.incomplete');
    return { ...seenResponse(record(end?.response)), problems };
  },
};

function seenResponse(response: Json): Omit<Seen, 'status'> {
  const output = list(response.output);
  const texts = (item: Json, part: string): string =>
    list(item.content)
      .flatMap(({ type, text }) => (type === part ? string(text) : []))
      .join('');
  const { input_tokens, output_tokens } = record(response.usage);
  return {
    text: output.map((item) => (item.type === 'message' ? texts(item, 'output_text') : '')).join(''),
    thinking: output
      .filter(({ type }) => type === 'reasoning')
      .flatMap(({ summary }) => list(summary).map(({ text }) => string(text)))
      .join(''),
    calls: output.flatMap((item) =>
      item.type === 'function_call'
        ? { id: string(item.call_id), name: string(item.name), input: JSON.parse(string(item.arguments)) }
        : [],
    ),
    stop: string(response.status),
    tokens: { input: number(input_tokens), output: number(output_tokens) },
    error: null,
    problems: [],
  };
}

export const clients: Record<ClientProtocol, Dialect> = {
  anthropic,
  'openai-chat': chat,
  'openai-responses': responses,
};
