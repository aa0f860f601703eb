import { AnswerEvents } from '../answer-events.ts';
import type { StopReason, StreamEvent, Usage } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { packState } from '../reasoning-state.ts';
import { isObjectJson } from '../tool-input.ts';
import { errorEvent, errorIn } from '../upstream-error.ts';
import { named } from './error.ts';

type Textual = 'text' | 'thinking';

/**
 * Turns the lines of an answer into canonical events; one per answer. A whole answer goes through it as a single line.
 *
 * The signature of thinking holds no more than whose it is: what the model wants back is the text.
 */
export class AnswerDecoder {
  readonly #context: DecodeContext;
  readonly #events: AnswerEvents;
  /** The open block; null where none is. */
  #open: Textual | null = null;
  /** Blank text that has arrived where a block of its kind may begin. */
  #blank: { kind: Textual; text: string } | null = null;
  /** Of tokens whose text was not let out. */
  #logprobs: unknown[] = [];
  #toolUsed = false;
  #empty = true;

  /** `newId` makes ids (answer-events.ts): Ollama gives its answers none. */
  constructor(context: DecodeContext, newId?: () => string) {
    this.#context = context;
    this.#events = new AnswerEvents(context, newId);
  }

  /** The answer has ended, in whatever way. */
  get finished(): boolean {
    return this.#events.closed;
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    return this.#events.take();
  }

  /** Reads one decoded line. Anything that is none becomes an `error` event. */
  line(value: unknown): void {
    if (this.#events.closed) return;
    if (!isObject(value)) {
      this.fail('api_error', 'a line of the stream is not a JSON object');
      return;
    }
    const error = errorIn(value);
    if (error !== null) {
      const { type, message } = errorEvent(named(error));
      this.fail(type, message);
      return;
    }
    const strange = notOllama(value);
    if (strange !== null) {
      this.fail('api_error', strange);
      return;
    }
    if (Array.isArray(value.logprobs)) this.#logprobs.push(...value.logprobs);
    if (isObject(value.message)) this.#readMessage(value.message);
    if (value.done === true) this.#finish(value);
  }

  /**
   * Reads an answer that is one JSON value.
   * @throws Error saying why it is no answer.
   */
  readWhole(value: unknown): void {
    if (!isObject(value)) throw new Error('the answer is not a JSON object');
    const strange = errorIn(value) === null ? notOllama(value) : null;
    if (strange !== null) throw new Error(strange);
    // A JSON value that parsed was not cut, whatever an imitation leaves out.
    this.line({ ...value, done: true });
  }

  /** The provider's stream has ended: an answer that was not finished was cut. */
  end(): void {
    this.#events.cut();
  }

  /** Ends the answer with an `error` event. */
  fail(type: string, message: string): void {
    this.#events.fail(type, message);
  }

  #readMessage({ thinking, content, tool_calls: calls }: Record<string, unknown>): void {
    if (typeof thinking === 'string') this.#addText('thinking', thinking);
    if (typeof content === 'string') this.#addText('text', content);
    if (Array.isArray(calls)) for (const call of calls) this.#addCall(call);
  }

  /** Blank texts, which models put around thinking and tool calls, begin no block: Anthropic refuses them when they come back. */
  #addText(kind: Textual, text: string): void {
    if (text === '' || this.#events.closed) return;
    this.#events.characters += text.length;
    if (this.#open === kind) {
      this.#delta(kind, text);
      return;
    }
    const whole = this.#blank?.kind === kind ? this.#blank.text + text : text;
    if (!/\S/.test(whole)) {
      this.#blank = { kind, text: whole };
      return;
    }
    this.#close();
    this.#empty = false;
    this.#events.startBlock(
      kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' },
    );
    this.#open = kind;
    this.#delta(kind, whole);
  }

  #delta(kind: Textual, text: string): void {
    this.#blank = null;
    const logprobs = this.#logprobs;
    if (logprobs.length > 0) this.#logprobs = [];
    if (kind === 'thinking') this.#events.delta({ type: 'thinking_delta', thinking: text });
    else if (logprobs.length === 0) this.#events.delta({ type: 'text_delta', text });
    else this.#events.delta({ type: 'text_delta', text, openai: { logprobs } });
  }

  /** A tool call comes whole. */
  #addCall(call: unknown): void {
    if (this.#events.closed) return;
    const named = isObject(call) && isObject(call.function) ? call.function : null;
    if (!isObject(call) || named === null || typeof named.name !== 'string' || named.name === '') {
      this.fail('api_error', 'the answer holds a tool call without a name');
      return;
    }
    this.#close();
    this.#logprobs = [];
    const name = this.#context.toolNames.get(named.name) ?? named.name;
    const id = this.#events.toolId(typeof call.id === 'string' ? call.id : '');
    this.#toolUsed = true;
    this.#empty = false;
    this.#events.startBlock({ type: 'tool_use', id, name, input: {} });
    const json = inputJson(named.arguments);
    this.#events.characters += json.length;
    if (json !== '{}') this.#events.delta({ type: 'input_json_delta', partial_json: json });
    this.#events.stopBlock();
  }

  /** Closes the open block. */
  #close(): void {
    this.#blank = null;
    if (this.#open === null) return;
    if (this.#open === 'thinking') {
      const signature = packState({ dialect: 'ollama', ...this.#context.target, data: null });
      this.#events.delta({ type: 'signature_delta', signature });
    }
    this.#events.stopBlock();
    this.#open = null;
  }

  #finish(line: Record<string, unknown>): void {
    if (this.#events.closed) return;
    const reason = line.done_reason;
    if ((reason === 'load' || reason === 'unload') && this.#empty) {
      this.fail('api_error', `the model was only ${reason}ed and gave no answer`);
      return;
    }
    this.#close();
    this.#events.finish({ stop_reason: this.#stopReason(reason), stop_sequence: null }, usageOf(line));
  }

  /** Ollama says `stop` after a tool call too. */
  #stopReason(reason: unknown): StopReason {
    if (reason === 'length') return 'max_tokens';
    return this.#toolUsed ? 'tool_use' : 'end_turn';
  }
}

/** Null where one of the counts is missing; older versions leave that of a prompt out which they still had in memory. */
function usageOf({ prompt_eval_count: input, eval_count: output }: Record<string, unknown>): Usage | null {
  if (!isCount(input) || !isCount(output)) return null;
  return {
    input_tokens: input,
    output_tokens: output,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  };
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0;

/** JSON of an object in any case. Imitations send it as text. */
function inputJson(value: unknown): string {
  if (isObject(value)) return JSON.stringify(value);
  if (value === undefined || value === null || value === '') return '{}';
  if (typeof value === 'string' && isObjectJson(value)) return value;
  return JSON.stringify({ _raw: value });
}

/** Says what a decoded line is instead of Ollama's; null where it may be one. */
function notOllama({ message, done, choices }: Record<string, unknown>): string | null {
  if (isObject(message) || done === true) return null;
  return Array.isArray(choices)
    ? "the answer is in the form of Chat Completions, not of Ollama's own API"
    : "the answer is not in the form of Ollama's own API";
}
