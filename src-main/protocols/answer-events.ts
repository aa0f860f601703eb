import { type AnswerBlock, type BlockDelta, cutEvent, type StreamEvent, type Usage } from './canonical.ts';
import type { DecodeContext } from './codec.ts';
import { shortId } from './short-id.ts';
import { decodeMessageId, uniqueToolId } from './tool-names.ts';

/** For an answer whose provider counts nothing. */
const CHARACTERS_PER_TOKEN = 4;

/** @param characters that the model has written. */
export const estimatedUsage = (inputTokens: number, characters: number): Usage => ({
  input_tokens: inputTokens,
  output_tokens: Math.ceil(characters / CHARACTERS_PER_TOKEN),
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
});

type Finish = Extract<StreamEvent, { type: 'message_delta' }>['delta'];

/** The canonical events of one answer, as a decoder makes them; nothing follows their end. */
export class AnswerEvents {
  /** The provider's id of the answer; '' while it has given none. */
  id = '';
  /** What the model has written so far, for an estimate of its tokens. */
  characters = 0;
  /** Makes ids (`^[a-zA-Z0-9_-]+$`, unique for ever) for what the provider gave none. */
  readonly newId: () => string;
  readonly #context: DecodeContext;
  #events: StreamEvent[] = [];
  #started = false;
  #closed = false;
  /** Blocks so far; the last one is open, or was the last to be. */
  #blocks = 0;
  readonly #toolIds: Set<string>;

  constructor(context: DecodeContext, newId: () => string = shortId) {
    this.#context = context;
    this.#toolIds = new Set(context.usedToolIds);
    this.newId = newId;
  }

  /** The answer has ended, in whatever way. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  push(event: StreamEvent): void {
    if (!this.#closed) this.#events.push(event);
  }

  /**
   * `message_start`, once.
   * @param about what else the provider says of the message.
   */
  start(about: { id?: string | undefined; usage?: Usage | undefined; [field: string]: unknown } = {}): void {
    if (this.#started) return;
    this.#started = true;
    const { model, estimatedInputTokens } = this.#context;
    this.push({
      type: 'message_start',
      message: {
        ...about,
        id: about.id ?? this.#messageId(),
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: about.usage ?? estimatedUsage(estimatedInputTokens, 0),
      },
      ...(about.usage === undefined ? { estimated: true } : {}),
    });
  }

  startBlock(content_block: AnswerBlock): void {
    this.start();
    this.push({ type: 'content_block_start', index: this.#blocks, content_block });
    this.#blocks += 1;
  }

  /** Adds to the open block. */
  delta(delta: BlockDelta): void {
    this.push({ type: 'content_block_delta', index: this.#blocks - 1, delta });
  }

  stopBlock(): void {
    this.push({ type: 'content_block_stop', index: this.#blocks - 1 });
  }

  /** An id for a tool's call, unique in the conversation whatever the provider gives, and where that only counts, for ever. */
  toolId(given: string): string {
    return uniqueToolId(/^\d*$/.test(given) ? `call_${this.newId()}` : given, this.#toolIds);
  }

  /** Ends the answer. @param usage null: the provider has counted nothing. */
  finish(delta: Finish, usage: Usage | null): void {
    this.start();
    const counted = usage ?? estimatedUsage(this.#context.estimatedInputTokens, this.characters);
    this.push({ type: 'message_delta', delta, usage: counted, ...(usage === null ? { estimated: true } : {}) });
    this.push({ type: 'message_stop' });
    this.#closed = true;
  }

  /** Ends it where the provider's stream broke off. */
  cut(): void {
    this.push(cutEvent);
    this.#closed = true;
  }

  /** Ends it with an `error` event. */
  fail(type: string, message: string): void {
    this.push({ type: 'error', error: { type, message } });
    this.#closed = true;
  }

  /** Never `msg_…`: Claude Code takes that for a message Anthropic has stored, and sends only what is new the next time. */
  #messageId(): string {
    const id = decodeMessageId(this.id);
    if (id === '') return `answer_${this.newId()}`;
    return id.startsWith('msg_') ? `answer_${id}` : id;
  }
}
