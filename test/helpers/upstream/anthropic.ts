import type { Asked, Dialect } from './dialect.ts';
import { argumentsOf, fragments, stopReasonOf } from './parts.ts';
import type { AnswerStep, Frame, Part, PartialUsage, Wire } from './step.ts';

const frame = (data: { type: string } & Record<string, unknown>): Frame => ({
  event: data.type,
  data: JSON.stringify(data),
});

const errorBody = (type: string, message: string): Record<string, unknown> => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_upstream',
});

const usageOf = (usage: PartialUsage): Record<string, number> => ({
  input_tokens: usage.input ?? 0,
  cache_creation_input_tokens: usage.cacheWrite ?? 0,
  cache_read_input_tokens: usage.cacheRead ?? 0,
  output_tokens: usage.output ?? 0,
});

const toolId = (part: Part, id: string, index: number): string =>
  part.type === 'tool_use' && part.id !== undefined ? part.id : `toolu_${id}_${index}`;

/** An answer as the Messages API streams it. */
function messageFrames(step: AnswerStep, { id, model, usage }: Asked): Frame[] {
  const wire: Wire = step.wire ?? {};
  const message = { id: `msg_${id}`, type: 'message', role: 'assistant', model, content: [] };
  const open = { stop_reason: null, stop_sequence: null };
  const frames: Frame[] = [
    frame({
      type: 'message_start',
      message: { ...message, ...open, ...(usage === null ? {} : { usage: usageOf({ ...usage, output: 1 }) }) },
    }),
  ];
  step.content.forEach((part, index) => {
    frames.push(
      frame({ type: 'content_block_start', index, content_block: blockStart(part, toolId(part, id, index)) }),
    );
    for (const delta of blockDeltas(part, wire)) frames.push(frame({ type: 'content_block_delta', index, delta }));
    frames.push(frame({ type: 'content_block_stop', index }));
  });
  if (wire.omitFinish !== true) {
    frames.push(
      frame({
        type: 'message_delta',
        delta: { stop_reason: stopReasonOf(step), stop_sequence: null },
        ...(usage === null ? {} : { usage: usageOf(usage) }),
      }),
      frame({ type: 'message_stop' }),
    );
  }
  return frames;
}

/** The same answer as one JSON message. */
function wholeMessage(step: AnswerStep, { id, model, usage }: Asked): Record<string, unknown> {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: step.content.map((part, index) => wholeBlock(part, toolId(part, id, index))),
    stop_reason: stopReasonOf(step),
    stop_sequence: null,
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  };
}

function blockStart(part: Part, id: string): Record<string, unknown> {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: '' };
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'tool_use':
      return { type: 'tool_use', id, name: part.name, input: {} };
  }
}

function blockDeltas(part: Part, wire: Wire): Record<string, unknown>[] {
  switch (part.type) {
    case 'text':
      return fragments(part.text, wire).map((text) => ({ type: 'text_delta', text }));
    case 'thinking':
      return [
        ...fragments(part.text, wire).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: part.signature ?? 'c2lnbmF0dXJl' },
      ];
    case 'tool_use':
      return ['', ...fragments(argumentsOf(part), wire)].map((partial_json) => ({
        type: 'input_json_delta',
        partial_json,
      }));
  }
}

function wholeBlock(part: Part, id: string): Record<string, unknown> {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'thinking':
      return { type: 'thinking', thinking: part.text, signature: part.signature ?? 'c2lnbmF0dXJl' };
    case 'tool_use':
      return { type: 'tool_use', id, name: part.name, input: part.input };
  }
}

/** Anthropic's Messages API. */
export const anthropicDialect: Dialect = {
  framing: 'sse',
  ping: frame({ type: 'ping' }),
  frames: messageFrames,
  whole: wholeMessage,
  errorBody,
  errorFrame: ({ type, message }) => ({ event: 'error', data: JSON.stringify(errorBody(type, message)) }),
};
