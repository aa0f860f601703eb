import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { sseFrames } from '../sse-frames.ts';
import type { Asker } from '../strict-upstream.ts';
import { type Fields, isFields, listOf } from './vendor.ts';

/** Where a client's requests go. */
export interface Address {
  url: string;
  token: string;
  headers?: Record<string, string>;
}

/** An answer as its client got it. */
export interface Answered {
  text: string;
  calls: { id: string; name: string; input: unknown }[];
}

/** A client's ways: what it says, how it asks, and what it keeps of the answer for its next request. */
export interface ClientWays extends Asker {
  question(text: string): Fields;
  /** Results of the calls of one answer, in order. */
  results(results: readonly { id: string; text: string }[]): Fields[];
  ask(address: Address, model: string, history: readonly Fields[], stream: boolean): Promise<Fields[]>;
  /** What an answer says, of what was kept of it. */
  read(kept: readonly Fields[]): Answered;
}

const SYSTEM = 'You are a careful agent.';
const PARAMETERS = { type: 'object' as const, properties: { path: { type: 'string' } }, required: ['path'] };

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map(({ text }) => String(text ?? ''))
        .join('');

/** As Claude Code has it, by what the model takes. With a budget, calls must come with their thinking. */
function thinkingOf(model: string, keeps: boolean): { thinking?: Anthropic.ThinkingConfigParam } {
  if (!model.endsWith('claude-sonnet-4-5')) return { thinking: { type: 'adaptive' } };
  return keeps ? { thinking: { type: 'enabled', budget_tokens: 2000 } } : {};
}

/** @param keeps whether it sends thinking back. */
const messagesClient = (keeps: boolean): ClientWays => ({
  protocol: 'anthropic',
  loses: !keeps,
  question: (text) => ({ role: 'user', content: text }),
  results: (results) => [
    { role: 'user', content: results.map(({ id, text }) => ({ type: 'tool_result', tool_use_id: id, content: text })) },
  ],
  async ask({ url, token, headers }, model, history, stream) {
    const client = new Anthropic({ baseURL: url, apiKey: token, maxRetries: 0, defaultHeaders: headers ?? {} });
    const body = {
      model,
      max_tokens: 8000,
      system: SYSTEM,
      messages: history as unknown as Anthropic.MessageParam[],
      tools: [{ name: 'Read', input_schema: PARAMETERS }],
      ...thinkingOf(model, keeps),
    };
    const { content } = stream ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
    const kept = (content as unknown as Fields[]).filter(
      ({ type }) => keeps || (type !== 'thinking' && type !== 'redacted_thinking'),
    );
    return [{ role: 'assistant', content: kept }];
  },
  read: ([message]) => ({
    text: textOf(listOf(message?.content).filter(({ type }) => type === 'text')),
    calls: listOf(message?.content)
      .filter(({ type }) => type === 'tool_use')
      .map(({ id, name, input }) => ({ id: String(id), name: String(name), input })),
  }),
});

/** @param keeps whether it sends reasoning items back, and phases. */
const responsesClient = (keeps: boolean): ClientWays => ({
  protocol: 'openai-responses',
  loses: !keeps,
  question: (text) => ({ role: 'user', content: text }),
  results: (results) => results.map(({ id, text }) => ({ type: 'function_call_output', call_id: id, output: text })),
  async ask({ url, token, headers }, model, history, stream) {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0, defaultHeaders: headers ?? {} });
    const body = {
      model,
      instructions: SYSTEM,
      input: history as unknown as OpenAI.Responses.ResponseInput,
      tools: [{ type: 'function' as const, name: 'Read', parameters: PARAMETERS, strict: false }],
      store: false,
      include: ['reasoning.encrypted_content' as const],
      reasoning: { effort: 'medium' as const, summary: 'auto' as const },
    };
    const { output } = stream
      ? await client.responses.stream(body).finalResponse()
      : await client.responses.create(body);
    const items = output as unknown as Fields[];
    return keeps ? items : items.flatMap(bareItem);
  },
  read: (kept) => ({
    text: kept.map(({ content }) => textOf(content)).join(''),
    calls: kept
      .filter(({ type }) => type === 'function_call')
      .map((item) => ({
        id: String(item.call_id),
        name: String(item.name),
        input: JSON.parse(String(item.arguments)) as unknown,
      })),
  }),
});

function bareItem({ type, content, call_id, name, arguments: given }: Fields): Fields[] {
  if (type === 'message') return [{ role: 'assistant', content: textOf(content) }];
  return type === 'function_call' ? [{ type, call_id, name, arguments: given }] : [];
}

/**
 * `sdk`: OpenAI's own, which keeps the last piece of each field that it does not know, of a stream. The others put a stream
 * together by themselves and keep all of it, the text of the reasoning, or none.
 */
type ChatKeeps = 'sdk' | 'all' | 'text' | 'nothing';

const chatClient = (keeps: ChatKeeps): ClientWays => ({
  protocol: 'openai-chat',
  loses: keeps !== 'all',
  question: (text) => ({ role: 'user', content: text }),
  results: (results) => results.map(({ id, text }) => ({ role: 'tool', tool_call_id: id, content: text })),
  async ask(address, model, history, stream) {
    const body = {
      model,
      messages: [{ role: 'system', content: SYSTEM }, ...history] as unknown as OpenAI.ChatCompletionMessageParam[],
      tools: [{ type: 'function' as const, function: { name: 'Read', parameters: PARAMETERS } }],
      reasoning_effort: 'medium' as const,
    };
    const message =
      keeps === 'sdk'
        ? await sdkMessage(address, body, stream)
        : stream
          ? joined(await post(address, { ...body, stream: true }))
          : wholeMessage(await post(address, body));
    const { role, content, tool_calls } = message;
    const calls = listOf(tool_calls).length > 0 ? { tool_calls } : {};
    if (keeps === 'sdk' || keeps === 'all') return [message];
    const bare = {
      role,
      content,
      ...(calls.tool_calls === undefined ? {} : { tool_calls: listOf(tool_calls).map(bareCall) }),
    };
    const { reasoning_content: thought } = message;
    return [keeps === 'text' && thought !== undefined ? { ...bare, reasoning_content: thought } : bare];
  },
  read: ([message]) => ({
    text: textOf(message?.content),
    calls: listOf(message?.tool_calls).map((call) => {
      const called = isFields(call.function) ? call.function : {};
      return { id: String(call.id), name: String(called.name), input: JSON.parse(String(called.arguments)) as unknown };
    }),
  }),
});

async function sdkMessage(
  { url, token, headers }: Address,
  body: OpenAI.ChatCompletionCreateParamsNonStreaming,
  stream: boolean,
): Promise<Fields> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0, defaultHeaders: headers ?? {} });
  const { choices } = stream
    ? await client.chat.completions.stream({ ...body, stream: true }).finalChatCompletion()
    : await client.chat.completions.create(body);
  if (choices[0] === undefined) throw new Error('no choice');
  return choices[0].message as unknown as Fields;
}

async function post({ url, token, headers }: Address, body: Fields): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

const wholeMessage = (text: string): Fields => {
  const { choices } = JSON.parse(text) as { choices: { message: Fields }[] };
  if (choices[0] === undefined) throw new Error('no choice');
  return choices[0].message;
};

/** A stream's message: texts and lists grow, tool calls by their index. */
function joined(stream: string): Fields {
  const message: Fields = { role: 'assistant' };
  const calls: Fields[] = [];
  for (const { data } of sseFrames(stream)) {
    if (data === '[DONE]') continue;
    const chunk = JSON.parse(data) as Fields;
    if (chunk.error !== undefined) throw new Error(data);
    const delta = listOf(chunk.choices)[0]?.delta;
    if (!isFields(delta)) continue;
    for (const [field, value] of Object.entries(delta)) {
      if (field === 'tool_calls') for (const piece of listOf(value)) addPiece(calls, piece);
      else if (field === 'role' || value === null) continue;
      else if (typeof value === 'string') message[field] = String(message[field] ?? '') + value;
      else if (Array.isArray(value)) message[field] = [...listOf(message[field]), ...value];
    }
  }
  return { content: null, ...message, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
}

function addPiece(calls: Fields[], { index, function: piece, ...rest }: Fields): void {
  const at = Number(index);
  const { name, arguments: given } = isFields(piece) ? piece : {};
  const call = calls[at] ?? { function: { name, arguments: '' } };
  const called = isFields(call.function) ? call.function : {};
  calls[at] = { ...call, ...rest, function: { ...called, arguments: `${called.arguments}${given ?? ''}` } };
}

const bareCall = ({ id, type, function: called }: Fields): Fields => ({ id, type, function: called });

/** The clients that conversations are held with, by what they are and what they lose. */
export const agentClients = {
  'Messages SDK': messagesClient(true),
  'Messages without thinking': messagesClient(false),
  'Chat SDK': chatClient('sdk'),
  'Chat with all fields': chatClient('all'),
  'Chat with reasoning_content only': chatClient('text'),
  'Chat without reasoning': chatClient('nothing'),
  'Responses SDK': responsesClient(true),
  'Responses without reasoning': responsesClient(false),
} satisfies Record<string, ClientWays>;

export type ClientName = keyof typeof agentClients;
export const clientNames = Object.keys(agentClients) as ClientName[];
