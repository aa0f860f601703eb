import type { AnswerBlock, BlockDelta, RedactedThinkingBlock, StreamEvent, ThinkingBlock } from './canonical.ts';
import { STATE_MARK } from './reasoning-state.ts';
import { placeOfText, type ReasoningBlock, type RememberedTurn } from './remembered-turn.ts';
import { toolInput } from './tool-input.ts';
import { type KeyedUse, turnKey } from './turn-key.ts';

/** What was recorded of an answer that calls tools. */
export interface RecordedTurn {
  /** Its key in the conversation (turn-key.ts). */
  key: string;
  /** Null where there is nothing that could be lost. */
  turn: RememberedTurn | null;
}

/** The block that is being written, as far as anything of it is kept. */
type OpenBlock =
  | { kind: 'thinking'; block: ThinkingBlock }
  | { kind: 'redacted'; block: RedactedThinkingBlock }
  | { kind: 'text'; phase: string | null; said: boolean }
  | { kind: 'use'; use: KeyedUse; json: string }
  | null;

/**
 * Follows the events of one answer, as the provider gives them, for what is to be remembered of it. What has ended counts,
 * also when the answer is cut: a client runs the calls that it has got whole (Claude Code does), and sends them back.
 * Where middleware has changed a call on its way to the client, it comes back with another key and is not found.
 */
export class TurnRecorder {
  readonly #target: { provider: string; model: string };
  readonly #uses: KeyedUse[] = [];
  /** Reasoning up to the last call. A place may have any name, `__proto__` too. */
  readonly #kept: Record<string, readonly ReasoningBlock[]> = Object.create(null);
  #keptAny = false;
  /** Reasoning with its place since then. */
  #placed: [place: string, blocks: readonly ReasoningBlock[]][] = [];
  /** Reasoning that nothing has followed yet. */
  #pending: ReasoningBlock[] = [];
  readonly #phases: (string | null)[] = [];
  readonly #signatures: string[] = [];
  #open: OpenBlock = null;
  /** Something else than reasoning has come. */
  #begun = false;

  /** @param target who answers: id of the provider and name of the model there. */
  constructor(target: { provider: string; model: string }) {
    this.#target = { provider: target.provider, model: target.model };
  }

  /** Null where no tool was called. */
  get turn(): RecordedTurn | null {
    if (this.#uses.length === 0) return null;
    const key = turnKey(this.#uses);
    const hasPhases = this.#phases.some((phase) => phase !== null);
    if (!this.#keptAny && !hasPhases) return { key, turn: null };
    const phases = hasPhases ? { phases: this.#phases } : {};
    return { key, turn: { ...this.#target, reasoning: this.#kept, ...phases } };
  }

  /** The vendor's own signatures in it, which do not say whose they are. */
  get signatures(): readonly string[] {
    return this.#signatures;
  }

  take(event: StreamEvent): void {
    switch (event.type) {
      case 'content_block_start':
        this.#start(event.content_block);
        break;
      case 'content_block_delta':
        if (this.#open !== null) this.#add(this.#open, event.delta);
        break;
      case 'content_block_stop':
        if (this.#open !== null) this.#stop(this.#open);
        this.#open = null;
        break;
    }
  }

  #start(block: AnswerBlock): void {
    switch (block.type) {
      case 'thinking':
        this.#open = { kind: 'thinking', block: { ...block } };
        return;
      case 'redacted_thinking':
        this.#open = { kind: 'redacted', block };
        return;
      case 'text':
        this.#open = { kind: 'text', phase: block.openai?.phase ?? null, said: false };
        this.#say(this.#open, block.text);
        return;
      case 'tool_use':
        this.#open = { kind: 'use', use: { id: block.id, name: block.name, input: block.input }, json: '' };
        return;
      default:
        // Tools that ran at the provider are no place that every client keeps.
        if (!this.#begun) this.#place('');
        this.#begun = true;
        this.#open = null;
    }
  }

  #add(open: NonNullable<OpenBlock>, delta: BlockDelta): void {
    switch (delta.type) {
      case 'thinking_delta':
        if (open.kind === 'thinking') open.block.thinking += delta.thinking;
        break;
      case 'signature_delta':
        if (open.kind === 'thinking') open.block.signature = delta.signature;
        break;
      case 'input_json_delta':
        if (open.kind === 'use') open.json += delta.partial_json;
        break;
      case 'text_delta':
        if (open.kind === 'text' && !open.said) this.#say(open, delta.text);
        break;
    }
  }

  #say(open: Extract<OpenBlock, { kind: 'text' }>, text: string): void {
    if (!/\S/.test(text)) return;
    open.said = true;
    this.#place(this.#begun ? placeOfText(this.#phases.length) : '');
    this.#phases.push(open.phase);
  }

  #stop(open: NonNullable<OpenBlock>): void {
    switch (open.kind) {
      case 'thinking': {
        const { thinking, signature } = open.block;
        if (thinking !== '' || signature !== '') this.#pending.push(open.block);
        this.#sign(signature);
        break;
      }
      case 'redacted':
        this.#pending.push(open.block);
        this.#sign(open.block.data);
        break;
      case 'use': {
        const { use, json } = open;
        this.#place(this.#begun ? use.id : '');
        this.#uses.push(json === '' ? use : { ...use, input: toolInput(json) });
        this.#keep();
        break;
      }
    }
  }

  #sign(signature: string): void {
    if (signature !== '' && !signature.startsWith(STATE_MARK)) this.#signatures.push(signature);
  }

  /** What has been thought stands before what begins now. */
  #place(place: string): void {
    this.#begun = true;
    if (this.#pending.length === 0) return;
    this.#placed.push([place, this.#pending]);
    this.#pending = [];
  }

  #keep(): void {
    for (const [place, blocks] of this.#placed) {
      this.#kept[place] = blocks;
      this.#keptAny = true;
    }
    this.#placed = [];
  }
}
