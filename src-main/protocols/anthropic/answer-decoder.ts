import { AnswerEvents } from '../answer-events.ts';
import type { AnswerBlock, StreamEvent, Usage } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isBlank } from '../content-text.ts';
import { isObject } from '../is-object.ts';
import type { SseAnswer } from '../sse-stream-decoder.ts';
import { isObjectJson, toolInput } from '../tool-input.ts';
import { decodeMessageId, decodeToolId } from '../tool-names.ts';
import { errorEvent, errorIn } from '../upstream-error.ts';
import { packSignature } from './foreign-thinking.ts';
import { mergeUsage } from './usage.ts';

type Fields = Record<string, unknown>;
type Finish = Extract<StreamEvent, { type: 'message_delta' }>['delta'];

/** A block that has begun. */
interface OpenBlock {
  /** The provider's index. */
  given: number;
  /** Ours; -1 while nothing of it has been emitted. */
  index: number;
  start: Fields & { type: string };
  /** Of a tool: its input so far. Of a text that has not begun: what is blank so far. */
  held: string;
  /** Of a thinking block, given out at its end. */
  signature: string | null;
  /** Nothing but its beginning has been given out. */
  empty: boolean;
}

/** A block that began while a tool's input was not whole yet, with what came of it. */
interface WaitingBlock {
  given: number;
  start: Fields & { type: string };
  deltas: Fields[];
  ended: boolean;
}

/** Tools that ran at the provider: their blocks are given out whole. */
const SERVER_TOOLS = new Set(['server_tool_use', 'mcp_tool_use']);
/** What OpenAI's dialects say, which some compatible servers pass on. */
const FOREIGN_REASONS: Partial<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
};

/**
 * Puts an Anthropic stream's events in the order that clients rely on, whatever a compatible server made of it: one
 * `message_start`, blocks one after another with indices that count up, deltas that suit their block, everything that has
 * begun ended (BerriAI/litellm issues 13373, 32357 and 33224, decolua/9router issue 1779). What is in order stays as it is,
 * unknown blocks and fields too. Blank texts are left out: Anthropic refuses them when they come back.
 */
export class AnthropicAnswerDecoder implements SseAnswer {
  readonly #context: DecodeContext;
  readonly #events: AnswerEvents;
  #started = false;
  #next = 0;
  #live: OpenBlock | null = null;
  readonly #waiting: WaitingBlock[] = [];
  /** The provider's indices of blocks that have been ended or left out, and whether the last of each was a tool's. */
  readonly #past = new Map<number, boolean>();
  readonly #toolIds = new Set<string>();
  #toolUsed = false;
  #usage: Usage | null = null;
  /** Fields of the usage records that are not counted here. */
  #otherUsage: Fields = {};
  #stop: Fields | null = null;

  /** `newId` makes ids for what the provider gave none (answer-events.ts). */
  constructor(context: DecodeContext, newId?: () => string) {
    this.#context = context;
    this.#events = new AnswerEvents(context, newId);
  }

  /** The provider has said why the answer ends. */
  get finished(): boolean {
    return this.#events.closed || typeof this.#stop?.stop_reason === 'string';
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    return this.#events.take();
  }

  /** Reads one decoded event of the provider's, which becomes a part of what is given out. */
  read(event: unknown, name: string | null = null): void {
    if (this.#events.closed || !isObject(event)) return;
    switch (event.type ?? name) {
      case 'content_block_delta':
        if (isObject(event.delta)) this.#delta(event, event.delta);
        break;
      case 'content_block_start':
        if (isObject(event.content_block) && typeof event.content_block.type === 'string')
          this.#begin(numberOf(event.index), event.content_block as WaitingBlock['start']);
        break;
      case 'content_block_stop':
        this.#end(numberOf(event.index));
        break;
      case 'message_start':
        if (isObject(event.message)) this.#start(event.message);
        break;
      case 'message_delta':
        this.#count(event.usage);
        if (isObject(event.delta)) this.#stop = { ...this.#stop, ...event.delta };
        break;
      case 'message_stop':
        this.#finish();
        break;
      case 'ping':
        this.#events.push({ type: 'ping' });
        break;
      default: {
        const error = errorIn(event);
        if (error === null) break;
        const { type, message } = errorEvent(error);
        this.fail(type, message);
      }
    }
  }

  /** The provider's answer has ended. Some leave the last event out; an answer that has said why it stops is whole. */
  end(): void {
    if (this.finished) this.#finish();
    else this.#events.cut();
  }

  /** Ends the answer with an `error` event. */
  fail(type: string, message: string): void {
    this.#events.fail(type, message);
  }

  #start(message: Fields): void {
    this.#count(message.usage);
    if (this.#started) return;
    this.#started = true;
    const counted = this.#counted();
    const { id } = message;
    this.#events.start({
      ...message,
      id: typeof id === 'string' && id !== '' ? decodeMessageId(id) : undefined,
      usage: counted === null ? undefined : { ...this.#otherUsage, ...counted },
    });
  }

  #count(usage: unknown): void {
    if (!isObject(usage)) return;
    this.#usage = mergeUsage(this.#usage, usage);
    this.#otherUsage = { ...this.#otherUsage, ...usage };
  }

  /** Null where the provider counts nothing; some say 0. */
  #counted(): Usage | null {
    const usage = this.#usage;
    if (usage === null) return null;
    const { input_tokens: input, output_tokens: output, cache_read_input_tokens: read } = usage;
    return input + output + read + usage.cache_creation_input_tokens === 0 ? null : usage;
  }

  #begin(given: number, start: WaitingBlock['start']): void {
    const live = this.#live;
    const { type, id } = start;
    if ((type === 'tool_use' || SERVER_TOOLS.has(type)) && typeof id === 'string' && id !== '') {
      // A server that shows finished blocks once more (diegosouzapw/OmniRoute pull request 11347).
      if (this.#toolIds.has(id)) {
        if (live?.given !== given) this.#past.set(given, true);
        return;
      }
      this.#toolIds.add(id);
    } else if (live !== null && live.given === given && live.start.type === type) return;
    this.#past.delete(given);
    // One that begins anew at an index has ended there, whether the provider said so or not.
    const goesOn = live !== null && live.given !== given && !isWhole(live);
    if (goesOn || this.#waiting.length > 0) this.#waiting.push({ given, start, deltas: [], ended: false });
    if (goesOn) return;
    this.#close();
    if (this.#waiting.length > 0) this.#goOn();
    else this.#open(given, start);
  }

  #open(given: number, start: WaitingBlock['start']): void {
    this.#start({});
    const block: OpenBlock = { given, index: -1, start, held: '', signature: null, empty: true };
    this.#live = block;
    switch (start.type) {
      case 'text':
        if (typeof start.text === 'string') this.#text(block, start.text);
        break;
      case 'thinking':
        this.#emitStart(block, { ...start, thinking: '', signature: '' });
        if (typeof start.thinking === 'string' && start.thinking !== '')
          this.#emitDelta(block, { type: 'thinking_delta', thinking: start.thinking });
        this.#sign(block, start.signature);
        break;
      case 'tool_use': {
        const { id, name } = start;
        if (typeof name !== 'string' || name === '') {
          this.fail('api_error', 'the answer holds a tool call without a name');
          return;
        }
        this.#toolUsed = true;
        this.#emitStart(block, {
          ...start,
          id: typeof id === 'string' && id !== '' ? decodeToolId(id) : `toolu_${this.#events.newId()}`,
          name: this.#context.toolNames.get(name) ?? name,
          input: {},
        });
        break;
      }
      default:
        if (!SERVER_TOOLS.has(start.type)) this.#emitStart(block, start);
    }
  }

  #delta(event: Fields, delta: Fields): void {
    const given = numberOf(event.index);
    const waiting = this.#waiting.findLast((block) => block.given === given);
    if (waiting === undefined) this.#deliver(given, delta, event);
    else waiting.deltas.push(delta);
  }

  #deliver(given: number, delta: Fields, event: Fields): void {
    const live = this.#live;
    const { type } = delta;
    if (type === 'input_json_delta') {
      const isPastTool = this.#past.get(given);
      if (live !== null && takesInput(live) && (live.given === given || isPastTool !== true))
        this.#input(live, delta, event);
      else if (isPastTool === undefined) this.fail('api_error', 'the input of a tool came before its name');
      return;
    }
    const kind = KINDS[String(type)];
    if (kind === undefined) {
      // Unknown: as it is, where it belongs.
      if (live !== null && live.given === given && live.index !== -1) this.#emit(live, event);
    } else if (live?.start.type === kind) this.#write(live, delta, event);
    // A signature whose thinking has ended has nowhere to go.
    else if (type !== 'signature_delta') {
      this.#begin(given, { type: kind });
      const begun = this.#live;
      if (begun?.start.type === kind) this.#write(begun, delta, event);
      else this.#waiting.at(-1)?.deltas.push(delta);
    }
  }

  #write(block: OpenBlock, delta: Fields, event: Fields): void {
    switch (delta.type) {
      case 'text_delta':
        if (typeof delta.text !== 'string' || delta.text === '') return;
        this.#events.characters += delta.text.length;
        if (block.index === -1) this.#text(block, delta.text);
        else this.#emit(block, event);
        return;
      case 'thinking_delta':
        if (typeof delta.thinking !== 'string' || delta.thinking === '') return;
        this.#events.characters += delta.thinking.length;
        this.#emit(block, event);
        return;
      case 'signature_delta':
        this.#sign(block, delta.signature);
        return;
      default:
        if (block.index === -1) this.#emitStart(block, { ...block.start, text: '' });
        this.#emit(block, event);
    }
  }

  /** A server that takes thinking back without a signature gives none of Anthropic's, unless it has its models. */
  #sign(block: OpenBlock, signature: unknown): void {
    if (typeof signature !== 'string' || signature === '') return;
    const { quirks, target } = this.#context;
    const isOwn = quirks.takesEmptySignature && !/claude/i.test(target.model);
    block.signature = isOwn ? packSignature(signature, target) : signature;
  }

  /** A text begins with the first that is not blank. */
  #text(block: OpenBlock, text: string): void {
    block.held += text;
    if (isBlank(block.held)) return;
    this.#emitStart(block, { ...block.start, text: '' });
    this.#emitDelta(block, { type: 'text_delta', text: block.held });
  }

  #input(block: OpenBlock, delta: Fields, event: Fields): void {
    const { partial_json: part } = delta;
    const json = typeof part === 'string' ? part : JSON.stringify(part ?? '');
    this.#events.characters += json.length;
    block.held += json;
    if (json === '' || block.index === -1) return;
    if (json === part) this.#emit(block, event);
    else this.#emitDelta(block, { type: 'input_json_delta', partial_json: json });
  }

  #end(given: number): void {
    const waiting = this.#waiting.find((block) => block.given === given && !block.ended);
    if (waiting !== undefined) waiting.ended = true;
    else if (this.#live !== null && (this.#live.given === given || !this.#past.has(given))) {
      this.#close();
      this.#goOn();
    }
  }

  /** What waited for a tool's input takes its turn. */
  #goOn(): void {
    while (this.#live === null && !this.#events.closed) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const { given, start, deltas, ended } = next;
      this.#open(given, start);
      for (const delta of deltas) this.#deliver(given, delta, { type: 'content_block_delta', index: given, delta });
      const isOver = ended || (this.#waiting.length > 0 && this.#live !== null && isWhole(this.#live));
      if (isOver) this.#close();
    }
  }

  #close(): void {
    const block = this.#live;
    this.#live = null;
    if (block === null) return;
    const { start, held } = block;
    this.#past.set(block.given, takesInput(block));
    if (SERVER_TOOLS.has(start.type)) {
      const input = held === '' ? (start.input ?? {}) : toolInput(held);
      this.#emitStart(block, { ...start, input });
    }
    if (block.index === -1) return;
    // Clients read a tool's input from the deltas only.
    if (start.type === 'tool_use' && held === '' && isObject(start.input) && Object.keys(start.input).length > 0)
      this.#emitDelta(block, { type: 'input_json_delta', partial_json: JSON.stringify(start.input) });
    // Thinking that is not shown has a signature at least.
    const signature = block.signature ?? (start.type === 'thinking' && block.empty ? '' : null);
    if (signature !== null) this.#emitDelta(block, { type: 'signature_delta', signature });
    this.#events.push({ type: 'content_block_stop', index: block.index });
  }

  #finish(): void {
    if (!this.#started && this.#stop === null) {
      this.#events.cut();
      return;
    }
    this.#start({});
    this.#close();
    for (const block of this.#waiting) block.ended = true;
    this.#goOn();
    const { stop_reason: reason, stop_sequence, ...others } = this.#stop ?? {};
    const delta = { ...others, stop_reason: this.#reason(reason), stop_sequence: stop_sequence ?? null };
    const usage = this.#counted();
    this.#events.finish(delta as Finish, usage === null ? null : { ...this.#otherUsage, ...usage });
  }

  /** Some servers forget the reason, or say that the turn ends where the client has to run a tool. */
  #reason(given: unknown): string {
    const reason = typeof given === 'string' && given !== '' ? (FOREIGN_REASONS[given] ?? given) : 'end_turn';
    return reason === 'end_turn' && this.#toolUsed ? 'tool_use' : reason;
  }

  #emitStart(block: OpenBlock, content_block: Fields): void {
    block.index = this.#next;
    this.#next += 1;
    this.#events.push({
      type: 'content_block_start',
      index: block.index,
      content_block: content_block as unknown as AnswerBlock,
    });
  }

  #emitDelta(block: OpenBlock, delta: Extract<StreamEvent, { type: 'content_block_delta' }>['delta']): void {
    const { index } = block;
    block.empty = false;
    this.#events.push({ type: 'content_block_delta', index, delta });
  }

  /** The provider's own event, which nobody else holds. */
  #emit(block: OpenBlock, event: Fields): void {
    block.empty = false;
    event.index = block.index;
    this.#events.push(event as unknown as StreamEvent);
  }
}

/** The block that each delta belongs into. */
const KINDS: Partial<Record<string, string>> = {
  text_delta: 'text',
  citations_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'thinking',
};

/** A server that gives no index means the block it is at. */
const numberOf = (index: unknown): number => (typeof index === 'number' ? index : 0);

const takesInput = ({ start }: OpenBlock): boolean => start.type === 'tool_use' || SERVER_TOOLS.has(start.type);

/** Whether a tool's input is all there; of a block of another kind, always. */
function isWhole({ start, held }: OpenBlock): boolean {
  if (start.type !== 'tool_use') return true;
  if (held === '') return isObject(start.input) && Object.keys(start.input).length > 0;
  return isObjectJson(held);
}
