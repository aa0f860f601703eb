import { AnswerEvents } from '../answer-events.ts';
import type { AnswerBlock, BlockDelta, Citation, StreamEvent, Usage } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isObject } from '../is-object.ts';
import type { SseAnswer } from '../sse-stream-decoder.ts';
import { errorEvent, errorIn } from '../upstream-error.ts';
import { readDelta } from './delta.ts';
import { ReasoningCollector } from './reasoning-details.ts';
import { decodeStopReason, isCut, isFailure } from './stop-reason.ts';
import { callOf, ToolCall, type ToolFragment } from './tool-calls.ts';
import { usageIn } from './usage.ts';

/** A content block of the answer. `pending` has arrived and was not emitted yet. */
interface TextBlock {
  /** `refusal`: the model's own words for one. */
  kind: 'text' | 'refusal';
  pending: string;
  started: boolean;
  logprobs: unknown[];
  citations: Citation[];
}
interface ThinkingBlock {
  kind: 'thinking';
  pending: string;
  started: boolean;
  /** What is to be given back of it; null: nothing. */
  state: ReasoningCollector | null;
}
interface ToolBlock {
  kind: 'tool';
  call: ToolCall;
  pending: string;
  started: boolean;
  /** As the client gets it; null while nobody has asked. */
  id: string | null;
}
type Block = TextBlock | ThinkingBlock | ToolBlock;

/**
 * Turns Chat Completions chunks into canonical events; one per answer. A whole answer goes through it as a single chunk.
 *
 * Blocks stay in the order in which they began, and only the first unfinished one is emitted live: a tool call whose
 * arguments may still go on holds back what began after it, because canonical blocks never interleave.
 *
 * A thinking block's signature is the packed state that the provider wants back (reasoning-details.ts): what has come of it
 * when the next block begins, tool calls' `extra_content` included. What comes later, and what comes without thinking,
 * makes a `redacted_thinking` block of its own before the next block or, where tools are called, at the end. Where there is
 * no state, there is no signature, and its absence tells, when the block comes back in a later request, that it is not
 * Anthropic's.
 */
export class AnswerDecoder implements SseAnswer {
  readonly #context: DecodeContext;
  readonly #events: AnswerEvents;
  readonly #blocks: Block[] = [];
  /** Place in `#blocks` of the one that is emitted live. */
  #live = 0;
  readonly #calls: ToolCall[] = [];
  readonly #toolBlocks = new Map<ToolCall, ToolBlock>();
  /** State that came when no thinking block was the last one. */
  #lateState: ReasoningCollector | null = null;
  /** Citations that came when no text was the last block. */
  #citations: Citation[] = [];
  #finishReason: string | null = null;
  #refusal = '';
  #toolUsed = false;
  #usage: Usage | null = null;

  /** `newId` makes ids for what the provider gave none (answer-events.ts). */
  constructor(context: DecodeContext, newId?: () => string) {
    this.#context = context;
    this.#events = new AnswerEvents(context, newId);
  }

  /** The provider has said how the answer ends; at most usage is to come. */
  get finished(): boolean {
    return this.#events.closed || this.#finishReason !== null;
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    return this.#events.take();
  }

  /** Reads one decoded `chat.completion.chunk`. Anything that is none becomes an `error` event. */
  read(value: unknown): void {
    if (this.#events.closed) return;
    if (!isObject(value)) {
      this.fail('api_error', 'a frame of the stream is not a JSON object');
      return;
    }
    const choice = firstChoice(value.choices);
    const error = errorIn(value) ?? (choice === null ? null : errorIn(choice));
    if (error !== null) {
      const { type, message } = errorEvent(error);
      this.fail(type, message);
      return;
    }
    if (this.#events.id === '' && typeof value.id === 'string') this.#events.id = value.id;
    // The last one counts.
    this.#usage = usageIn(value, choice) ?? this.#usage;
    if (choice === null) return;
    if (isObject(choice.delta)) this.#readDelta(choice.delta, choice.logprobs);
    const reason = choice.finish_reason;
    if (typeof reason !== 'string' || reason === '') return;
    if (isFailure(reason)) this.fail('api_error', `the answer ended with finish_reason '${reason}'`);
    else this.#finishReason = reason;
  }

  /** The provider's answer has ended, with its `[DONE]` or its connection: closes the message, or says that it was cut. */
  end(): void {
    if (this.#events.closed) return;
    const reason = this.#finishReason;
    if (reason === null) {
      this.#events.cut();
      return;
    }
    if (this.#blocks.some((block) => block.kind === 'tool' && isNameless(block.call)) && !isCut(reason)) {
      this.fail('api_error', 'the answer holds a tool call without a name');
      return;
    }
    this.#emitBlocks(reason);
    // Of use only where the model goes on; and a client that takes the last block for the result must find it there.
    if (this.#lateState !== null && this.#toolUsed) {
      this.#push({ kind: 'thinking', pending: '', started: false, state: null });
      this.#emitBlocks(reason);
    }
    const stopReason = decodeStopReason(reason, { toolUsed: this.#toolUsed, refused: this.#refusal !== '' });
    const details = { type: 'refusal' as const, category: null, explanation: this.#refusal || null };
    this.#events.finish(
      {
        stop_reason: stopReason,
        stop_sequence: null,
        ...(stopReason === 'refusal' ? { stop_details: details } : {}),
      },
      this.#usage,
    );
  }

  /** Ends the answer with an `error` event. */
  fail(type: string, message: string): void {
    this.#events.fail(type, message);
  }

  #readDelta(delta: Record<string, unknown>, logprobs: unknown): void {
    const { thinking, text, refusal, tools, details, citations } = readDelta(delta);
    if (thinking !== '') this.#addThinking(thinking);
    if (details.length > 0 && this.#context.quirks.returnsReasoningDetails) this.#state().addDetails(details);
    if (text !== '') this.#addText('text', text);
    if (refusal !== '') {
      this.#refusal += refusal;
      this.#addText('refusal', refusal);
    }
    if (isObject(logprobs)) this.#addLogprobs(logprobs);
    if (citations.length > 0) this.#addCitations(citations);
    if (tools.length > 0) this.#addFragments(tools);
    this.#emitBlocks(null);
  }

  #addThinking(text: string): void {
    this.#events.characters += text.length;
    const last = this.#blocks.at(-1);
    if (last?.kind === 'thinking') last.pending += text;
    else this.#push({ kind: 'thinking', pending: text, started: false, state: null });
  }

  #addText(kind: TextBlock['kind'], text: string): void {
    this.#events.characters += text.length;
    const last = this.#blocks.at(-1);
    if (last?.kind === kind) last.pending += text;
    else this.#push({ kind, pending: text, started: false, logprobs: [], citations: [] });
  }

  #addLogprobs(logprobs: Record<string, unknown>): void {
    const last = this.#blocks.at(-1);
    if (last?.kind !== 'text' && last?.kind !== 'refusal') return;
    const entries = last.kind === 'text' ? logprobs.content : logprobs.refusal;
    if (Array.isArray(entries)) last.logprobs.push(...entries);
  }

  #addCitations(citations: readonly Citation[]): void {
    const last = this.#blocks.at(-1);
    (last?.kind === 'text' ? last.citations : this.#citations).push(...citations);
  }

  /** The state of all calls that come together stands before the first of them. */
  #addFragments(fragments: readonly ToolFragment[]): void {
    const begun: ToolBlock[] = [];
    for (const fragment of fragments) {
      const known = callOf(fragment, this.#calls);
      const call = known ?? new ToolCall(fragment);
      let block = this.#toolBlocks.get(call);
      if (block === undefined) {
        block = { kind: 'tool', call, pending: '', started: false, id: null };
        this.#calls.push(call);
        this.#toolBlocks.set(call, block);
        begun.push(block);
      }
      if (fragment.extra !== null) this.#state().addExtra(this.#toolId(block), fragment.extra);
      const added = call.add(fragment);
      this.#events.characters += added.length;
      block.pending += added;
    }
    for (const block of begun) this.#push(block);
  }

  /** Where state that comes now is collected. */
  #state(): ReasoningCollector {
    const last = this.#blocks.at(-1);
    if (last?.kind === 'thinking') {
      last.state ??= new ReasoningCollector();
      return last.state;
    }
    this.#lateState ??= new ReasoningCollector();
    return this.#lateState;
  }

  #push(block: Block): void {
    if (this.#lateState !== null) {
      const state = this.#lateState;
      this.#lateState = null;
      if (block.kind === 'thinking') block.state = state;
      else this.#blocks.push({ kind: 'thinking', pending: '', started: false, state });
    }
    if (block.kind === 'text' && this.#citations.length > 0) {
      block.citations = this.#citations;
      this.#citations = [];
    }
    this.#blocks.push(block);
  }

  /** Emits what can go out now; everything, once there is a finish reason. */
  #emitBlocks(finishReason: string | null): void {
    for (let block = this.#blocks[this.#live]; block !== undefined; block = this.#blocks[this.#live]) {
      const hasNext = this.#live < this.#blocks.length - 1;
      const closing = finishReason !== null || (hasNext && (block.kind !== 'tool' || isWhole(block.call)));
      if (closing && block.kind === 'tool' && !wasCut(finishReason)) block.pending += block.call.close();
      if (!block.started && mayStart(block, closing, finishReason)) this.#start(block);
      if (block.started) this.#emitPending(block, closing);
      if (!closing) return;
      if (block.kind === 'thinking' && block.state !== null) this.#emitState(block, block.state);
      if (block.started) this.#events.stopBlock();
      this.#live += 1;
    }
  }

  #emitPending(block: Block, closing: boolean): void {
    const isText = block.kind === 'text' || block.kind === 'refusal';
    // A token that is a part of a character has logprobs and no text yet.
    if (block.pending !== '' || (closing && isText && block.logprobs.length > 0)) {
      this.#events.delta(deltaOf(block));
      block.pending = '';
    }
    if (!isText || block.citations.length === 0) return;
    for (const citation of block.citations) this.#events.delta({ type: 'citations_delta', citation });
    block.citations = [];
  }

  #emitState(block: ThinkingBlock, state: ReasoningCollector): void {
    const packed = state.pack(this.#context.target);
    if (block.started) {
      this.#events.delta({ type: 'signature_delta', signature: packed });
      return;
    }
    block.started = true;
    this.#events.startBlock({ type: 'redacted_thinking', data: packed });
  }

  #start(block: Block): void {
    block.started = true;
    this.#events.startBlock(this.#contentBlock(block));
  }

  #contentBlock(block: Block): AnswerBlock {
    switch (block.kind) {
      case 'text':
        return { type: 'text', text: '' };
      case 'refusal':
        return { type: 'text', text: '', openai: { refusal: true } };
      case 'thinking':
        return { type: 'thinking', thinking: '', signature: '' };
      case 'tool': {
        this.#toolUsed = true;
        const name = this.#context.toolNames.get(block.call.name) ?? block.call.name;
        const use: AnswerBlock = { type: 'tool_use', id: this.#toolId(block), name, input: {} };
        return block.call.custom ? { ...use, openai: { custom: true } } : use;
      }
    }
  }

  #toolId(block: ToolBlock): string {
    block.id ??= this.#events.toolId(block.call.id);
    return block.id;
  }
}

/** Clients that ask for several choices (`n`) get the first. */
export function firstChoice(choices: unknown): Record<string, unknown> | null {
  if (!Array.isArray(choices)) return null;
  const choice: unknown = choices.find(
    (entry) => isObject(entry) && !(typeof entry.index === 'number' && entry.index > 0),
  );
  return isObject(choice) ? choice : null;
}

/** A custom tool's text does not show its end, but only OpenAI has such tools, and its calls come one after another. */
const isWhole = (call: ToolCall): boolean => call.name !== '' && (call.custom || call.complete);
const wasCut = (finishReason: string | null): boolean => finishReason !== null && isCut(finishReason);
const isNameless = (call: ToolCall): boolean => call.name === '' && call.arguments !== '';

/**
 * A block is started when there is something good in it. Blank texts, which models put around thinking and tool calls, are
 * dropped: Anthropic refuses them when they come back. A tool's name may come in pieces, so the first arguments, or the end,
 * show that it is whole; a call that the token limit cut before its arguments must not look like one without arguments.
 */
function mayStart(block: Block, closing: boolean, finishReason: string | null): boolean {
  if (block.kind !== 'tool') return /\S/.test(block.pending);
  if (block.call.name === '') return false;
  if (block.call.arguments !== '') return true;
  return closing && !wasCut(finishReason);
}

function deltaOf(block: Block): BlockDelta {
  switch (block.kind) {
    case 'text':
    case 'refusal': {
      if (block.logprobs.length === 0) return { type: 'text_delta', text: block.pending };
      const { logprobs } = block;
      block.logprobs = [];
      return { type: 'text_delta', text: block.pending, openai: { logprobs } };
    }
    case 'thinking':
      return { type: 'thinking_delta', thinking: block.pending };
    case 'tool':
      return { type: 'input_json_delta', partial_json: block.pending };
  }
}
