import type { ProviderProtocol } from '../../src-shared/requests.ts';

/** What a provider was asked, read from each dialect by hand. */
export interface Asked {
  system: string;
  /** Texts of users and models, in order. */
  texts: string[];
  /** Base64. */
  images: string[];
  calls: { id: string; name: string; input: unknown }[];
  results: { id: string; text: string }[];
  tools: string[];
  /** Asks for thinking, in whatever way. */
  thinks: boolean;
}

type Json = Record<string, unknown>;
const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(record) : []);
const string = (value: unknown): string => (typeof value === 'string' ? value : '');
const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : list(content)
        .map(({ text }) => string(text))
        .join('');
const parts = (content: unknown): Json[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : list(content);
const bare = (url: unknown): string => string(url).replace(/^data:[^,]*,/, '');
const nothing = (): Asked => ({
  system: '',
  texts: [],
  images: [],
  calls: [],
  results: [],
  tools: [],
  thinks: false,
});

function readAnthropic(body: Json): Asked {
  const asked = nothing();
  asked.system = textOf(body.system);
  for (const message of list(body.messages)) {
    for (const block of parts(message.content)) {
      if (block.type === 'text') asked.texts.push(string(block.text));
      else if (block.type === 'image') asked.images.push(string(record(block.source).data));
      else if (block.type === 'tool_use')
        asked.calls.push({ id: string(block.id), name: string(block.name), input: block.input });
      else if (block.type === 'tool_result') {
        asked.results.push({ id: string(block.tool_use_id), text: textOf(block.content) });
        for (const inner of parts(block.content))
          if (inner.type === 'image') asked.images.push(string(record(inner.source).data));
      }
    }
  }
  asked.tools = list(body.tools).map(({ name }) => string(name));
  asked.thinks = ['adaptive', 'enabled'].includes(string(record(body.thinking).type));
  return asked;
}

function readChat(body: Json): Asked {
  const asked = nothing();
  for (const message of list(body.messages)) {
    if (message.role === 'system' || message.role === 'developer') asked.system += textOf(message.content);
    else if (message.role === 'tool')
      asked.results.push({ id: string(message.tool_call_id), text: textOf(message.content) });
    else
      for (const part of parts(message.content)) {
        if (part.type === 'text') asked.texts.push(string(part.text));
        else if (part.type === 'image_url') asked.images.push(bare(record(part.image_url).url));
      }
    for (const call of list(message.tool_calls))
      asked.calls.push({
        id: string(call.id),
        name: string(record(call.function).name),
        input: JSON.parse(string(record(call.function).arguments)),
      });
  }
  asked.tools = list(body.tools).map((tool) => string(record(tool.function).name));
  asked.thinks = body.reasoning_effort !== undefined || body.reasoning !== undefined || body.thinking !== undefined;
  return asked;
}

function readResponses(body: Json): Asked {
  const asked = nothing();
  asked.system = string(body.instructions);
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : list(body.input);
  for (const item of input as Json[]) {
    if (item.type === 'function_call') {
      const input: unknown = JSON.parse(string(item.arguments));
      asked.calls.push({ id: string(item.call_id), name: string(item.name), input });
    } else if (item.type === 'function_call_output') {
      asked.results.push({ id: string(item.call_id), text: textOf(item.output) });
      for (const part of parts(item.output)) if (part.type === 'input_image') asked.images.push(bare(part.image_url));
    } else if (item.role === 'developer' || item.role === 'system') asked.system += textOf(item.content);
    else
      for (const part of parts(item.content)) {
        if (part.type === 'input_image') asked.images.push(bare(part.image_url));
        else if (typeof part.text === 'string') asked.texts.push(part.text);
      }
  }
  asked.tools = list(body.tools).map(({ name }) => string(name));
  asked.thinks = body.reasoning !== undefined;
  return asked;
}

function readOllama(body: Json): Asked {
  const asked = nothing();
  for (const message of list(body.messages)) {
    const text = string(message.content);
    if (message.role === 'system') asked.system += text;
    else if (message.role === 'tool') asked.results.push({ id: string(message.tool_call_id), text });
    else if (text !== '') asked.texts.push(text);
    if (Array.isArray(message.images)) asked.images.push(...message.images.map(string));
    for (const call of list(message.tool_calls)) {
      const { name, arguments: input } = record(call.function);
      asked.calls.push({ id: string(call.id), name: string(name), input });
    }
  }
  asked.tools = list(body.tools).map((tool) => string(record(tool.function).name));
  asked.thinks = body.think !== undefined && body.think !== false;
  return asked;
}

export const readAsked: Record<ProviderProtocol, (body: Json) => Asked> = {
  anthropic: readAnthropic,
  'openai-chat': readChat,
  'openai-responses': readResponses,
  ollama: readOllama,
};
