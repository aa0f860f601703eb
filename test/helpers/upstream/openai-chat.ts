import type { Asked, Dialect } from './dialect.ts';
import { argumentsOf, fragments, stopReasonOf, takeTurns } from './parts.ts';
import type { AnswerStep, Frame, PartialUsage, ToolPart, Wire } from './step.ts';

const finishReasons: Record<string, string> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** Reasons without a counterpart are sent as they are, so that a test can send any. */
const finishReasonOf = (step: AnswerStep): string => finishReasons[stopReasonOf(step)] ?? stopReasonOf(step);

export const openaiErrorBody = (type: string, message: string): Record<string, unknown> => ({
  error: { message, type, param: null, code: type },
});

function usageOf(usage: PartialUsage): Record<string, unknown> {
  const prompt = (usage.input ?? 0) + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0);
  const completion = usage.output ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usage.cacheRead ?? 0 },
  };
}

const toolsOf = (step: AnswerStep): ToolPart[] => step.content.filter((part) => part.type === 'tool_use');

/** Whether the request asked for usage in the stream. */
function asksUsage({ stream_options: options }: Record<string, unknown>): boolean {
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}

/** An answer as Chat Completions streams it. */
function chatFrames(step: AnswerStep, { id, model, usage, body }: Asked): Frame[] {
  const wire: Wire = step.wire ?? {};
  const head = { id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created: 1_790_000_000, model };
  const chunk = (delta: Record<string, unknown>, finish_reason: string | null = null): Frame => ({
    data: JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] }),
  });

  const frames: Frame[] = [chunk({ role: 'assistant', content: '' })];
  for (const part of step.content) {
    if (part.type === 'thinking')
      for (const text of fragments(part.text, wire))
        frames.push(chunk({ [wire.reasoningField ?? 'reasoning_content']: text }));
    if (part.type === 'text') for (const content of fragments(part.text, wire)) frames.push(chunk({ content }));
  }
  frames.push(...toolDeltas(step, id, wire).map((tool_calls) => chunk({ tool_calls })));
  if (wire.omitFinish !== true) {
    frames.push(chunk({}, finishReasonOf(step)));
    if (usage !== null && asksUsage(body))
      frames.push({ data: JSON.stringify({ ...head, choices: [], usage: usageOf(usage) }) });
    if (wire.omitDone !== true) frames.push({ data: '[DONE]' });
  }
  return frames;
}

/** The `tool_calls` field of each chunk: id and name first, then the arguments in pieces. */
function toolDeltas(step: AnswerStep, id: string, wire: Wire): Record<string, unknown>[][] {
  const perTool = toolsOf(step).map((tool, index) => [
    [
      {
        index,
        id: tool.id ?? `call_${id}_${index}`,
        type: 'function',
        function: { name: tool.name, arguments: '' },
      },
    ],
    ...fragments(argumentsOf(tool), wire).map((text) => [{ index, function: { arguments: text } }]),
  ]);
  return wire.interleave === true ? takeTurns(perTool) : perTool.flat();
}

/** The same answer as one JSON completion. */
function chatCompletion(step: AnswerStep, { id, model, usage }: Asked): Record<string, unknown> {
  const join = (type: 'text' | 'thinking') =>
    step.content.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('');
  const tools = toolsOf(step).map((tool, index) => ({
    id: tool.id ?? `call_${id}_${index}`,
    type: 'function',
    function: { name: tool.name, arguments: argumentsOf(tool) },
  }));
  const message = {
    role: 'assistant',
    content: join('text') || null,
    ...(join('thinking') === '' ? {} : { [step.wire?.reasoningField ?? 'reasoning_content']: join('thinking') }),
    ...(tools.length === 0 ? {} : { tool_calls: tools }),
  };
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: 1_790_000_000,
    model,
    choices: [{ index: 0, message, finish_reason: step.wire?.omitFinish === true ? null : finishReasonOf(step) }],
    ...(usage === null ? {} : { usage: usageOf(usage) }),
  };
}

/** OpenAI's Chat Completions. */
export const chatDialect: Dialect = {
  framing: 'sse',
  ping: null,
  frames: chatFrames,
  whole: chatCompletion,
  errorBody: openaiErrorBody,
  errorFrame: ({ type, message }) => ({ data: JSON.stringify(openaiErrorBody(type, message)) }),
};
