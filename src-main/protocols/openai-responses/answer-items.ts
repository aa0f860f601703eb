import type { Citation } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import type { ToolForm } from './client-tools.ts';

/** Items of an answer's output while they are put together, and as JSON. */

export interface Item {
  id: string;
  /** `"item_id":…,"output_index":…` */
  place: string;
  index: number;
}

/** A message stays open while texts of one phase follow each other. */
interface MessageItem extends Item {
  kind: 'message';
  phase: string | undefined;
  /** Finished parts, as JSON. */
  parts: string[];
}
/** A web search stays open until its result is there. */
export interface SearchItem extends Item {
  kind: 'search';
  name: string;
  input: unknown;
}
export type LastingItem = MessageItem | SearchItem;

export interface OpenText {
  kind: 'text';
  refusal: boolean;
  phase: string | undefined;
  text: string;
  citations: Citation[];
  logprobs: unknown[];
  /** Where its part stands; '' until the first text comes. */
  place: string;
}
export interface OpenCall {
  kind: 'call';
  item: Item;
  callId: string;
  name: string;
  form: ToolForm | null;
  /** As the block's start had it. */
  input: unknown;
  /** Of its input, as far as it has come. */
  json: string;
}

/** The canonical block that is arriving. */
export type OpenBlock =
  | OpenText
  | { kind: 'thinking'; item: Item; text: string; signature: string }
  | OpenCall
  | { kind: 'search'; item: SearchItem; json: string }
  /** Blocks that a client of this dialect cannot be shown: it has no items for them. */
  | { kind: 'hidden' };

export const textJson = (text: string, annotations: readonly string[], logprobs: readonly unknown[]): string =>
  `{"type":"output_text","text":${JSON.stringify(text)},"annotations":[${annotations.join(',')}],"logprobs":${JSON.stringify(logprobs)}}`;

export const refusalJson = (text: string): string => `{"type":"refusal","refusal":${JSON.stringify(text)}}`;

export const summaryJson = (text: string): string => `{"type":"summary_text","text":${JSON.stringify(text)}}`;

/** A cited block is cited as a whole. Only places on the web have a counterpart. */
export function annotationJson({ url, title }: Citation, length: number): string[] {
  if (typeof url !== 'string') return [];
  return [JSON.stringify({ type: 'url_citation', start_index: 0, end_index: length, url, title: title ?? url })];
}

export function messageJson({ id, phase, parts }: MessageItem, status: string): string {
  const phased = phase === undefined ? '' : `,"phase":${JSON.stringify(phase)}`;
  return `{"id":"${id}","type":"message","status":"${status}","role":"assistant"${phased},"content":[${parts.join(',')}]}`;
}

export function reasoningJson(id: string, text: string, encrypted: string | undefined): string {
  const state = encrypted === undefined ? '' : `,"encrypted_content":${JSON.stringify(encrypted)}`;
  return `{"id":${JSON.stringify(id)},"type":"reasoning","summary":[${text === '' ? '' : summaryJson(text)}]${state}}`;
}

export function callJson({ item, callId, name, form }: OpenCall, status: string, input: string): string {
  const [type, field] = form?.custom === true ? ['custom_tool_call', 'input'] : ['function_call', 'arguments'];
  const namespace = form?.namespace ? `,"namespace":${JSON.stringify(form.namespace)}` : '';
  return `{"id":"${item.id}","type":"${type}","status":"${status}","${field}":${JSON.stringify(input)},"call_id":${JSON.stringify(callId)},"name":${JSON.stringify(form?.name ?? name)}${namespace}}`;
}

export function searchJson({ id, name, input }: SearchItem, status: string): string {
  const asked = isObject(input) ? input : {};
  const query = typeof asked.query === 'string' ? asked.query : '';
  const action =
    name === 'web_fetch'
      ? { type: 'open_page', url: typeof asked.url === 'string' ? asked.url : null }
      : { type: 'search', query, queries: query === '' ? [] : [query] };
  return `{"id":"${id}","type":"web_search_call","status":"${status}","action":${JSON.stringify(action)}}`;
}
