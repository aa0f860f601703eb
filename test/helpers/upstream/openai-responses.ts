import type { Asked, Dialect } from './dialect.ts';
import { openaiErrorBody } from './openai-chat.ts';
import { argumentsOf, fragments, stopReasonOf, takeTurns } from './parts.ts';
import type { AnswerStep, Frame, Part, PartialUsage, TextPart, ThinkingPart, ToolPart, Wire } from './step.ts';

type Item = Record<string, unknown>;
type Event = { type: string } & Record<string, unknown>;

/** Some base64. */
const ENCRYPTED = 'Z0FBQUFBQnBjcm94eQ==';

function usageOf(usage: PartialUsage): Record<string, unknown> {
  const input = (usage.input ?? 0) + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0);
  const output = usage.output ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
}

const response = (
  { id, model }: Pick<Asked, 'id' | 'model'>,
  fields: Record<string, unknown>,
): Record<string, unknown> => ({
  id: `resp_${id}`,
  object: 'response',
  created_at: 1_790_000_000,
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  model,
  output: [],
  parallel_tool_calls: true,
  store: false,
  usage: null,
  ...fields,
});

/** How an answer ends: by status, for there is no other reason. */
function statusOf(step: AnswerStep): Record<string, unknown> {
  const reason = stopReasonOf(step);
  if (reason === 'max_tokens') return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  if (reason === 'content_filter') return { status: 'incomplete', incomplete_details: { reason } };
  return { status: 'completed' };
}

const finalResponse = (step: AnswerStep, asked: Asked, output: readonly Item[]): Record<string, unknown> =>
  response(asked, {
    ...statusOf(step),
    output,
    usage: asked.usage === null ? null : usageOf(asked.usage),
  });

/** An output item, the events that tell of it, and how it is finished. */
interface Output {
  item: Item;
  events: Event[];
}

/** The text of a model that stops with `refusal` is its refusal. */
function outputOf(part: Part, index: number, step: AnswerStep, id: string): Output {
  switch (part.type) {
    case 'text':
      return message(part, index, step, id);
    case 'thinking':
      return reasoning(part, index, step.wire ?? {}, id);
    case 'tool_use':
      return functionCall(part, index, step.wire ?? {}, id);
  }
}

/** The events of one item, between its announcement and its end. */
const around = (item: Item, announced: Item, index: number, events: Event[]): Output => ({
  item,
  events: [
    { type: 'response.output_item.added', output_index: index, item: announced },
    ...events,
    { type: 'response.output_item.done', output_index: index, item },
  ],
});

function message(part: TextPart, index: number, step: AnswerStep, id: string): Output {
  const refused = stopReasonOf(step) === 'refusal';
  const partOf = (text: string): Item =>
    refused ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations: [], logprobs: [] };
  const item = {
    id: `msg_${id}_${index}`,
    type: 'message',
    role: 'assistant',
    ...(part.phase === undefined ? {} : { phase: part.phase }),
  };
  const place = { item_id: item.id, output_index: index, content_index: 0 };
  const name = refused ? 'response.refusal' : 'response.output_text';
  return around(
    { ...item, status: 'completed', content: [partOf(part.text)] },
    { ...item, status: 'in_progress', content: [] },
    index,
    [
      { type: 'response.content_part.added', ...place, part: partOf('') },
      ...fragments(part.text, step.wire ?? {}).map((delta) => ({ type: `${name}.delta`, ...place, delta })),
      { type: `${name}.done`, ...place, ...(refused ? { refusal: part.text } : { text: part.text }) },
      { type: 'response.content_part.done', ...place, part: partOf(part.text) },
    ],
  );
}

function reasoning(part: ThinkingPart, index: number, wire: Wire, id: string): Output {
  const encrypted = part.signature ?? ENCRYPTED;
  const item = { id: part.id ?? `rs_${id}_${index}`, type: 'reasoning' };
  // What is announced is not the whole of it yet: clients must keep what is finished.
  const announced = { ...item, summary: [], encrypted_content: encrypted.slice(0, 4) };
  const place = { item_id: item.id, output_index: index };
  if (wire.rawReasoning === true) {
    const content = [{ type: 'reasoning_text', text: part.text }];
    const at = { ...place, content_index: 0 };
    return around({ ...item, summary: [], content, encrypted_content: encrypted }, announced, index, [
      ...fragments(part.text, wire).map((delta) => ({ type: 'response.reasoning_text.delta', ...at, delta })),
      { type: 'response.reasoning_text.done', ...at, text: part.text },
    ]);
  }
  const summary = part.text === '' ? [] : part.text.split('\n\n').map((text) => ({ type: 'summary_text', text }));
  const events = summary.flatMap(({ type, text }, summary_index): Event[] => {
    const at = { ...place, summary_index };
    return [
      { type: 'response.reasoning_summary_part.added', ...at, part: { type, text: '' } },
      ...fragments(text, wire).map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...at, delta })),
      { type: 'response.reasoning_summary_text.done', ...at, text },
      { type: 'response.reasoning_summary_part.done', ...at, part: { type, text } },
    ];
  });
  return around({ ...item, summary, encrypted_content: encrypted }, announced, index, events);
}

function functionCall(part: ToolPart, index: number, wire: Wire, id: string): Output {
  const item = {
    id: `fc_${id}_${index}`,
    type: 'function_call',
    call_id: part.id ?? `call_${id}_${index}`,
    name: part.name,
  };
  const whole = argumentsOf(part);
  const place = { item_id: item.id, output_index: index };
  const deltas = wire.argumentsInDone === true ? [] : fragments(whole, wire);
  return around(
    { ...item, arguments: whole, status: 'completed' },
    { ...item, arguments: '', status: 'in_progress' },
    index,
    [
      ...deltas.map((delta) => ({ type: 'response.function_call_arguments.delta', ...place, delta })),
      { type: 'response.function_call_arguments.done', ...place, arguments: whole },
    ],
  );
}

const frameOf = (event: Event, sequence_number: number): Frame => ({
  event: event.type,
  data: JSON.stringify({ ...event, sequence_number }),
});

/** An answer as the Responses API streams it. */
function responseFrames(step: AnswerStep, asked: Asked): Frame[] {
  const wire: Wire = step.wire ?? {};
  const outputs = step.content.map((part, index) => outputOf(part, index, step, asked.id));
  const perItem = outputs.map(({ events }) => events);
  const items = outputs.map(({ item }) => item);
  const events: Event[] = [{ type: 'response.created', response: response(asked, {}) }];
  if (wire.onlyCompleted !== true) {
    events.push({ type: 'response.in_progress', response: response(asked, {}) });
    events.push(...(wire.interleave === true ? takeTurns(perItem) : perItem.flat()));
    if (wire.echo === true)
      for (const [output_index, item] of items.entries())
        for (const type of ['response.output_item.added', 'response.output_item.done'])
          events.push({ type, output_index, item });
  }
  if (wire.omitFinish !== true) {
    const final = finalResponse(step, asked, wire.omitOutput === true ? [] : items);
    events.push({ type: `response.${String(final.status)}`, response: final });
  }
  return events.map(frameOf);
}

/** The same answer as one JSON value. */
const wholeResponse = (step: AnswerStep, asked: Asked): Record<string, unknown> => ({
  ...finalResponse(
    step,
    asked,
    step.content.map((part, index) => outputOf(part, index, step, asked.id).item),
  ),
  ...(step.wire?.omitFinish === true ? { status: 'in_progress' } : {}),
});

/** OpenAI's Responses API. */
export const responsesDialect: Dialect = {
  framing: 'sse',
  ping: null,
  frames: responseFrames,
  whole: wholeResponse,
  errorBody: openaiErrorBody,
  errorFrame: ({ type, message, place, failed }, asked) =>
    frameOf(
      failed
        ? {
            type: 'response.failed',
            response: response(asked, { status: 'failed', error: { code: type, message } }),
          }
        : { type: 'error', code: type, message, param: null },
      place,
    ),
};
