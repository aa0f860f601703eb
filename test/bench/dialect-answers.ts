import { type Answer, chunkText, plainText, streamChunks } from './workload.ts';

/** The measured answers in the dialects that only providers of the pairs bench speak. */

const model = 'bench-model';
const indexes = Array.from({ length: streamChunks }, (_, index) => index);
const streamText = indexes.map(chunkText).join('');

const usage = (output: number): object => ({
  input_tokens: 15_000,
  input_tokens_details: { cached_tokens: 14_000, cache_write_tokens: 0 },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 15_000 + output,
});

const response = (status: string, output: readonly object[], counted: object | null): object => ({
  id: 'resp_bench',
  object: 'response',
  created_at: 1_700_000_000,
  status,
  error: null,
  incomplete_details: null,
  instructions: null,
  model,
  output,
  parallel_tool_calls: true,
  tool_choice: 'auto',
  tools: [],
  usage: counted,
});

const message = (text: string, status: string): object => ({
  id: 'msg_bench',
  type: 'message',
  status,
  role: 'assistant',
  content: status === 'completed' ? [{ type: 'output_text', text, annotations: [] }] : [],
});

let sequence = 0;
const frame = (type: string, fields: object): string => {
  const text = `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...fields })}\n\n`;
  sequence += 1;
  return text;
};
const place = { item_id: 'msg_bench', output_index: 0, content_index: 0 };

export const responsesAnswer: Answer = {
  plain: JSON.stringify(response('completed', [message(plainText, 'completed')], usage(20))),
  stream: {
    before: [
      frame('response.created', { response: response('in_progress', [], null) }),
      frame('response.in_progress', { response: response('in_progress', [], null) }),
      frame('response.output_item.added', { output_index: 0, item: message('', 'in_progress') }),
      frame('response.content_part.added', { ...place, part: { type: 'output_text', text: '', annotations: [] } }),
    ].join(''),
    chunks: indexes.map((index) =>
      frame('response.output_text.delta', { ...place, delta: chunkText(index), logprobs: [] }),
    ),
    after: [
      frame('response.output_text.done', { ...place, text: streamText, logprobs: [] }),
      frame('response.content_part.done', {
        ...place,
        part: { type: 'output_text', text: streamText, annotations: [] },
      }),
      frame('response.output_item.done', { output_index: 0, item: message(streamText, 'completed') }),
      frame('response.completed', {
        response: response('completed', [message(streamText, 'completed')], usage(streamChunks)),
      }),
    ].join(''),
  },
};

const line = (content: string, end: object = {}): string =>
  `${JSON.stringify({
    model,
    created_at: '2026-11-01T12:00:00.000000Z',
    message: { role: 'assistant', content },
    done: false,
    ...end,
  })}\n`;

const ollamaEnd = (output: number): object => ({
  done: true,
  done_reason: 'stop',
  total_duration: 900_000_000,
  prompt_eval_count: 15_000,
  eval_count: output,
});

export const ollamaAnswer: Answer = {
  plain: line(plainText, ollamaEnd(20)).trimEnd(),
  stream: {
    before: '',
    chunks: indexes.map((index) => line(chunkText(index))),
    after: line('', ollamaEnd(streamChunks)),
  },
};
