import type { Asked, Dialect } from './dialect.ts';
import { fragments, stopReasonOf } from './parts.ts';
import type { AnswerStep, Frame, Part, PartialUsage, ToolPart, Wire } from './step.ts';

const doneReasons: Record<string, string> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_use: 'stop',
  max_tokens: 'length',
};

/** Reasons without a counterpart are sent as they are, so that a test can send any. */
const doneReasonOf = (step: AnswerStep): string => doneReasons[stopReasonOf(step)] ?? stopReasonOf(step);

const CREATED_AT = '2026-08-21T18:48:22.123456Z';

const head = (model: string): Record<string, unknown> => ({ model, created_at: CREATED_AT });

/** Tool calls have ids since 0.12.10 only; here they have one where the part says which. */
const toolCall = (tool: ToolPart, index: number): Record<string, unknown> => ({
  ...(tool.id === undefined ? {} : { id: tool.id }),
  function: { index, name: tool.name, arguments: tool.input },
});

/** Durations are in nanoseconds. */
function ending(step: AnswerStep, usage: PartialUsage | null): Record<string, unknown> {
  return {
    done: true,
    done_reason: doneReasonOf(step),
    total_duration: 4_883_583_458,
    load_duration: 1_334_875,
    ...(usage === null
      ? {}
      : {
          prompt_eval_count: (usage.input ?? 0) + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0),
          prompt_eval_duration: 342_546_000,
          eval_count: usage.output ?? 0,
          eval_duration: 4_535_599_000,
        }),
  };
}

/** What the lines of one part carry; a tool call comes whole. */
function messagesOf(part: Part, call: number, wire: Wire): Record<string, unknown>[] {
  switch (part.type) {
    case 'text':
      return fragments(part.text, wire).map((content) => ({ content }));
    case 'thinking':
      return fragments(part.text, wire).map((thinking) => ({ thinking }));
    case 'tool_use':
      return [{ tool_calls: [toolCall(part, call)] }];
  }
}

/** An answer as Ollama streams it. */
function ollamaFrames(step: AnswerStep, { model, usage }: Asked): Frame[] {
  const wire: Wire = step.wire ?? {};
  const line = (message: Record<string, unknown>, rest: Record<string, unknown>): Frame => ({
    data: JSON.stringify({ ...head(model), message: { role: 'assistant', content: '', ...message }, ...rest }),
  });
  let calls = 0;
  const frames: Frame[] = [];
  for (const part of step.content) {
    for (const message of messagesOf(part, calls, wire)) frames.push(line(message, { done: false }));
    if (part.type === 'tool_use') calls += 1;
  }
  if (wire.omitFinish !== true) frames.push(line({}, ending(step, usage)));
  return frames;
}

/** The same answer as one JSON value. */
function ollamaAnswer(step: AnswerStep, { model, usage }: Asked): Record<string, unknown> {
  const join = (type: 'text' | 'thinking') =>
    step.content.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('');
  const tools = step.content.filter((part) => part.type === 'tool_use');
  return {
    ...head(model),
    message: {
      role: 'assistant',
      content: join('text'),
      ...(join('thinking') === '' ? {} : { thinking: join('thinking') }),
      ...(tools.length === 0 ? {} : { tool_calls: tools.map(toolCall) }),
    },
    ...(step.wire?.omitFinish === true ? { done: false } : ending(step, usage)),
  };
}

const errorBody = (_type: string, message: string): Record<string, unknown> => ({ error: message });

/** Ollama's own API. */
export const ollamaDialect: Dialect = {
  framing: 'ndjson',
  ping: null,
  frames: ollamaFrames,
  whole: ollamaAnswer,
  errorBody,
  errorFrame: ({ type, message }) => ({ data: JSON.stringify(errorBody(type, message)) }),
};

const details = { parent_model: '', format: 'gguf', family: 'qwen3', families: ['qwen3'], parameter_size: '8.2B' };

/** What `GET /api/tags` lists. */
export const ollamaTags = (models: readonly string[]): Record<string, unknown> => ({
  models: models.map((model, index) => ({
    name: model,
    model,
    modified_at: CREATED_AT,
    size: 5_225_387_923,
    digest: String(index).padStart(64, '0'),
    details: { ...details, quantization_level: 'Q4_K_M' },
  })),
});

/** What `POST /api/show` tells of every model. */
export const ollamaShow: Record<string, unknown> = {
  details: { ...details, quantization_level: 'Q4_K_M' },
  model_info: { 'general.architecture': 'qwen3', 'qwen3.context_length': 40_960 },
  capabilities: ['completion', 'tools', 'thinking'],
};
