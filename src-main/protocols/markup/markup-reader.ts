import type { BlockDelta, Citation, StreamEvent, TextBlock, Tool } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { shortId } from '../short-id.ts';
import { uniqueToolId } from '../tool-names.ts';
import type { MarkedCall } from './format.ts';
import { MarkupScanner, type Piece } from './markup-scanner.ts';

type TextDelta = Extract<BlockDelta, { type: 'text_delta' }>;

/**
 * Reads thinking and tool calls that a server left in the text, one reader per answer: thinking at the beginning of the text
 * becomes a thinking block, tool calls become tool_use blocks, where they are whole and call tools that were offered. All
 * other text stays as it is, and flows at once but for what may be the beginning of a tag and for the inside of a call.
 * Fenced code is left alone.
 *
 * An answer that begins inside its thinking, with nothing but the closing tag, stays text: that shows too late.
 */
export class MarkupReader {
  readonly #newId: () => string;
  readonly #clientNames: ReadonlyMap<string, string>;
  readonly #scanner: MarkupScanner;
  #passed: StreamEvent[] = [];
  /** The text block that is read; null outside of one. */
  #source: TextBlock | null = null;
  /** What is open for the client, of what was read from it. */
  #open: 'text' | 'thinking' | null = null;
  #nextIndex = 0;
  /** Blank text at the beginning of a block, which may turn out to be all there is. */
  #blank = '';
  /** Mark-up was read from this block: the blank text between it and the rest goes with it. */
  #changed = false;
  #citations: Citation[] = [];
  readonly #toolIds = new Set<string>();
  #toolUsed = false;

  /** `newId` makes ids for calls, where the model wrote none. */
  constructor(context: Pick<DecodeContext, 'offeredTools' | 'toolNames'>, newId: () => string = shortId) {
    this.#newId = newId;
    this.#clientNames = context.toolNames;
    const tools = new Map<string, Tool>(context.offeredTools);
    for (const [sent, own] of context.toolNames) {
      const tool = tools.get(own);
      if (tool !== undefined) tools.set(sent, tool);
    }
    this.#scanner = new MarkupScanner(tools);
  }

  push(events: readonly StreamEvent[]): StreamEvent[] {
    this.#passed = [];
    for (const event of events) this.#take(event);
    return this.#passed;
  }

  #take(event: StreamEvent): void {
    switch (event.type) {
      case 'content_block_start':
        if (event.content_block.type === 'text') {
          this.#source = event.content_block;
          this.#changed = false;
          return;
        }
        if (event.content_block.type === 'tool_use') {
          this.#toolIds.add(event.content_block.id);
          this.#scanner.skipThinking();
        }
        this.#passed.push({ ...event, index: this.#nextIndex });
        this.#nextIndex += 1;
        return;
      case 'content_block_delta':
        if (this.#source === null) this.#passed.push({ ...event, index: this.#nextIndex - 1 });
        else if (event.delta.type === 'text_delta') this.#takeText(event.delta);
        else if (event.delta.type === 'citations_delta') this.#takeCitation(event.delta.citation);
        return;
      case 'content_block_stop':
        if (this.#source === null) this.#passed.push({ ...event, index: this.#nextIndex - 1 });
        else this.#endText();
        return;
      case 'message_delta':
        this.#passed.push(
          this.#toolUsed && event.delta.stop_reason === 'end_turn'
            ? { ...event, delta: { ...event.delta, stop_reason: 'tool_use' } }
            : event,
        );
        return;
      case 'error':
        if (this.#source !== null) this.#passPieces(this.#scanner.end());
        this.#passed.push(event);
        return;
      default:
        this.#passed.push(event);
    }
  }

  #takeText(delta: TextDelta): void {
    const pieces = this.#scanner.push(delta.text);
    const [first] = pieces;
    // The delta itself where it says all, with what it carries besides.
    if (this.#open === 'text' && pieces.length === 1 && first?.kind === 'text' && first.text === delta.text)
      this.#passDelta(delta);
    else this.#passPieces(pieces);
  }

  #takeCitation(citation: Citation): void {
    if (this.#open === 'text') this.#passDelta({ type: 'citations_delta', citation });
    else this.#citations.push(citation);
  }

  #endText(): void {
    this.#passPieces(this.#scanner.end());
    // Blank text and nothing else is passed as it was.
    if (this.#blank !== '' && !this.#changed) this.#start('text', this.#blank);
    this.#blank = '';
    this.#stop();
    this.#source = null;
    this.#citations = [];
  }

  #passPieces(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      if (piece.kind === 'calls') {
        for (const call of piece.calls) this.#passCall(call);
      } else {
        if (piece.kind === 'thinking') this.#changed = true;
        this.#passText(piece.kind, piece.text);
      }
    }
  }

  #passText(kind: 'text' | 'thinking', text: string): void {
    if (this.#open === kind) {
      this.#passDelta(kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text });
      return;
    }
    this.#stop();
    const beginning = this.#blank + text;
    if (/\S/.test(text)) this.#start(kind, this.#changed ? beginning.trimStart() : beginning);
    else this.#blank = beginning;
  }

  #start(kind: 'text' | 'thinking', text: string): void {
    this.#blank = '';
    this.#open = kind;
    const source = this.#source ?? { type: 'text', text: '' };
    const content_block = kind === 'text' ? source : { type: 'thinking' as const, thinking: '', signature: '' };
    this.#passed.push({ type: 'content_block_start', index: this.#nextIndex, content_block });
    this.#nextIndex += 1;
    this.#passText(kind, text);
    if (kind === 'thinking') return;
    for (const citation of this.#citations) this.#passDelta({ type: 'citations_delta', citation });
    this.#citations = [];
  }

  #stop(): void {
    if (this.#open !== null) this.#passed.push({ type: 'content_block_stop', index: this.#nextIndex - 1 });
    this.#open = null;
  }

  #passDelta(delta: BlockDelta): void {
    this.#passed.push({ type: 'content_block_delta', index: this.#nextIndex - 1, delta });
  }

  #passCall({ name, input, id }: MarkedCall): void {
    this.#stop();
    this.#blank = '';
    this.#changed = true;
    this.#toolUsed = true;
    const content_block = {
      type: 'tool_use' as const,
      id: uniqueToolId(id ?? `call_${this.#newId()}`, this.#toolIds),
      name: this.#clientNames.get(name) ?? name,
      input: {},
    };
    this.#passed.push({ type: 'content_block_start', index: this.#nextIndex, content_block });
    this.#nextIndex += 1;
    this.#passDelta({ type: 'input_json_delta', partial_json: JSON.stringify(input) });
    this.#passed.push({ type: 'content_block_stop', index: this.#nextIndex - 1 });
  }
}
