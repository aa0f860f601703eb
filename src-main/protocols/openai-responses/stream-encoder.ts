import type { ProxyError } from '../../../src-shared/errors.ts';
import type { AnswerBlock, BlockDelta, StreamEvent, TextBlock, Usage } from '../canonical.ts';
import type { StreamEncoder } from '../codec.ts';
import { type OpenaiError, openaiErrorBody } from '../openai-error.ts';
import { customInput } from '../openai-settings.ts';
import { shortId } from '../short-id.ts';
import { isObjectJson, toolInput } from '../tool-input.ts';
import { encodeToolId } from '../tool-names.ts';
import {
  annotationJson,
  callJson,
  type Item,
  type LastingItem,
  messageJson,
  type OpenBlock,
  type OpenCall,
  type OpenText,
  reasoningJson,
  refusalJson,
  type SearchItem,
  searchJson,
  summaryJson,
  textJson,
} from './answer-items.ts';
import { encryptedContent, nativeItemId } from './client-reasoning.ts';
import { encodeFailure, failureFrames, frame } from './frames.ts';
import { type Echo, type ResponseHead, type ResponseState, responseJson } from './response-object.ts';

/** OpenAI refuses longer ids of calls. Characters. */
const CALL_ID_LIMIT = 64;
/** OpenAI refuses ids of items beyond 64 characters; a prefix and a number stand around this part. */
const ID_CORE_LIMIT = 50;

/**
 * An answer's events as a stream of the Responses API; one per answer. Ids of items are made from the answer's own id, so that
 * they are the same in all its events.
 */
export class ResponsesStreamEncoder implements StreamEncoder {
  readonly #echo: Echo;
  #sequence = 0;
  #head: ResponseHead | null = null;
  #idCore = '';
  /** Finished items, as JSON. */
  readonly #output: string[] = [];
  #items = 0;
  #lasting: LastingItem | null = null;
  #block: OpenBlock = { kind: 'hidden' };
  #refused = false;
  #usage: Usage | null = null;
  #end: Extract<StreamEvent, { type: 'message_delta' }>['delta'] | null = null;
  #ended = false;
  #response = '';

  constructor(echo: Echo) {
    this.#echo = echo;
  }

  /** The whole response as JSON, once it has ended; '' before. */
  get response(): string {
    return this.#response;
  }

  encode(event: StreamEvent): string {
    if (this.#ended) return '';
    switch (event.type) {
      case 'message_start':
        return this.#start(event);
      case 'content_block_start':
        return this.#startBlock(event.content_block);
      case 'content_block_delta':
        return this.#addDelta(event.delta);
      case 'content_block_stop':
        return this.#endBlock();
      case 'message_delta':
        this.#usage = event.usage;
        this.#end = { ...this.#end, ...event.delta };
        return '';
      case 'message_stop':
        return this.#finish();
      case 'ping':
        return PING;
      case 'error': {
        const { type, message } = event.error;
        return this.#fail({
          message,
          type,
          code: type === 'rate_limit_error' ? 'rate_limit_exceeded' : 'server_error',
          param: null,
        });
      }
    }
  }

  encodeError(error: ProxyError, requestId: string): string {
    if (this.#head === null) return encodeFailure(error, requestId);
    return this.#fail(openaiErrorBody(error).error);
  }

  #event(type: string, fields: string): string {
    const text = frame(type, this.#sequence, fields);
    this.#sequence += 1;
    return text;
  }

  #start({ message }: Extract<StreamEvent, { type: 'message_start' }>): string {
    const own = message.id.replace(/^(?:msg|resp|chatcmpl|answer)[-_]/, '').replace(/[^a-zA-Z0-9_-]/g, '_');
    this.#idCore = (own === '' ? shortId() : own).slice(0, ID_CORE_LIMIT);
    this.#head = { id: `resp_${this.#idCore}`, createdAt: Math.floor(Date.now() / 1000), model: message.model };
    this.#usage = message.usage;
    if (message.stop_details)
      this.#end = { stop_reason: null, stop_sequence: null, stop_details: message.stop_details };
    const response = this.#lifecycle({ status: 'in_progress', output: [], usage: null });
    return this.#event('response.created', response) + this.#event('response.in_progress', response);
  }

  #lifecycle(state: ResponseState): string {
    const echo = state.status === 'in_progress' ? this.#echo.brief : this.#echo.json;
    return this.#head === null ? '' : `"response":${responseJson(this.#head, state, echo)}`;
  }

  /** @param id of an item that has one already. */
  #newItem(prefix: string, id?: string): Item {
    const index = this.#items;
    this.#items += 1;
    const own = id ?? `${prefix}_${this.#idCore}_${index}`;
    return { id: own, index, place: `"item_id":${JSON.stringify(own)},"output_index":${index}` };
  }

  #added(item: Item, json: string): string {
    return this.#event('response.output_item.added', `"output_index":${item.index},"item":${json}`);
  }

  #done(item: Item, json: string): string {
    this.#output[item.index] = json;
    return this.#event('response.output_item.done', `"output_index":${item.index},"item":${json}`);
  }

  #startBlock(block: AnswerBlock): string {
    switch (block.type) {
      case 'text':
        return this.#startText(block);
      case 'thinking': {
        const closing = this.#closeLasting('completed');
        const item = this.#newItem('rs', block.openai?.id);
        this.#block = { kind: 'thinking', item, text: '', signature: block.signature };
        return closing + this.#added(item, reasoningJson(item.id, '', undefined)) + this.#think(block.thinking);
      }
      case 'redacted_thinking': {
        const closing = this.#closeLasting('completed');
        const item = this.#newItem('rs', nativeItemId(block.data) ?? undefined);
        this.#block = { kind: 'hidden' };
        return (
          closing +
          this.#added(item, reasoningJson(item.id, '', undefined)) +
          this.#done(item, reasoningJson(item.id, '', encryptedContent(block, item.id)))
        );
      }
      case 'tool_use': {
        const closing = this.#closeLasting('completed');
        const known = this.#echo.forms.get(block.name) ?? null;
        const form =
          known === null && block.openai?.custom === true ? { name: block.name, namespace: null, custom: true } : known;
        const item = this.#newItem(form?.custom === true ? 'ctc' : 'fc');
        const call: OpenCall = {
          kind: 'call',
          item,
          callId: encodeToolId(block.id, CALL_ID_LIMIT),
          name: block.name,
          form,
          input: block.input,
          json: '',
        };
        this.#block = call;
        return closing + this.#added(item, callJson(call, 'in_progress', ''));
      }
      case 'server_tool_use': {
        const closing = this.#closeLasting('completed');
        this.#block = { kind: 'hidden' };
        if (block.name !== 'web_search' && block.name !== 'web_fetch') return closing;
        const item: SearchItem = { ...this.#newItem('ws'), kind: 'search', name: block.name, input: block.input };
        this.#lasting = item;
        this.#block = { kind: 'search', item, json: '' };
        return (
          closing +
          this.#added(item, searchJson(item, 'in_progress')) +
          this.#event('response.web_search_call.in_progress', item.place)
        );
      }
      default:
        this.#block = { kind: 'hidden' };
        return this.#lasting?.kind === 'search' ? this.#closeLasting(isFailed(block) ? 'failed' : 'completed') : '';
    }
  }

  #addDelta(delta: BlockDelta): string {
    const block = this.#block;
    switch (delta.type) {
      case 'text_delta':
        if (block.kind !== 'text') return '';
        return this.#say(block, delta.text, delta.openai?.logprobs);
      case 'thinking_delta':
        return this.#think(delta.thinking);
      case 'signature_delta':
        if (block.kind === 'thinking') block.signature = delta.signature;
        return '';
      case 'citations_delta':
        if (block.kind === 'text') block.citations.push(delta.citation);
        return '';
      case 'input_json_delta':
        if (block.kind === 'search') block.json += delta.partial_json;
        return block.kind === 'call' ? this.#addArguments(block, delta.partial_json) : '';
      default:
        return '';
    }
  }

  #endBlock(): string {
    const block = this.#block;
    this.#block = { kind: 'hidden' };
    switch (block.kind) {
      case 'text':
        return this.#endText(block);
      case 'thinking':
        return this.#endThinking(block);
      case 'call':
        return block.form?.custom === true ? this.#endCustomCall(block) : this.#endCall(block);
      case 'search':
        if (block.json !== '') block.item.input = toolInput(block.json);
        return this.#event('response.web_search_call.searching', block.item.place);
      case 'hidden':
        return '';
    }
  }

  #startText(block: TextBlock): string {
    const phase = block.openai?.phase;
    const open = this.#lasting;
    const closing = open?.kind === 'message' && open.phase === phase ? '' : this.#closeLasting('completed');
    const text: OpenText = {
      kind: 'text',
      refusal: block.openai?.refusal === true,
      phase,
      text: '',
      citations: [...(block.citations ?? [])],
      logprobs: [],
      place: '',
    };
    this.#block = text;
    return closing + this.#say(text, block.text, block.openai?.logprobs);
  }

  /** A message, and a part of it, begin with their first text: an empty block leaves nothing. */
  #say(block: OpenText, text: string, logprobs: readonly unknown[] | undefined): string {
    if (logprobs !== undefined) block.logprobs.push(...logprobs);
    if (text === '') return '';
    const opening = block.place === '' ? this.#openPart(block) : '';
    block.text += text;
    const said = `${block.place},"delta":${JSON.stringify(text)}`;
    if (block.refusal) return opening + this.#event('response.refusal.delta', said);
    return opening + this.#event('response.output_text.delta', `${said},"logprobs":${JSON.stringify(logprobs ?? [])}`);
  }

  #openPart(block: OpenText): string {
    let opening = '';
    let message = this.#lasting;
    if (message?.kind !== 'message') {
      message = { ...this.#newItem('msg'), kind: 'message', phase: block.phase, parts: [] };
      this.#lasting = message;
      opening = this.#added(message, messageJson(message, 'in_progress'));
    }
    block.place = `${message.place},"content_index":${message.parts.length}`;
    const part = block.refusal ? refusalJson('') : textJson('', [], []);
    return `${opening}${this.#event('response.content_part.added', `${block.place},"part":${part}`)}`;
  }

  #endText(block: OpenText): string {
    const message = this.#lasting;
    if (block.place === '' || message?.kind !== 'message') return '';
    const { place, text, refusal, logprobs } = block;
    if (refusal) {
      this.#refused = true;
      const part = refusalJson(text);
      message.parts.push(part);
      return (
        this.#event('response.refusal.done', `${place},"refusal":${JSON.stringify(text)}`) +
        this.#event('response.content_part.done', `${place},"part":${part}`)
      );
    }
    const annotations = block.citations.flatMap((citation) => annotationJson(citation, text.length));
    const part = textJson(text, annotations, logprobs);
    message.parts.push(part);
    let bytes = '';
    annotations.forEach((annotation, index) => {
      bytes += this.#event(
        'response.output_text.annotation.added',
        `${place},"annotation_index":${index},"annotation":${annotation}`,
      );
    });
    return (
      bytes +
      this.#event(
        'response.output_text.done',
        `${place},"text":${JSON.stringify(text)},"logprobs":${JSON.stringify(logprobs)}`,
      ) +
      this.#event('response.content_part.done', `${place},"part":${part}`)
    );
  }

  #think(text: string): string {
    const block = this.#block;
    if (block.kind !== 'thinking' || text === '') return '';
    const place = `${block.item.place},"summary_index":0`;
    const opening =
      block.text === ''
        ? this.#event('response.reasoning_summary_part.added', `${place},"part":${summaryJson('')}`)
        : '';
    block.text += text;
    return opening + this.#event('response.reasoning_summary_text.delta', `${place},"delta":${JSON.stringify(text)}`);
  }

  #endThinking({ item, text, signature }: Extract<OpenBlock, { kind: 'thinking' }>): string {
    const place = `${item.place},"summary_index":0`;
    const closing =
      text === ''
        ? ''
        : this.#event('response.reasoning_summary_text.done', `${place},"text":${JSON.stringify(text)}`) +
          this.#event('response.reasoning_summary_part.done', `${place},"part":${summaryJson(text)}`);
    const encrypted = encryptedContent({ type: 'thinking', thinking: text, signature }, item.id);
    return closing + this.#done(item, reasoningJson(item.id, text, encrypted));
  }

  #addArguments(block: OpenCall, json: string): string {
    if (json === '') return '';
    block.json += json;
    // The text of a free-text tool is inside the JSON: it goes out once that is whole.
    if (block.form?.custom === true) return '';
    return this.#event('response.function_call_arguments.delta', `${block.item.place},"delta":${JSON.stringify(json)}`);
  }

  #endCall(block: OpenCall): string {
    const { item } = block;
    const missing = block.json === '' ? this.#addArguments(block, JSON.stringify(block.input ?? {})) : '';
    return (
      missing +
      this.#event('response.function_call_arguments.done', `${item.place},"arguments":${JSON.stringify(block.json)}`) +
      // Cut by the token limit it must not be run.
      this.#done(item, callJson(block, isObjectJson(block.json) ? 'completed' : 'incomplete', block.json))
    );
  }

  #endCustomCall(block: OpenCall): string {
    const { item, json } = block;
    const text = customInput(json === '' ? block.input : toolInput(json));
    const said = JSON.stringify(text);
    return (
      (text === '' ? '' : this.#event('response.custom_tool_call_input.delta', `${item.place},"delta":${said}`)) +
      this.#event('response.custom_tool_call_input.done', `${item.place},"input":${said}`) +
      this.#done(item, callJson(block, json === '' || isObjectJson(json) ? 'completed' : 'incomplete', text))
    );
  }

  #closeLasting(status: 'completed' | 'incomplete' | 'failed'): string {
    const item = this.#lasting;
    this.#lasting = null;
    if (item === null) return '';
    if (item.kind === 'message') return this.#done(item, messageJson(item, status));
    return this.#event('response.web_search_call.completed', item.place) + this.#done(item, searchJson(item, status));
  }

  #finish(): string {
    const { stop_reason: stop = null, stop_details: details } = this.#end ?? {};
    let bytes = '';
    if (stop === 'refusal' && !this.#refused && details?.explanation) {
      const words: TextBlock = { type: 'text', text: details.explanation, openai: { refusal: true } };
      bytes = this.#startText(words) + this.#endBlock();
    }
    const reason =
      stop === 'max_tokens' || stop === 'model_context_window_exceeded'
        ? 'max_output_tokens'
        : stop === 'refusal' && !this.#refused
          ? 'content_filter'
          : undefined;
    const status = reason === undefined ? 'completed' : 'incomplete';
    bytes += this.#closeLasting(status);
    const state = { status, output: this.#output, usage: this.#usage } as const;
    const response = this.#lifecycle(reason === undefined ? state : { ...state, reason });
    this.#response = response.slice('"response":'.length);
    this.#ended = true;
    return bytes + this.#event(`response.${status}`, response);
  }

  #fail(error: OpenaiError): string {
    this.#ended = true;
    if (this.#head === null) return '';
    const output = this.#output.filter((item) => item !== undefined);
    return failureFrames(error, this.#head, { sequence: this.#sequence, output, echo: this.#echo.json });
  }
}

/**
 * Between frames. One line only, without the empty line that usually ends a comment: with that, older versions of OpenAI's SDK
 * for Go take it for an event without data, and fail (maximhq/bifrost issue 5874).
 */
export const PING = ': ping\n';

const isFailed = (block: AnswerBlock): boolean =>
  block.type === 'web_search_tool_result' && !Array.isArray(block.content);
