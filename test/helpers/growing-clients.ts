import { anthropicClientCodec } from '../../src-main/protocols/anthropic/client-codec.ts';
import type { AnswerBlock, AnswerMessage, ContentBlock } from '../../src-main/protocols/canonical.ts';
import type { ClientCodec } from '../../src-main/protocols/codec.ts';
import { openaiChatClientCodec } from '../../src-main/protocols/openai-chat/client-codec.ts';
import { openaiResponsesClientCodec } from '../../src-main/protocols/openai-responses/client-codec.ts';
import { decodeToolId } from '../../src-main/protocols/tool-names.ts';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import type { Addition, GrowingConversation } from './growing-conversation.ts';

/** Clients of each dialect, which hold a growing conversation as theirs do: answers go back as they were got. */

type Json = Record<string, unknown>;

export interface ClientRequest {
  body: Json;
  /** How many tools it offers. */
  tools: number;
  /** Whether the client keeps anything of its answer. */
  answered: boolean;
}

interface Client {
  codec: ClientCodec;
  /** What an answer becomes in the conversation. */
  answered(message: AnswerMessage): Json[];
  added(addition: Addition, ids: readonly string[]): Json[];
  /** A message as parts; the last of them marked for the cache, where it is to be. */
  asParts(entry: Json, marked: boolean): Json;
  body(system: string | null, entries: readonly Json[], tools: readonly string[]): Json;
}

const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: { b: { type: 'string' }, '1': { type: 'number', maximum: 1e3 } },
};
const messageOf = (content: readonly AnswerBlock[], place: number): AnswerMessage => ({
  id: `msg_${place}`,
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [...content],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
});

const isPlain = (blocks: readonly Json[], plain: boolean): boolean =>
  plain && blocks.length === 1 && (blocks[0]?.type === 'text' || blocks[0]?.type === 'input_text');

/** A list that may be a text, or absent, as a list. */
function markedParts(content: unknown, type: string, mark: Json | null): unknown {
  if (typeof content !== 'string' && !Array.isArray(content)) return content;
  const parts: readonly Json[] = typeof content === 'string' ? [{ type, text: content }] : content;
  return parts.map((part, index) => (index === parts.length - 1 ? { ...part, ...mark } : part));
}

const control = { cache_control: { type: 'ephemeral' } };

const anthropic: Client = {
  codec: anthropicClientCodec,
  answered: (message) => [{ role: 'assistant', content: message.content }],
  added(addition, ids) {
    if (addition.from === 'system')
      return [
        {
          role: 'system',
          content: addition.plain ? addition.text : [{ type: 'text', text: addition.text }],
          output_config: { effort: 'high' },
        },
      ];
    const results = addition.results.map(({ call, content, failed }) => ({
      type: 'tool_result',
      tool_use_id: ids[call],
      content,
      ...(failed ? { is_error: true } : {}),
    }));
    const blocks = [...results, ...addition.blocks] as Json[];
    return [{ role: 'user', content: isPlain(blocks, addition.plain) ? blocks[0]?.text : blocks }];
  },
  asParts: (entry, marked) => ({ ...entry, content: markedParts(entry.content, 'text', marked ? control : null) }),
  body: (system, messages, tools) => ({
    model: 'm',
    max_tokens: 32_000,
    messages,
    ...(system === null
      ? {}
      : {
          system: [
            { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_entrypoint=cli;' },
            { type: 'text', text: 'You are an agent.', cache_control: { type: 'ephemeral' } },
            { type: 'text', text: system, cache_control: { type: 'ephemeral', ttl: '1h' } },
          ],
        }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((name, place) => ({
            name,
            description: `Does ${name}`,
            input_schema: schema,
            ...(place > 1 ? { defer_loading: true } : {}),
          })),
        }),
    stream: true,
  }),
};

/** Where the two dialects of OpenAI differ in what a user or a tool says. */
interface Parts {
  text: (value: string) => Json;
  image: (url: string) => Json;
  file: (filename: string, data: string) => Json;
}

function partsOf(blocks: readonly ContentBlock[], { text, image, file }: Parts): Json[] {
  return blocks.map((block) => {
    switch (block.type) {
      case 'text':
        return text(block.text);
      case 'image':
        return image(block.source.type === 'base64' ? `data:image/png;base64,${block.source.data}` : 'https://a.b');
      case 'document':
        return block.source.type === 'base64'
          ? file(block.title ?? 'a.pdf', `data:application/pdf;base64,${block.source.data}`)
          : text(block.source.type === 'text' ? block.source.data : 'a document');
      default:
        return text(`a ${block.type}`);
    }
  });
}

const said = (content: string | ContentBlock[], parts: Parts): string | Json[] =>
  typeof content === 'string' ? content : partsOf(content, parts);

const chatParts: Parts = {
  text: (value) => ({ type: 'text', text: value }),
  image: (url) => ({ type: 'image_url', image_url: { url } }),
  file: (filename, file_data) => ({ type: 'file', file: { filename, file_data } }),
};

const chat: Client = {
  codec: openaiChatClientCodec,
  answered(message) {
    const encoded = openaiChatClientCodec.answerEncoder(() => ({})).encodeAnswer(message);
    const { choices } = JSON.parse(encoded) as { choices: { message: Json }[] };
    return choices.map((choice) => choice.message);
  },
  added(addition, ids) {
    if (addition.from === 'system')
      return [{ role: 'developer', content: addition.plain ? addition.text : [chatParts.text(addition.text)] }];
    const parts = partsOf(addition.blocks, chatParts);
    return [
      ...addition.results.map(({ call, content }) => ({
        role: 'tool',
        tool_call_id: ids[call],
        content: said(content, chatParts),
      })),
      ...(parts.length === 0
        ? []
        : [{ role: 'user', content: isPlain(parts, addition.plain) ? parts[0]?.text : parts }]),
    ];
  },
  asParts: (entry, marked) => ({ ...entry, content: markedParts(entry.content, 'text', marked ? control : null) }),
  body: (system, messages, tools) => ({
    model: 'm',
    messages: [...(system === null ? [] : [{ role: 'system', content: system }]), ...messages],
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((name) => ({
            type: 'function',
            function: { name, description: `Does ${name}`, parameters: schema },
          })),
        }),
    stream: true,
  }),
};

const responsesParts: Parts = {
  text: (value) => ({ type: 'input_text', text: value }),
  image: (image_url) => ({ type: 'input_image', detail: 'auto', image_url }),
  file: (filename, file_data) => ({ type: 'input_file', filename, file_data }),
};

const breakpoint = { prompt_cache_breakpoint: { mode: 'explicit', ttl: '30m' } };

const responses: Client = {
  codec: openaiResponsesClientCodec,
  answered(message) {
    const encoded = openaiResponsesClientCodec.answerEncoder(() => ({})).encodeAnswer(message);
    return (JSON.parse(encoded) as { output: Json[] }).output;
  },
  added(addition, ids) {
    if (addition.from === 'system')
      return [{ role: 'developer', content: addition.plain ? addition.text : [responsesParts.text(addition.text)] }];
    const parts = partsOf(addition.blocks, responsesParts);
    return [
      ...addition.results.map(({ call, content }) => ({
        type: 'function_call_output',
        call_id: ids[call],
        output: said(content, responsesParts),
      })),
      ...(parts.length === 0
        ? []
        : [{ role: 'user', content: isPlain(parts, addition.plain) ? parts[0]?.text : parts }]),
    ];
  },
  asParts(entry, marked) {
    if (entry.content === undefined && entry.output === undefined) return entry;
    const name = entry.output === undefined ? 'content' : 'output';
    return { ...entry, [name]: markedParts(entry[name], 'input_text', marked ? breakpoint : null) };
  },
  body: (system, input, tools) => ({
    model: 'm',
    store: false,
    ...(system === null ? {} : { instructions: system }),
    input,
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((name) => ({ type: 'function', name, description: `Does ${name}`, parameters: schema })),
        }),
    stream: true,
  }),
};

export const growingClients: Record<ClientProtocol, Client> = {
  anthropic,
  'openai-chat': chat,
  'openai-responses': responses,
};

/**
 * The requests of a conversation, one for each turn.
 * @param options `movesShapes`: a marked message is a list of parts, and a text again when its mark has moved on, as
 * Claude Code has it; else every message keeps its shape, and every call has a result: what is passed through is the
 * client's own affair, and no vendor takes calls without.
 */
export function requestsOf(
  { answered, added, asParts, body }: Client,
  { system, opening, growth, marked }: GrowingConversation,
  { movesShapes }: { movesShapes: boolean },
): ClientRequest[] {
  const entries = opening.flatMap((addition) => added(addition, []));
  const tools = ['Bash', 'Read'];
  const requests: ClientRequest[] = [];
  const ask = (keeps: boolean): void => {
    const sent = entries.map((entry, place) => {
      const isMarked = place >= entries.length - marked && entry.role !== 'assistant';
      return isMarked || !movesShapes ? asParts(entry, isMarked) : entry;
    });
    requests.push({ body: body(system, sent, tools), tools: tools.length, answered: keeps });
  };
  for (const [place, { answer, added: more, tools: gained }] of growth.entries()) {
    const kept = answer.length === 0 ? [] : answered(messageOf(answer, place));
    ask(kept.length > 0);
    entries.push(...kept);
    const ids = answer.flatMap((block) => (block.type === 'tool_use' ? [decodeToolId(block.id)] : []));
    entries.push(...(movesShapes ? more : complete(more, ids.length)).flatMap((addition) => added(addition, ids)));
    for (const name of gained) if (!tools.includes(name)) tools.push(name);
  }
  ask(false);
  return requests;
}

function complete(added: readonly Addition[], calls: number): readonly Addition[] {
  const given = new Set(added.flatMap((one) => (one.from === 'user' ? one.results.map(({ call }) => call) : [])));
  const missing = Array.from({ length: calls }, (_, call) => call).filter((call) => !given.has(call));
  const results = missing.map((call) => ({ call, content: 'none', failed: true }));
  return missing.length === 0 ? added : [{ from: 'user', results, blocks: [], plain: false }, ...added];
}
