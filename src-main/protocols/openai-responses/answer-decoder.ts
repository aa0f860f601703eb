import { AnswerEvents } from '../answer-events.ts';
import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { packState } from '../reasoning-state.ts';
import type { SseAnswer } from '../sse-stream-decoder.ts';
import { errorEvent, errorIn } from '../upstream-error.ts';
import { type Block, BlockQueue } from './block-queue.ts';
import { findItem, OutputItem, type Part } from './output-items.ts';
import { decodeStop, type ResponseEnd } from './stop-reason.ts';
import { decodeUsage } from './usage.ts';
import { citationOf, searchOf } from './web-search.ts';

type Data = Readonly<Record<string, unknown>>;

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const indexOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const objects = (value: unknown): Data[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** Items that become one block. A message becomes one for each of its parts, most often one. */
const BLOCK_KINDS: Partial<Record<string, Block['kind']>> = {
  reasoning: 'thinking',
  function_call: 'call',
  custom_tool_call: 'call',
  web_search_call: 'search',
};

/**
 * Turns the events of a Responses stream into canonical ones; one per answer. A whole answer goes through it as the event
 * that ends a stream.
 *
 * What an event repeats (`*.done`, and the whole answer at the end) counts only where it was not told before: some servers
 * send no deltas (BerriAI/litellm issue 25321), some no items.
 */
export class AnswerDecoder implements SseAnswer {
  readonly #context: DecodeContext;
  readonly #events: AnswerEvents;
  readonly #queue: BlockQueue;
  readonly #items: OutputItem[] = [];
  #refusal = '';

  /** `newId` makes ids for what the provider gave none (answer-events.ts). */
  constructor(context: DecodeContext, newId?: () => string) {
    this.#context = context;
    this.#events = new AnswerEvents(context, newId);
    this.#queue = new BlockQueue(this.#events, context.toolNames);
  }

  /** The answer has ended, in whatever way. */
  get finished(): boolean {
    return this.#events.closed;
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    return this.#events.take();
  }

  /** Reads one decoded event of a stream. What tells nothing of the answer is ignored. */
  read(value: unknown): void {
    if (this.#events.closed) return;
    if (!isObject(value)) {
      this.fail('api_error', 'a frame of the stream is not a JSON object');
      return;
    }
    this.#event(value);
    if (!this.#events.closed) this.#queue.emit();
  }

  #event(event: Data): void {
    switch (event.type) {
      case 'response.output_text.delta':
        this.#textDelta(event, false);
        break;
      case 'response.refusal.delta':
        this.#textDelta(event, true);
        break;
      case 'response.function_call_arguments.delta':
        this.#inputDelta(event, 'function_call');
        break;
      case 'response.custom_tool_call_input.delta':
        this.#inputDelta(event, 'custom_tool_call');
        break;
      case 'response.reasoning_summary_text.delta':
        this.#reasoningDelta(event, 'summary', event.summary_index);
        break;
      case 'response.reasoning_text.delta':
        this.#reasoningDelta(event, 'content', event.content_index);
        break;
      case 'response.output_item.added':
        this.#itemAdded(event);
        break;
      case 'response.output_item.done':
        this.#itemDone(event);
        break;
      case 'response.content_part.done':
        this.#partDone(event);
        break;
      case 'response.output_text.annotation.added':
        this.#annotationAdded(event);
        break;
      case 'response.function_call_arguments.done':
        this.#takeInput(this.#itemOf(event, 'function_call'), event.arguments, false);
        break;
      case 'response.custom_tool_call_input.done':
        this.#takeInput(this.#itemOf(event, 'custom_tool_call'), event.input, false);
        break;
      case 'response.created':
        if (isObject(event.response)) this.#events.id = stringOf(event.response.id);
        break;
      case 'response.completed':
      // OpenRouter
      case 'response.done':
        this.#ended(event, 'completed');
        break;
      case 'response.incomplete':
        this.#ended(event, 'incomplete');
        break;
      case 'response.failed':
      case 'response.cancelled':
        this.#ended(event, 'failed');
        break;
      case 'error':
      // OpenRouter
      case 'response.error':
        this.#failWith({ ...event, type: 'error' }, 'no reason given');
        break;
      default:
        // vLLM, and what stands in front of servers, report errors in frames of their own.
        if (event.type === undefined && errorIn(event) !== null) this.#failWith(event, 'no reason given');
    }
  }

  /** Reads a whole response, as it comes without a stream. */
  response(value: Data): void {
    this.#end(value, null);
  }

  /** The provider's stream has ended; without the event that ends a response it was cut. */
  end(): void {
    this.#events.cut();
  }

  /** Ends the answer with an `error` event. */
  fail(type: string, message: string): void {
    this.#events.fail(type, message);
  }

  #failWith(value: Data, otherwise: string): void {
    const { type, message } = errorEvent(errorIn(value) ?? { message: otherwise, code: null });
    this.fail(type, message);
  }

  #newItem(type: string, index: number | null, id: string): OutputItem {
    const item = new OutputItem(type, index, id);
    this.#items.push(item);
    return item;
  }

  /** The item an event belongs to; where its server has told of none, the event begins it. */
  #itemOf(event: Data, type: string): OutputItem {
    const index = indexOf(event.output_index);
    const id = stringOf(event.item_id);
    return findItem(this.#items, type, index, id) ?? this.#newItem(type, index, id);
  }

  #itemAdded({ item: data, output_index }: Data): void {
    if (!isObject(data)) return;
    const type = stringOf(data.type);
    const index = indexOf(output_index);
    const id = stringOf(data.id);
    const known = this.#items.some((item) => item.type === type && item.index === index && item.isCalled(id));
    if (!known) this.#reserve(this.#newItem(type, index, id), data);
  }

  /** Learns of an item and keeps the place of its block, so that what begins later comes after it. */
  #reserve(item: OutputItem, data: Data): void {
    item.learn(data);
    const kind = BLOCK_KINDS[item.type];
    if (kind !== undefined) item.block ??= this.#queue.add(item, kind);
    else if (item.type === 'message') item.part(0).block ??= this.#queue.add(item, 'text');
  }

  #itemDone({ item: data, output_index }: Data): void {
    if (!isObject(data)) return;
    const type = stringOf(data.type);
    const index = indexOf(output_index);
    const id = stringOf(data.id) || stringOf(data.call_id);
    const known = findItem(this.#items, type, index, id);
    const another = known?.done === true && id !== '' && known.id !== '' && !known.isCalled(id);
    this.#finishItem(known === undefined || another ? this.#newItem(type, index, stringOf(data.id)) : known, data);
  }

  /** Takes from a finished item what has not been told yet. */
  #finishItem(item: OutputItem, data: Data): void {
    this.#reserve(item, data);
    item.done = true;
    switch (item.type) {
      case 'message':
        for (const [index, part] of objects(data.content).entries()) this.#takePart(item, index, part);
        item.closeParts();
        break;
      case 'reasoning':
        this.#takeReasoning(item, data);
        break;
      case 'function_call':
        this.#takeInput(item, data.arguments, data.status === 'incomplete');
        break;
      case 'custom_tool_call':
        this.#takeInput(item, data.input, data.status === 'incomplete');
        break;
      case 'web_search_call':
        if (item.block === null) break;
        item.block.search = searchOf(data);
        item.block.closed = true;
        break;
    }
  }

  #textDelta(event: Data, refusal: boolean): void {
    const item = this.#itemOf(event, 'message');
    const part = item.part(indexOf(event.content_index) ?? 0);
    if (!item.done) this.#addText(item, part, stringOf(event.delta), refusal, event.logprobs);
  }

  #addText(item: OutputItem, part: Part, text: string, refusal: boolean, logprobs: unknown): void {
    if (text === '') return;
    part.received = true;
    this.#events.characters += text.length;
    if (refusal) this.#refusal += text;
    let { block } = part;
    const begun = block !== null && (block.started || block.pending !== '');
    if (block === null || block.closed || (begun && block.refusal !== refusal)) {
      // The parts of a message come one after another.
      item.closeParts();
      block = this.#queue.add(item, 'text');
      part.block = block;
    }
    block.refusal = refusal;
    block.pending += text;
    if (Array.isArray(logprobs)) block.logprobs.push(...logprobs);
  }

  #partDone(event: Data): void {
    const { part } = event;
    if (!isObject(part) || (part.type !== 'output_text' && part.type !== 'refusal')) return;
    const item = this.#itemOf(event, 'message');
    if (!item.done) this.#takePart(item, indexOf(event.content_index) ?? 0, part);
  }

  #takePart(item: OutputItem, index: number, data: Data): void {
    const part = item.part(index);
    const refusal = data.type === 'refusal';
    if (!part.received) this.#addText(item, part, stringOf(refusal ? data.refusal : data.text), refusal, data.logprobs);
    for (const annotation of objects(data.annotations).slice(part.cited)) cite(part, annotation);
    if (part.block !== null) part.block.closed = true;
  }

  #annotationAdded(event: Data): void {
    const item = this.#itemOf(event, 'message');
    if (!item.done && isObject(event.annotation)) cite(item.part(indexOf(event.content_index) ?? 0), event.annotation);
  }

  #reasoningDelta(event: Data, source: 'summary' | 'content', part: unknown): void {
    const item = this.#itemOf(event, 'reasoning');
    if (!item.done) this.#addReasoning(item, source, indexOf(part) ?? 0, stringOf(event.delta));
  }

  #addReasoning(item: OutputItem, source: 'summary' | 'content', part: number, text: string): void {
    if (text === '') return;
    item.source ??= source;
    if (item.source !== source) return;
    this.#events.characters += text.length;
    if (item.block === null || item.block.closed) item.block = this.#queue.add(item, 'thinking');
    const { block } = item;
    const separate = (block.started || block.pending !== '') && item.lastPart !== part;
    item.lastPart = part;
    block.pending += separate ? `\n\n${text}` : text;
  }

  /** The state of reasoning is its item as it is at its end: what is told at its beginning may be incomplete. */
  #takeReasoning(item: OutputItem, data: Data): void {
    if (item.source === null)
      for (const source of ['summary', 'content'] as const)
        for (const [index, { text }] of objects(data[source]).entries())
          this.#addReasoning(item, source, index, stringOf(text));
    const { block } = item;
    if (block === null || block.closed) return;
    block.closed = true;
    block.hasState = stringOf(data.encrypted_content) !== '';
    block.signature = packState({ dialect: 'openai-responses', ...this.#context.target, data });
  }

  #inputDelta(event: Data, type: 'function_call' | 'custom_tool_call'): void {
    const item = this.#itemOf(event, type);
    if (!item.done) this.#addInput(item, stringOf(event.delta));
  }

  #addInput(item: OutputItem, text: string): Block {
    item.block ??= this.#queue.add(item, 'call');
    const { block } = item;
    if (text === '' || block.closed) return block;
    this.#events.characters += text.length;
    if (item.type === 'custom_tool_call')
      block.pending += `${item.input === '' ? '{"input":"' : ''}${JSON.stringify(text).slice(1, -1)}`;
    else block.pending += text;
    item.input += text;
    return block;
  }

  /** @param whole the call's whole input: deltas have told of all of it, of its beginning or of nothing. */
  #takeInput(item: OutputItem, whole: unknown, incomplete: boolean): void {
    // Some servers send the arguments as an object instead of its JSON.
    const input = isObject(whole) ? JSON.stringify(whole) : stringOf(whole);
    const block = this.#addInput(item, input.startsWith(item.input) ? input.slice(item.input.length) : '');
    // Its name may still come, with the item.
    if (block.closed || (item.name === '' && !item.done)) return;
    block.closed = true;
    if (incomplete) block.dropped = item.input === '';
    else if (item.type === 'custom_tool_call') block.pending += item.input === '' ? '{"input":""}' : '"}';
  }

  #ended(event: Data, told: ResponseEnd): void {
    this.#end(isObject(event.response) ? event.response : event, told);
  }

  /** @param told how the response ended, as its last event says; null where only the response itself says it. */
  #end(response: Data, told: ResponseEnd | null): void {
    if (this.#events.id === '') this.#events.id = stringOf(response.id);
    const status = stringOf(response.status);
    const end = endOf(status) ?? told ?? (status === '' ? 'completed' : null);
    if (end === null) {
      this.fail('api_error', `the answer is not finished: its status is '${status}'`);
    } else if (end === 'failed' || errorIn(response) !== null) {
      this.#failWith(response, `the answer ended with the status '${status || 'failed'}'`);
    } else {
      this.#takeOutput(objects(response.output));
      this.#close(response, end);
    }
  }

  /**
   * The whole output stands once more at the end of a stream. An item that has been told of must not begin again
   * (diegosouzapw/OmniRoute pull 11347); but it is finished where its own end never came, and one that was never told of is
   * told now.
   */
  #takeOutput(output: readonly Data[]): void {
    const untold = new Set(this.#items);
    const take = (data: Data, isIt: (item: OutputItem) => boolean): OutputItem | undefined => {
      const item = [...untold].find((candidate) => candidate.type === data.type && isIt(candidate));
      if (item !== undefined) untold.delete(item);
      return item;
    };
    const byId = output.map((data) =>
      take(data, (item) => item.isCalled(stringOf(data.id)) || item.isCalled(stringOf(data.call_id))),
    );
    for (const [place, data] of output.entries()) {
      // Ids may differ from event to event; the order does not.
      const item = byId[place] ?? take(data, () => true);
      this.#finishItem(item ?? this.#newItem(stringOf(data.type), null, stringOf(data.id)), data);
    }
  }

  #close(response: Data, end: 'completed' | 'incomplete'): void {
    const broken = end === 'completed' ? this.#queue.find(isBroken) : undefined;
    if (broken !== undefined) {
      const how = broken.item.name === '' ? 'without a name' : 'that was not finished';
      this.fail('api_error', `the answer holds a tool call ${how}`);
      return;
    }
    this.#queue.finish(end);
    const reason = isObject(response.incomplete_details) ? response.incomplete_details.reason : null;
    const delta = decodeStop(end, reason, { toolUsed: this.#queue.toolUsed, refusal: this.#refusal });
    this.#events.finish(delta, decodeUsage(response.usage));
  }
}

function cite(part: Part, annotation: Data): void {
  part.cited += 1;
  const citation = citationOf(annotation);
  if (citation !== null && part.block?.closed === false) part.block.citations.push(citation);
}

function endOf(status: string): ResponseEnd | null {
  if (status === 'completed' || status === 'incomplete') return status;
  return status === 'failed' || status === 'cancelled' ? 'failed' : null;
}

/** A call that a whole answer leaves without its name or in the middle of its input. */
function isBroken({ kind, closed, item }: Block): boolean {
  if (kind !== 'call' || item.input === '') return false;
  return item.name === '' || (!closed && (item.type === 'custom_tool_call' || !isJson(item.input)));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
