import { cutEvent, type StopReason, type StreamEvent, type Usage } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { errorEvent, errorIn } from '../openai-chat/error-envelope.ts';
import { packState } from '../reasoning-state.ts';
import { shortId } from '../short-id.ts';
import { decodeToolId } from '../tool-names.ts';
import { named } from './error.ts';

type Textual = 'text' | 'thinking';

/** For an answer whose provider counts nothing. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * Turns the lines of an answer into canonical events; one per answer. A whole answer goes through it as a single line.
 *
 * The signature of thinking holds no more than whose it is: what the model wants back is the text.
 */
export class AnswerDecoder {
  readonly #context: DecodeContext;
  readonly #newId: () => string;
  #events: StreamEvent[] = [];
  #closed = false;
  #messageStarted = false;
  /** The open block; null where none is. */
  #open: Textual | null = null;
  /** Blank text that has arrived where a block of its kind may begin. */
  #blank: { kind: Textual; text: string } | null = null;
  /** Of tokens whose text was not let out. */
  #logprobs: unknown[] = [];
  /** Blocks so far. */
  #blocks = 0;
  readonly #toolIds = new Set<string>();
  #characters = 0;

  /** `newId` makes ids (`^[a-zA-Z0-9_-]+$`, unique for ever): Ollama gives its answers none. */
  constructor(context: DecodeContext, newId: () => string = shortId) {
    this.#context = context;
    this.#newId = newId;
  }

  /** The answer has ended, in whatever way. */
  get finished(): boolean {
    return this.#closed;
  }

  /** The events since the last call. */
  take(): StreamEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Reads one decoded line. Anything that is none becomes an `error` event. */
  line(value: unknown): void {
    if (this.#closed) return;
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
    if (this.#closed) return;
    this.#closed = true;
    this.#events.push(cutEvent);
  }

  /** Ends the answer with an `error` event. */
  fail(type: string, message: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.push({ type: 'error', error: { type, message } });
  }

  #readMessage({ thinking, content, tool_calls: calls }: Record<string, unknown>): void {
    if (typeof thinking === 'string') this.#addText('thinking', thinking);
    if (typeof content === 'string') this.#addText('text', content);
    if (Array.isArray(calls)) for (const call of calls) this.#addCall(call);
  }

  /** Blank texts, which models put around thinking and tool calls, begin no block: Anthropic refuses them when they come back. */
  #addText(kind: Textual, text: string): void {
    if (text === '' || this.#closed) return;
    this.#characters += text.length;
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
    this.#start(kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' });
    this.#open = kind;
    this.#delta(kind, whole);
  }

  #delta(kind: Textual, text: string): void {
    const index = this.#blocks - 1;
    this.#blank = null;
    if (kind === 'thinking') {
      this.#logprobs = [];
      this.#events.push({ type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: text } });
      return;
    }
    const logprobs = this.#logprobs;
    const delta = { type: 'text_delta' as const, text };
    if (logprobs.length > 0) this.#logprobs = [];
    this.#events.push({
      type: 'content_block_delta',
      index,
      delta: logprobs.length === 0 ? delta : { ...delta, openai: { logprobs } },
    });
  }

  /** A tool call comes whole. */
  #addCall(call: unknown): void {
    if (this.#closed) return;
    const named = isObject(call) && isObject(call.function) ? call.function : null;
    if (!isObject(call) || named === null || typeof named.name !== 'string' || named.name === '') {
      this.fail('api_error', 'the answer holds a tool call without a name');
      return;
    }
    this.#close();
    this.#logprobs = [];
    const name = this.#context.toolNames.get(named.name) ?? named.name;
    const id = this.#toolId(typeof call.id === 'string' ? call.id : '');
    this.#start({ type: 'tool_use', id, name, input: {} });
    const index = this.#blocks - 1;
    const json = inputJson(named.arguments);
    this.#characters += json.length;
    if (json !== '{}')
      this.#events.push({
        type: 'content_block_delta',
        index,
        delta: { type: 'input_json_delta', partial_json: json },
      });
    this.#events.push({ type: 'content_block_stop', index });
  }

  /** Unique in the answer, and in the conversation: older versions give none, and an imitation may only count. */
  #toolId(given: string): string {
    const id = /^\d*$/.test(given) ? `call_${this.#newId()}` : given;
    let unique = id;
    for (let count = 2; this.#toolIds.has(unique); count += 1) unique = `${id}_${count}`;
    this.#toolIds.add(unique);
    return decodeToolId(unique);
  }

  #start(content_block: Extract<StreamEvent, { type: 'content_block_start' }>['content_block']): void {
    this.#startMessage();
    this.#events.push({ type: 'content_block_start', index: this.#blocks, content_block });
    this.#blocks += 1;
  }

  /** Closes the open block. */
  #close(): void {
    this.#blank = null;
    if (this.#open === null) return;
    const index = this.#blocks - 1;
    if (this.#open === 'thinking') {
      const signature = packState({ dialect: 'ollama', ...this.#context.target, data: null });
      this.#events.push({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature } });
    }
    this.#events.push({ type: 'content_block_stop', index });
    this.#open = null;
  }

  #finish(line: Record<string, unknown>): void {
    if (this.#closed) return;
    const reason = line.done_reason;
    if ((reason === 'load' || reason === 'unload') && this.#blocks === 0) {
      this.fail('api_error', `the model was only ${reason}ed and gave no answer`);
      return;
    }
    this.#close();
    this.#startMessage();
    const delta = { stop_reason: this.#stopReason(reason), stop_sequence: null };
    const usage = usageOf(line);
    this.#events.push(
      usage === null
        ? { type: 'message_delta', delta, usage: this.#estimatedUsage(), estimated: true }
        : { type: 'message_delta', delta, usage },
      { type: 'message_stop' },
    );
    this.#closed = true;
  }

  /** Ollama says `stop` after a tool call too. */
  #stopReason(reason: unknown): StopReason {
    if (reason === 'length') return 'max_tokens';
    return this.#toolIds.size > 0 ? 'tool_use' : 'end_turn';
  }

  #startMessage(): void {
    if (this.#messageStarted) return;
    this.#messageStarted = true;
    const { model, estimatedInputTokens } = this.#context;
    this.#events.push({
      type: 'message_start',
      message: {
        // Never `msg_…`: Claude Code takes that for a message Anthropic has stored.
        id: `ollama_${this.#newId()}`,
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: inputOutput(estimatedInputTokens, 0),
      },
    });
  }

  #estimatedUsage(): Usage {
    return inputOutput(this.#context.estimatedInputTokens, Math.ceil(this.#characters / CHARACTERS_PER_TOKEN));
  }
}

const inputOutput = (input_tokens: number, output_tokens: number): Usage => ({
  input_tokens,
  output_tokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
});

/** Null where one of the counts is missing; older versions leave that of a prompt out which they still had in memory. */
function usageOf({ prompt_eval_count: input, eval_count: output }: Record<string, unknown>): Usage | null {
  return isCount(input) && isCount(output) ? inputOutput(input, output) : null;
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0;

/** JSON of an object in any case. Imitations send it as text. */
function inputJson(value: unknown): string {
  if (isObject(value)) return JSON.stringify(value);
  if (value === undefined || value === null || value === '') return '{}';
  if (typeof value === 'string' && isObjectJson(value)) return value;
  return JSON.stringify({ _raw: value });
}

function isObjectJson(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

/** Says what a decoded line is instead of Ollama's; null where it may be one. */
function notOllama({ message, done, choices }: Record<string, unknown>): string | null {
  if (isObject(message) || done === true) return null;
  return Array.isArray(choices)
    ? "the answer is in the form of Chat Completions, not of Ollama's own API"
    : "the answer is not in the form of Ollama's own API";
}
