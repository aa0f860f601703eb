import type { AnswerEvents } from '../answer-events.ts';
import type { AnswerBlock, BlockDelta, Citation } from '../canonical.ts';
import type { OutputItem } from './output-items.ts';
import { type Search, searchId } from './web-search.ts';

/** A content block of the answer, as it is put together. `pending` has arrived and was not emitted yet. */
export interface Block {
  readonly kind: 'text' | 'thinking' | 'call' | 'search';
  readonly item: OutputItem;
  /** Text: the model's own words for a refusal. */
  refusal: boolean;
  pending: string;
  readonly logprobs: unknown[];
  readonly citations: Citation[];
  started: boolean;
  /** Nothing more belongs to it. */
  closed: boolean;
  /** There is nothing in it for the client. */
  dropped: boolean;
  /** Thinking: its state, packed; and whether that is worth something without the text. */
  signature: string;
  hasState: boolean;
  /** A web search, once it is done. */
  search: Search | null;
}

/**
 * The blocks of one answer on their way out. They stay in the order in which they began, and only the first unfinished one is
 * emitted live: canonical blocks never interleave, items of this API may.
 */
export class BlockQueue {
  /** The model has called a tool of the client's. */
  toolUsed = false;
  readonly #events: AnswerEvents;
  readonly #toolNames: ReadonlyMap<string, string>;
  readonly #blocks: Block[] = [];
  /** Place in `#blocks` of the one that is emitted live. */
  #live = 0;

  /** @param toolNames the provider's names of tools → the client's own, for those that differ. */
  constructor(events: AnswerEvents, toolNames: ReadonlyMap<string, string>) {
    this.#events = events;
    this.#toolNames = toolNames;
  }

  /** Adds a block at the end. */
  add(item: OutputItem, kind: Block['kind']): Block {
    const block: Block = {
      kind,
      item,
      refusal: false,
      pending: '',
      logprobs: [],
      citations: [],
      started: false,
      closed: false,
      dropped: false,
      signature: '',
      hasState: false,
      search: null,
    };
    this.#blocks.push(block);
    return block;
  }

  find(matches: (block: Block) => boolean): Block | undefined {
    return this.#blocks.find(matches);
  }

  /** Emits what can go out now. */
  emit(): void {
    this.#emit(null);
  }

  /** Emits all there is. */
  finish(end: 'completed' | 'incomplete'): void {
    this.#emit(end);
  }

  #emit(end: 'completed' | 'incomplete' | null): void {
    for (let block = this.#blocks[this.#live]; block !== undefined; block = this.#blocks[this.#live]) {
      const isLast = this.#live === this.#blocks.length - 1;
      const closing = block.closed || end !== null || (!isLast && isOvertaken(block));
      if (!block.started && mayStart(block, closing, end)) this.#start(block);
      if (block.started) this.#emitContent(block);
      if (!closing) return;
      block.closed = true;
      if (block.started) this.#events.stopBlock();
      this.#live += 1;
    }
  }

  #start(block: Block): void {
    block.started = true;
    const { item } = block;
    switch (block.kind) {
      case 'text':
        this.#events.startBlock(textBlock(block));
        break;
      case 'thinking':
        if (block.pending !== '') {
          const openai = item.id === '' ? {} : { openai: { id: item.id } };
          this.#events.startBlock({ type: 'thinking', thinking: '', signature: '', ...openai });
        } else {
          this.#events.startBlock({ type: 'redacted_thinking', data: block.signature });
          block.signature = '';
        }
        break;
      case 'call': {
        this.toolUsed = true;
        const name = this.#toolNames.get(item.name) ?? item.name;
        const id = this.#events.toolId(item.callId || item.id);
        const call = { type: 'tool_use' as const, id, name, input: {} };
        this.#events.startBlock(item.type === 'custom_tool_call' ? { ...call, openai: { custom: true } } : call);
        break;
      }
      case 'search':
        if (block.search !== null) this.#startSearch(item, block.search);
        break;
    }
  }

  #startSearch({ id: itemId }: OutputItem, { query, content }: Search): void {
    const id = this.#events.toolId(searchId(itemId || this.#events.newId()));
    this.#events.startBlock({ type: 'server_tool_use', id, name: 'web_search', input: {} });
    // Clients read a tool's input from the deltas only.
    this.#events.delta({ type: 'input_json_delta', partial_json: JSON.stringify({ query }) });
    this.#events.stopBlock();
    this.#events.startBlock({ type: 'web_search_tool_result', tool_use_id: id, content });
  }

  #emitContent(block: Block): void {
    if (block.pending !== '') this.#events.delta(deltaOf(block));
    block.pending = '';
    for (const citation of block.citations.splice(0)) this.#events.delta({ type: 'citations_delta', citation });
    if (block.signature !== '') this.#events.delta({ type: 'signature_delta', signature: block.signature });
  }
}

/**
 * A block is started when there is something good in it. Blank texts are dropped: Anthropic refuses them when they come
 * back. A call that was cut before its arguments must not look like one without arguments.
 */
function mayStart(block: Block, closing: boolean, end: 'completed' | 'incomplete' | null): boolean {
  if (block.dropped) return false;
  switch (block.kind) {
    case 'text':
      return /\S/.test(block.pending);
    case 'thinking':
      return block.pending !== '' || (block.closed && block.hasState);
    case 'call':
      return block.item.name !== '' && (block.pending !== '' || (closing && (block.closed || end !== 'incomplete')));
    case 'search':
      return block.search !== null;
  }
}

/**
 * Some servers (llama.cpp, lemonade-sdk/lemonade issue 3607) give no `output_index` and tell the ends of all items at the end
 * of the stream. Their items cannot interleave: what begins next ends a text.
 */
function isOvertaken({ kind, item, started, pending }: Block): boolean {
  return item.index === null && (kind === 'text' || kind === 'thinking') && (started || pending !== '');
}

function textBlock({ item: { phase }, refusal }: Block): AnswerBlock {
  if (phase === undefined && !refusal) return { type: 'text', text: '' };
  const openai = { ...(phase === undefined ? {} : { phase }), ...(refusal ? { refusal: true as const } : {}) };
  return { type: 'text', text: '', openai };
}

function deltaOf({ kind, pending, logprobs }: Block): BlockDelta {
  switch (kind) {
    case 'text':
      if (logprobs.length === 0) return { type: 'text_delta', text: pending };
      return { type: 'text_delta', text: pending, openai: { logprobs: logprobs.splice(0) } };
    case 'thinking':
      return { type: 'thinking_delta', thinking: pending };
    default:
      return { type: 'input_json_delta', partial_json: pending };
  }
}
