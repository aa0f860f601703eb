import { typedEvents } from './sse-frames.ts';

/** An event of a Responses stream, as far as its grammar is checked. */
export type ResponsesEvent = Record<string, unknown> & { type: string };

type Json = Record<string, unknown>;

/** What an item or part of its own kind must say in the end, and in which deltas it says it. */
interface Said {
  text: string;
  done: boolean;
}

interface OpenItem {
  id: unknown;
  type: unknown;
  /** Parts by their index: content of a message, summary of a reasoning. */
  parts: (Said & { kind: unknown; annotations: unknown[]; closed: boolean })[];
  /** Arguments or input of a call. */
  input: Said;
  done: Json | null;
}

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const CALL_FIELDS: Partial<Record<string, string>> = { function_call: 'arguments', custom_tool_call: 'input' };

/**
 * Checks the events of a finished Responses stream against what clients rely on (API reference, "Streaming events"; the
 * accumulator of OpenAI's SDK), and returns what is wrong with it, in words; nothing where all is well. A stream that ends with
 * `response.failed` is a valid one.
 */
export function checkResponsesGrammar(events: readonly ResponsesEvent[]): string[] {
  const problems: string[] = [];
  const items: OpenItem[] = [];
  let responseId: unknown;
  let ended: string | null = null;
  let erred = false;

  events.forEach((event, place) => {
    const wrong = (problem: string) => problems.push(`event ${place} (${event.type}): ${problem}`);
    if (event.sequence_number !== place) wrong(`sequence_number is ${String(event.sequence_number)}, not ${place}`);
    if (ended !== null) wrong(`follows ${ended}`);
    if (erred && event.type !== 'response.failed') wrong('follows an error');
    if (event.type === 'error') {
      erred = true;
      if (!isError(event)) wrong('has no code or no message');
      return;
    }
    if (event.type.startsWith('response.') && isLifecycle(event.type)) {
      const response = event.response as Json;
      const expected = ['response.created', 'response.in_progress'][place];
      if (!erred && expected !== undefined && event.type !== expected) wrong(`should be ${expected}`);
      if (place > 1 && expected === undefined && !TERMINAL.has(event.type)) wrong('stands in the middle');
      responseId ??= response.id;
      checkResponse(event.type, response, responseId, wrong);
      if (!TERMINAL.has(event.type)) return;
      ended = event.type;
      checkOutput(event.type, response.output as Json[], items, wrong);
      return;
    }
    if (place < 2) wrong('stands before response.created and response.in_progress');
    readItemEvent(event, items, wrong);
  });

  if (events.length === 0) problems.push('there are no events');
  else if (ended === null) problems.push('the stream has no end');
  return problems;
}

const isLifecycle = (type: string): boolean =>
  type === 'response.created' || type === 'response.in_progress' || TERMINAL.has(type);

const isError = (error: Json): boolean =>
  typeof error.code === 'string' && typeof error.message === 'string' && error.message !== '';

type Wrong = (problem: string) => unknown;

function checkResponse(type: string, response: Json, id: unknown, wrong: Wrong): void {
  if (typeof id !== 'string' || !id.startsWith('resp_')) wrong(`the response's id is ${String(id)}`);
  if (response.id !== id) wrong(`the response's id has become ${String(response.id)}`);
  if (response.object !== 'response') wrong('the object is no response');
  const status = type === 'response.created' ? 'in_progress' : type.slice('response.'.length);
  if (response.status !== status) wrong(`status is ${String(response.status)}`);
  if (!Array.isArray(response.output)) wrong('output is no list');
  if (typeof response.model !== 'string') wrong('there is no model');
  if (!Number.isInteger(response.created_at)) wrong('created_at is no time');
  const failed = status === 'failed';
  if (failed !== (response.error !== null)) wrong(failed ? 'error is null' : 'there is an error');
  if (failed && !isError(response.error as Json)) wrong('error has no code or no message');
  const incomplete = status === 'incomplete';
  if (incomplete !== (response.incomplete_details !== null)) wrong('incomplete_details do not fit the status');
  if (status === 'completed' || incomplete) checkUsage(response.usage as Json | null, wrong);
}

function checkUsage(usage: Json | null, wrong: Wrong): void {
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage ?? {};
  const { cached_tokens: read, cache_write_tokens: written } = (usage?.input_tokens_details ?? {}) as Json;
  const { reasoning_tokens: reasoning } = (usage?.output_tokens_details ?? {}) as Json;
  if (![input, output, total, read, written, reasoning].every(Number.isInteger)) {
    wrong('usage is not whole');
    return;
  }
  if (Number(input) + Number(output) !== total) wrong('total_tokens is not the sum');
  if (Number(read) + Number(written) > Number(input)) wrong('more was cached than was put in');
}

function checkOutput(type: string, output: Json[], items: readonly OpenItem[], wrong: Wrong): void {
  const open = items.filter((item) => item.done === null);
  if (type !== 'response.failed' && open.length > 0) wrong(`${open.length} items are still open`);
  // Who did not read along can tell of a failure, but not of what there was before it.
  if (type === 'response.failed' && output.length === 0) return;
  const done = items.flatMap((item) => (item.done === null ? [] : [item.done]));
  if (JSON.stringify(output) !== JSON.stringify(done)) wrong('output is not the items that were done');
}

function readItemEvent(event: ResponsesEvent, items: OpenItem[], wrong: Wrong): void {
  const index = event.output_index as number;
  if (event.type === 'response.output_item.added') {
    const item = event.item as Json;
    if (index !== items.length) wrong(`output_index is ${index}, not ${items.length}`);
    if (typeof item.id !== 'string' || item.id === '') wrong('the item has no id');
    if (items.some(({ id }) => id === item.id)) wrong(`id ${String(item.id)} stands twice`);
    const parts = item.content ?? item.summary ?? [];
    if (!Array.isArray(parts) || parts.length > 0) wrong('the item already has content');
    const field = CALL_FIELDS[String(item.type)];
    if (field !== undefined && item[field] !== '') wrong('the call already has input');
    items.push({ id: item.id, type: item.type, parts: [], input: { text: '', done: false }, done: null });
    return;
  }
  const item = items[index];
  if (item === undefined) {
    wrong(`there is no item ${index}`);
    return;
  }
  if (item.done !== null) wrong(`item ${index} is done`);
  if (event.type === 'response.output_item.done') {
    item.done = event.item as Json;
    checkDone(item, item.done, wrong);
    return;
  }
  if (event.item_id !== item.id) wrong(`item_id is ${String(event.item_id)}, not ${String(item.id)}`);
  readPartEvent(event, item, wrong);
}

function readPartEvent(event: ResponsesEvent, item: OpenItem, wrong: Wrong): void {
  const [, family = '', step = ''] = /^response\.(.+)\.([a-z_]+)$/.exec(event.type) ?? [];
  const expected = FAMILIES[family];
  if (expected === undefined) {
    wrong('is no event of this grammar');
    return;
  }
  if (item.type !== expected) wrong(`belongs to a ${expected}, not to a ${String(item.type)}`);
  if (family === 'web_search_call') return;
  if (family === 'function_call_arguments' || family === 'custom_tool_call_input') {
    readText(item.input, step, event.delta, event.arguments ?? event.input, wrong);
    return;
  }
  const index = (event.content_index ?? event.summary_index) as number;
  if (family === 'content_part' || family === 'reasoning_summary_part') {
    const given = event.part as Json;
    if (step === 'added') {
      if (index !== item.parts.length) wrong(`the part's index is ${index}, not ${item.parts.length}`);
      if (item.parts.some(({ closed }) => !closed)) wrong('another part is still open');
      if (partText(given) !== '') wrong('the part already has text');
      item.parts.push({ kind: given.type, text: '', done: false, annotations: [], closed: false });
      return;
    }
    const part = item.parts[index];
    if (part === undefined || part.closed) {
      wrong(`part ${index} is not open`);
      return;
    }
    part.closed = true;
    if (!part.done) wrong('its text is not done');
    if (partText(given) !== part.text) wrong('the part is not its deltas');
    if (JSON.stringify(given.annotations ?? []) !== JSON.stringify(part.annotations))
      wrong('the part has other annotations than were added');
    return;
  }
  const part = item.parts[index];
  if (part === undefined || part.closed) {
    wrong(`part ${index} is not open`);
    return;
  }
  if (part.kind !== PART_KINDS[family]) wrong(`stands in a part of type ${String(part.kind)}`);
  if (family === 'output_text.annotation') {
    if (event.annotation_index !== part.annotations.length) wrong('annotation_index is wrong');
    part.annotations.push(event.annotation);
    return;
  }
  readText(part, step, event.delta, event.text ?? event.refusal, wrong);
}

function readText(said: Said, step: string, delta: unknown, text: unknown, wrong: Wrong): void {
  if (said.done) wrong('is done already');
  if (step === 'delta') {
    if (typeof delta !== 'string' || delta === '') wrong('has no delta');
    said.text += String(delta);
  } else if (step === 'done') {
    said.done = true;
    if (text !== said.text) wrong('is not its deltas');
  } else {
    wrong('is no event of this grammar');
  }
}

/** What kind of item each family of events belongs to. */
const FAMILIES: Partial<Record<string, string>> = {
  content_part: 'message',
  output_text: 'message',
  'output_text.annotation': 'message',
  refusal: 'message',
  reasoning_summary_part: 'reasoning',
  reasoning_summary_text: 'reasoning',
  function_call_arguments: 'function_call',
  custom_tool_call_input: 'custom_tool_call',
  web_search_call: 'web_search_call',
};
const PART_KINDS: Partial<Record<string, string>> = {
  output_text: 'output_text',
  'output_text.annotation': 'output_text',
  refusal: 'refusal',
  reasoning_summary_text: 'summary_text',
};

const partText = (part: Json): unknown => part.text ?? part.refusal;

/** A finished item says what its events said. */
function checkDone(item: OpenItem, done: Json, wrong: Wrong): void {
  if (done.id !== item.id || done.type !== item.type) wrong('is another item than was added');
  if (item.parts.some(({ closed }) => !closed)) wrong('a part is still open');
  const texts = ((done.content ?? done.summary ?? []) as Json[]).map(partText);
  if (JSON.stringify(texts) !== JSON.stringify(item.parts.map(({ text }) => text))) wrong('the item is not its parts');
  const field = CALL_FIELDS[String(item.type)];
  if (field === undefined) return;
  if (!item.input.done) wrong('its input is not done');
  if (done[field] !== item.input.text) wrong('the item is not its deltas');
  if (typeof done.call_id !== 'string' || done.call_id === '' || done.call_id.length > 64) wrong('call_id is wrong');
  if (typeof done.name !== 'string' || done.name === '') wrong('the call has no name');
}

/** The events of a Responses stream. @throws Error where the text is not what clients understand. */
export const parseResponsesSse = (text: string): ResponsesEvent[] => typedEvents(text);

/** What is wrong with a finished Responses stream, as its text. */
export function responsesProblems(text: string): string[] {
  return checkResponsesGrammar(parseResponsesSse(text));
}
