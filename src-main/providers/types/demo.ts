import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelListView } from '../../../src-shared/control.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import type { ResolveKey } from '../../../src-shared/keys.ts';
import { encodeEvent } from '../../protocols/anthropic/client-codec.ts';
import { anthropicProviderCodec } from '../../protocols/anthropic/provider-codec.ts';
import { decodeMessagesRequest } from '../../protocols/anthropic/request.ts';
import type {
  AnswerBlock,
  AnswerMessage,
  ContentBlock,
  MessagesRequest,
  StreamEvent,
  Tool,
} from '../../protocols/canonical.ts';
import type { ProviderCodec } from '../../protocols/codec.ts';
import { estimateTokens } from '../../protocols/estimate-tokens.ts';
import { messageEvents } from '../../protocols/message-events.ts';
import { RequestBody } from '../../protocols/request-body.ts';
import { BaseProvider, type ProviderAnswer, type ProviderCall } from '../base-provider.ts';
import type { CreateProvider } from '../create-provider.ts';
import { KeyPool } from '../key-pool.ts';
import { ListedModels } from '../listed-models.ts';
import { free, type Price } from '../model-prices.ts';
import type { ProbeResult } from '../probe.ts';
import { defaultQuirks } from '../quirks.ts';
import type { ResolvedConfig } from '../resolved-config.ts';

const noKey: ResolveKey = async () => ({ state: 'missing', reason: 'it needs none.' });

/** About as fast as one reads: a few words at a time. */
const PACE_MS = 25;

const blocksOf = (content: string | ContentBlock[]): ContentBlock[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

/** What was last said by the user: their newest text, and the tool results that came with it. */
function lastTurn(request: MessagesRequest): {
  text: string;
  results: Extract<ContentBlock, { type: 'tool_result' }>[];
} {
  const message = request.messages.findLast(({ role }) => role === 'user');
  const blocks = message === undefined ? [] : blocksOf(message.content);
  const text = blocks.findLast((block) => block.type === 'text')?.text ?? '';
  return { text, results: blocks.filter((block) => block.type === 'tool_result') };
}

/** Tools that the user asks for: lines such as `tool: Bash {"command":"ls"}`, or in words, run `ls`. */
function requestedTools(text: string): { name: string; input: unknown }[] {
  const calls: { name: string; input: unknown }[] = [];
  for (const [, name = '', json = ''] of text.matchAll(/^\s*tool:\s*([\w-]+)\s*(\{.*\})?\s*$/gim)) {
    try {
      calls.push({ name, input: json === '' ? {} : JSON.parse(json) });
    } catch {
      throw ProxyError.of('invalid_field', {
        field: `tool: ${name}`,
        expected: 'what follows the tool name must be a JSON object on the same line',
      });
    }
  }
  if (calls.length > 0) return calls;
  const command = /\brun(?: the command)?:?\s+`([^`]+)`/i.exec(text)?.[1];
  return command === undefined
    ? []
    : [{ name: 'Bash', input: { command, description: 'Run what the user asked for' } }];
}

function resultText(content: string | ContentBlock[] | undefined): string {
  return blocksOf(content ?? '')
    .map((block) => (block.type === 'text' ? block.text : `[${block.type}]`))
    .join('\n');
}

function answerBlocks(request: MessagesRequest, about: ProviderCall['about'], newToolId: () => string): AnswerBlock[] {
  const { text, results } = lastTurn(request);
  if (results.length > 0) {
    const told = results.map(
      ({ content, is_error }) =>
        `${is_error === true ? 'failed with' : 'answered'}: ${resultText(content).trim().slice(0, 600) || '(nothing)'}`,
    );
    return [
      {
        type: 'text',
        text: `The tool ${told.join('\n\nThe next tool ')}\n\nThat was a whole agent turn through CProxy: a tool call, its result, and this answer.`,
      },
    ];
  }
  const calls = requestedTools(text);
  if (calls.length > 0) {
    const offered = (request.tools ?? []).map((tool: Tool) => tool.name);
    const unknown = calls.find(({ name }) => !offered.includes(name));
    if (unknown !== undefined)
      return [
        {
          type: 'text',
          text: `You asked for the tool ${unknown.name}, but this client offers ${offered.length === 0 ? 'no tools' : `only these: ${offered.join(', ')}`}.`,
        },
      ];
    return [
      { type: 'text', text: `Calling ${calls.map(({ name }) => name).join(' and ')} as you asked.` },
      ...calls.map(({ name, input }): AnswerBlock => ({ type: 'tool_use', id: newToolId(), name, input })),
    ];
  }
  return [
    {
      type: 'text',
      text: [
        'Hello from CProxy. It works: your request arrived, was routed and answered.',
        `You asked for the model "${about.askedModel}"; the route "${about.route}" led to the built-in demo provider, which needs no key and no network and is no language model.`,
        'To get real answers, add a provider: set ANTHROPIC_API_KEY, OPENAI_API_KEY or OPENROUTER_API_KEY and start CProxy again, or name one in its configuration file (`cproxy config path` tells where that is).',
        'To see an agent turn, ask me to run `echo hello`, or write a line such as: tool: Bash {"command":"echo hello"}',
      ].join('\n\n'),
    },
  ];
}

/** Cuts an event's text into a few words at a time, as a model would stream it. */
function* paced(event: StreamEvent): Generator<StreamEvent> {
  if (event.type !== 'content_block_delta') {
    yield event;
    return;
  }
  const { index, delta } = event;
  if (delta.type === 'text_delta')
    for (const [text] of delta.text.matchAll(/(?:\S+\s*){1,3}|\s+/g))
      yield { type: 'content_block_delta', index, delta: { type: 'text_delta', text } };
  else if (delta.type === 'input_json_delta')
    for (const [partial_json] of delta.partial_json.matchAll(/[\s\S]{1,12}/gu))
      yield { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } };
  else yield event;
}

/** Built in: no key, no network. Shows a newcomer that the endpoint works, and tests a whole agent turn. */
export class DemoProvider extends BaseProvider {
  readonly protocols = ['anthropic'] as const;
  readonly quirks = defaultQuirks;
  readonly baseUrl = null;
  readonly keys = new KeyPool({ provider: 'demo', needsKey: false, entries: [], resolve: noKey });
  readonly #models: ListedModels;
  readonly #paceMs: number;
  #answers = 0;

  constructor(config: ResolvedConfig, paceMs = PACE_MS) {
    super(config);
    this.#models = new ListedModels(config.models ?? null, ['demo']);
    this.#paceMs = paceMs;
  }

  get models(): readonly string[] {
    return this.#models.ids;
  }

  modelsView(): ModelListView {
    return this.#models.view();
  }

  nameOf(model: string): string | null {
    return this.#models.nameOf(model);
  }

  override priceOf(): Price {
    return free;
  }

  async probe(): Promise<ProbeResult> {
    return { state: 'ready' };
  }

  codecFor(): ProviderCodec {
    return anthropicProviderCodec;
  }

  async send(call: ProviderCall): Promise<ProviderAnswer> {
    const request = decodeMessagesRequest(new RequestBody(Buffer.from(call.body)).decode());
    this.#answers += 1;
    const answer = this.#answers;
    let tools = 0;
    const content = answerBlocks(request, call.about, () => {
      tools += 1;
      return `toolu_demo_${process.pid}_${answer}_${tools}`;
    });
    const message: AnswerMessage = {
      id: `demo_${process.pid}_${answer}`,
      type: 'message',
      role: 'assistant',
      model: request.model,
      content,
      stop_reason: tools > 0 ? 'tool_use' : 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: estimateTokens(request),
        output_tokens: Math.ceil(JSON.stringify(content).length / 4),
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
      },
    };
    if (request.stream !== true)
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Readable.from([Buffer.from(JSON.stringify(message))]),
      };
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
      body: Readable.from(this.#stream(message, call.signal)),
    };
  }

  async *#stream(message: AnswerMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
    for (const event of messageEvents(message)) {
      for (const part of paced(event)) {
        if (signal.aborted) return;
        yield Buffer.from(encodeEvent(part));
        if (part.type === 'content_block_delta' && this.#paceMs > 0) await delay(this.#paceMs);
      }
    }
  }
}

export const createDemo: CreateProvider = (config) => new DemoProvider(config);
