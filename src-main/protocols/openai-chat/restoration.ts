import type { ForeignStateTarget, Restoration } from '../codec.ts';
import { SEPARATOR } from '../content-text.ts';
import { isObject } from '../is-object.ts';
import type { ReasoningBlock, Recall } from '../remembered-turn.ts';
import { turnOf } from '../restore-turns.ts';
import { uniqueToolId } from '../tool-names.ts';
import type { KeyedUse } from '../turn-key.ts';
import { callsOf, ownState, UNSIGNED_CALL, unsignedDetail } from './own-state.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What servers of this dialect want back with every answer and its clients drop: `reasoning_content` (musistudio/claude-code-
 * router issue 1378, farion1231/cc-switch issue 2331), `reasoning_details` (claude-code-router issue 1057), and
 * `extra_content` of calls (cc-switch issue 5725). Of what comes in pieces, OpenAI's SDKs keep the last.
 */
export const restoration: Restoration = {
  wantedBy: ({ returnsReasoningContent, returnsReasoningDetails, toolSchema }) =>
    returnsReasoningContent || returnsReasoningDetails || toolSchema === 'gemini',
  // Also before one of them calls a tool: what is put into a message later would change what has been sent.
  mayBeNeeded: (raw) => raw.includes('"assistant"'),
  restore(body, target, recall) {
    const { messages } = body;
    if (!Array.isArray(messages)) return { body, turns: 0 };
    let turns = 0;
    const restored = messages.map((message: unknown) => {
      if (!isObject(message) || message.role !== 'assistant') return message;
      const own = new AnswerRestorer(message, target, recall);
      const whole = own.restore();
      if (own.remembered) turns += 1;
      return whole;
    });
    const changed = restored.some((message, place) => message !== messages[place]);
    return changed ? { body: { ...body, messages: restored }, turns } : { body, turns: 0 };
  },
};

/** Puts back what one answer lacks. */
class AnswerRestorer {
  readonly #message: Fields;
  readonly #calls: readonly Fields[];
  readonly #uses: readonly KeyedUse[];
  readonly #target: ForeignStateTarget;
  readonly #recall: Recall;
  #blocks: readonly ReasoningBlock[] | null = null;
  /** Something that was remembered has been put back. */
  remembered = false;

  constructor(message: Fields, target: ForeignStateTarget, recall: Recall) {
    this.#message = message;
    this.#calls = callsOf(message);
    this.#uses = usesOf(this.#calls);
    this.#target = target;
    this.#recall = recall;
  }

  /** The same object where it lacks nothing. */
  restore(): Fields {
    const { quirks } = this.#target;
    let message = this.#message;
    if (quirks.returnsReasoningContent) message = this.#withContent(message);
    if (this.#calls.length === 0) return message;
    if (quirks.returnsReasoningDetails) return this.#withDetails(message);
    return quirks.toolSchema === 'gemini' ? this.#withExtra(message) : message;
  }

  /** Servers that want it back refuse a message without the field; '' where it is lost. */
  #withContent(message: Fields): Fields {
    const { reasoning_content: given } = message;
    const isGiven = typeof given === 'string' && given !== '';
    // Nothing is remembered of an answer without calls.
    if (isGiven && this.#calls.length === 0) return message;
    const texts = this.#reasoning().flatMap((block) => (block.type === 'thinking' ? block.thinking : []));
    const text = texts.filter((one) => one !== '').join(SEPARATOR);
    if (isGiven && (given.length >= text.length || !text.includes(given))) return message;
    if (text !== '') this.remembered = true;
    return text === given ? message : { ...message, reasoning_content: text };
  }

  #withDetails(message: Fields): Fields {
    const { reasoning_details: given } = message;
    const { details } = ownState(this.#reasoning(), this.#target);
    if (Array.isArray(given) && given.length > 0 && !isPart(given, details)) return message;
    if (details.length > 0) this.remembered = true;
    else if (this.#target.quirks.toolSchema === 'gemini') details.push(unsignedDetail(String(this.#calls[0]?.id)));
    return details.length === 0 ? message : { ...message, reasoning_details: details };
  }

  #withExtra(message: Fields): Fields {
    // One signature is what there is of calls that were made together.
    if (this.#calls.some(({ extra_content: extra }) => isObject(extra))) return message;
    const { extra } = ownState(this.#reasoning(), this.#target);
    const isKnown = this.#uses.some(({ id }) => id in extra);
    if (isKnown) this.remembered = true;
    const tool_calls = this.#calls.map((call, place) => {
      const own = isKnown ? extra[this.#uses[place]?.id ?? ''] : place === 0 ? UNSIGNED_CALL : undefined;
      return own === undefined ? call : { ...call, extra_content: own };
    });
    return { ...message, tool_calls };
  }

  #reasoning(): readonly ReasoningBlock[] {
    this.#blocks ??= Object.values(turnOf(this.#uses, this.#target, this.#recall)?.reasoning ?? {}).flat();
    return this.#blocks;
  }
}

/**
 * Whether the details of an answer hold these and more: OpenAI's SDK keeps, of a stream, the last piece of each field that it
 * does not know.
 */
function isPart(pieces: readonly unknown[], details: readonly unknown[]): boolean {
  if (JSON.stringify(pieces).length >= JSON.stringify(details).length) return false;
  return pieces.every((piece) => isObject(piece) && details.some((detail) => isObject(detail) && holds(detail, piece)));
}

const DETAIL_TEXTS = ['text', 'summary', 'data', 'signature'];

const holds = (detail: Fields, piece: Fields): boolean =>
  detail.type === piece.type &&
  DETAIL_TEXTS.every((field) => {
    const text = piece[field];
    return typeof text !== 'string' || text === '' || String(detail[field] ?? '').includes(text);
  });

/** As they were called when the answer was read (answer-decoder.ts). */
function usesOf(calls: readonly Fields[]): KeyedUse[] {
  const used = new Set<string>();
  return calls.map(({ id, function: called, custom }) => {
    const { name, arguments: json, input } = isObject(custom) ? custom : isObject(called) ? called : ({} as Fields);
    return { id: uniqueToolId(String(id), used), name: String(name), input: json ?? input };
  });
}
