import { tools } from './tools.ts';

/**
 * The work that every subject is given: one request in the shape of a coding agent's, and its answers. The request's
 * last line says how the mock upstream is to answer, since that line survives every translation.
 */

export const requestBytes = 60_000;
export const streamChunks = 200;
/** Time between two chunks of a paced stream, in ms: 500 chunks/s, several times faster than a model writes. */
export const paceMs = 2;

/** How long a `pause` stream waits after its first chunk, in ms. */
export const pauseMs = 5;

/**
 * How a stream comes: `burst`, chunk after chunk as fast as the upstream can write them; `paced`, one every `paceMs`;
 * `pause`, the first one, a rest, then all the others at once, so that on a machine with few cores nothing competes with
 * the first one on its way.
 */
export type Delivery = 'burst' | 'paced' | 'pause';
export const deliveryMark = (delivery: Delivery): string => `[deliver:${delivery}]`;

const sentences = [
  'The function reads the file once, keeps its lines and gives back those that changed since the last run.',
  'Keep a change as small as it can be while it is still whole: the test, the code and the line in the changelog.',
  'When "strict" is set, an unknown field is an error that names the field; otherwise it is passed on untouched.',
  'A retry waits for 250 ms, then doubles; after the fifth one the error goes to the caller with its cause.',
  'Prefer the plain word — “use”, not “utilise”. Say what was done and what was seen, and leave out what the reader can see for himself.',
  'Windows paths such as C:\\work\\app are normalised before they are compared, without regard to case.',
  'The cache holds at most 1,000 entries; the oldest one leaves first, and a miss is never an error.',
];

/** At least `bytes` of prose, the same on every run. */
function prose(bytes: number, seed: number): string {
  const parts: string[] = [];
  for (let length = 0, index = seed; length < bytes; index++) {
    const sentence = `${sentences[index % sentences.length]}${index % 4 === 3 ? '\n\n' : ' '}`;
    parts.push(sentence);
    length += sentence.length;
  }
  return parts.join('');
}

/** At least `bytes` of a source file as the Read tool gives it: numbered lines with quotes, tabs and escapes. */
function sourceFile(bytes: number, seed: number): string {
  const lines: string[] = [];
  for (let length = 0, number = 1; length < bytes; number++) {
    const line = `${String(number).padStart(6)}\t  if (entries.get("key-${(seed * 31 + number) % 997}") === undefined) return \`\${name}: "${number}" is missing\\n\`;`;
    lines.push(line);
    length += line.length + 1;
  }
  return lines.join('\n');
}

const cached = { cache_control: { type: 'ephemeral' } };

/** One step of the agent: the model calls a tool, the client gives its result. */
function toolStep(index: number, resultBytes: number): object[] {
  const id = `toolu_bench${String(index).padStart(18, '0')}`;
  return [
    {
      role: 'assistant',
      content: [
        { type: 'text', text: `Step ${index}: I look at the next file.` },
        {
          type: 'tool_use',
          id,
          name: 'Read',
          input: { file_path: `/home/user/project/src/module-${index}.ts`, limit: 2000 },
        },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: sourceFile(resultBytes, index) }] },
  ];
}

function buildBody(model: string, stream: boolean, delivery: Delivery, padding: string): string {
  return JSON.stringify({
    model,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: prose(560, 0) },
          { type: 'text', text: 'Find out why the cache test fails now and then, and mend it.' },
        ],
      },
      {
        role: 'system',
        content: [{ type: 'text', text: prose(6_500, 3), ...cached }],
        output_config: { effort: 'medium' },
      },
      ...[1, 2, 3, 4].flatMap((index) => toolStep(index, 1_500)),
      {
        role: 'user',
        content: [
          {
            type: 'text',
            text: `Go on, and keep to the rules above.\n${padding}\n${deliveryMark(delivery)}`,
            ...cached,
          },
        ],
      },
    ],
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=0.0.0.bench; cc_entrypoint=bench;' },
      { type: 'text', text: 'You are a coding agent that works in a terminal.', ...cached },
      { type: 'text', text: prose(6_500, 5), ...cached },
    ],
    tools,
    metadata: { user_id: JSON.stringify({ device_id: '0'.repeat(64), account_uuid: '', session_id: 'bench' }) },
    max_tokens: 64_000,
    thinking: { type: 'adaptive' },
    output_config: { effort: 'medium' },
    stream,
  });
}

/**
 * A Messages request of exactly `requestBytes` bytes. As in a real one, most of its strings are ASCII and some are not, so
 * that no way of encoding it is favoured.
 */
export function messagesRequest(model: string, stream: boolean, delivery: Delivery): string {
  const missing = requestBytes - Buffer.byteLength(buildBody(model, stream, delivery, ''));
  if (missing < 0) throw new Error(`the request is ${-missing} bytes too long before padding`);
  // Prose holds quotes and line ends, which grow when they are written as JSON; a source of plain letters does not.
  return buildBody(
    model,
    stream,
    delivery,
    'lorem ipsum dolor sit amet '.repeat(Math.ceil(missing / 27)).slice(0, missing),
  );
}

/** A stamp is this and sixteen digits: microseconds of the system's monotonic clock when the chunk was written. */
export const stampMark = '@@';
export const stampDigits = 16;

/** Microseconds of the monotonic clock, which all processes of a machine share. */
export function monotonicMicroseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1_000);
}

export const chunkText = (index: number): string => `${stampMark}${'0'.repeat(stampDigits)} word-${index} `;
export const plainText = Array.from({ length: 20 }, (_, index) => `token${index}`).join(' ');

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;

export interface Answer {
  /** JSON of the answer that is not streamed. */
  plain: string;
  /** The stream's frames: what comes before the first chunk, the chunks, and what comes after the last. */
  stream: { before: string; chunks: string[]; after: string };
}

const model = 'bench-model';
const indexes = Array.from({ length: streamChunks }, (_, index) => index);

export const anthropicAnswer: Answer = {
  plain: JSON.stringify({
    id: 'msg_bench',
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text: plainText }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 15_000, cache_creation_input_tokens: 0, cache_read_input_tokens: 14_000, output_tokens: 20 },
  }),
  stream: {
    before:
      event('message_start', {
        message: {
          id: 'msg_bench',
          type: 'message',
          role: 'assistant',
          model,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: {
            input_tokens: 15_000,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 14_000,
            output_tokens: 1,
          },
        },
      }) +
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      event('ping', {}),
    chunks: indexes.map((index) =>
      event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: chunkText(index) } }),
    ),
    after:
      event('content_block_stop', { index: 0 }) +
      event('message_delta', {
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: streamChunks },
      }) +
      event('message_stop', {}),
  },
};

const completion = (choice: object, usage?: object): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model,
    system_fingerprint: 'fp_bench',
    choices: usage === undefined ? [{ index: 0, logprobs: null, finish_reason: null, ...choice }] : [],
    ...(usage === undefined ? {} : { usage }),
  })}\n\n`;

const chatUsage = (output: number): object => ({
  prompt_tokens: 15_000,
  completion_tokens: output,
  total_tokens: 15_000 + output,
  prompt_tokens_details: { cached_tokens: 14_000 },
});

export const chatAnswer: Answer = {
  plain: JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: plainText }, logprobs: null, finish_reason: 'stop' }],
    usage: chatUsage(20),
  }),
  stream: {
    before: completion({ delta: { role: 'assistant', content: '' } }),
    chunks: indexes.map((index) => completion({ delta: { content: chunkText(index) } })),
    after: `${completion({ delta: {}, finish_reason: 'stop' })}${completion({}, chatUsage(streamChunks))}data: [DONE]\n\n`,
  },
};
