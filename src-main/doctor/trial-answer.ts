import { setTimeout as wait } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { z } from 'zod';
import type { ErrorCode } from '../../src-shared/errors.ts';
import type { RequestRow, TokenUsage } from '../../src-shared/requests.ts';
import { reasonOf } from './check.ts';
import type { PrivateEngine } from './private-engine.ts';

/** A call of a tool; its arguments as they were written. */
export interface TrialCall {
  id: string;
  name: string;
  json: string;
}

/** What came of one request. Times in ms since it was sent. */
export interface TrialAnswer {
  status: number;
  /** Why there is no good answer; null where there is one. */
  error: { code: ErrorCode | 'time-limit' | 'stopped' | 'unreadable'; status: number; message: string } | null;
  text: string;
  thinking: string;
  calls: TrialCall[];
  /** What a client sends back as the assistant's turn. */
  content: Record<string, unknown>[];
  stopReason: string | null;
  /** What the provider reported; null: nothing. */
  usage: TokenUsage | null;
  /** Pieces that text came in. */
  pieces: number;
  firstTextMs: number | null;
  endMs: number;
  headers: Headers | null;
  /** The body, of an answer that is no stream. */
  json: unknown;
}

export interface TrialQuestion {
  path: '/v1/messages' | '/v1/messages/count_tokens' | '/v1/chat/completions';
  body: Record<string, unknown>;
}

export type Ask = (question: TrialQuestion) => Promise<TrialAnswer>;

export interface AskOptions {
  engine: PrivateEngine;
  /** Aborted when the user stops the whole. */
  signal: AbortSignal;
  limitMs: number;
}

type Headers = Awaited<ReturnType<typeof fetch>>['headers'];

/** How long the row of a request that has been answered may take to be closed. */
const ROW_LIMIT_MS = 1_000;

const newAnswer = (): TrialAnswer => ({
  status: 0,
  error: null,
  text: '',
  thinking: '',
  calls: [],
  content: [],
  stopReason: null,
  usage: null,
  pieces: 0,
  firstTextMs: null,
  endMs: 0,
  headers: null,
  json: null,
});

/** Sends a question to the engine's own door, as any client does, and reads what comes. Never rejects. */
export async function askEngine(
  { path, body }: TrialQuestion,
  { engine, signal, limitMs }: AskOptions,
): Promise<TrialAnswer> {
  const answer = newAnswer();
  const limit = AbortSignal.timeout(limitMs);
  // A dispatcher of our own: no proxy of the environment, and no time limits but ours.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const since = performance.now();
  const elapsed = (): number => performance.now() - since;
  try {
    const response = await fetch(engine.endpoint + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        'x-cproxy-token': engine.token,
        'user-agent': 'cproxy-doctor',
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, limit]),
      dispatcher,
    });
    answer.status = response.status;
    answer.headers = response.headers;
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream && response.body !== null) await readStream(response.body, answer, elapsed);
    else readJson(await response.text(), path, answer);
  } catch (error) {
    answer.error = limit.aborted
      ? { code: 'time-limit', status: 0, message: `No answer within ${Math.round(limitMs / 1000)} s.` }
      : signal.aborted
        ? { code: 'stopped', status: 0, message: 'Stopped.' }
        : { code: 'unreadable', status: answer.status, message: unreadable(error) };
  } finally {
    answer.endMs = elapsed();
    await dispatcher.destroy();
  }
  // A stream in which an error is told is closed in good order.
  const row = await rowOf(engine, answer.headers?.get('x-cproxy-request-id') ?? null);
  answer.usage = row?.attempts.at(-1)?.usage ?? null;
  if (answer.error === null || answer.error.code === 'unreadable') answer.error = row?.error ?? answer.error;
  return answer;
}

const unreadable = (error: unknown): string =>
  error instanceof z.ZodError || error instanceof SyntaxError
    ? 'An answer came that keeps to no dialect.'
    : `The answer broke off: ${reasonOf(error)}`;

async function rowOf({ control }: PrivateEngine, id: string | null): Promise<RequestRow | null> {
  if (id === null) return null;
  for (let waited = 0; ; waited += 10) {
    const row = await control.requests.find({ id });
    if (row === null || row.endedMs !== null || waited >= ROW_LIMIT_MS) return row;
    await wait(10);
  }
}

const blockSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
});
type Block = z.output<typeof blockSchema>;

const eventSchema = z.looseObject({
  type: z.string(),
  index: z.number().optional(),
  content_block: blockSchema.optional(),
  delta: z
    .looseObject({
      type: z.string().optional(),
      text: z.string().optional(),
      thinking: z.string().optional(),
      signature: z.string().optional(),
      partial_json: z.string().optional(),
      stop_reason: z.string().nullable().optional(),
    })
    .optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/** Blocks under construction, by their index; `json`: the arguments so far. */
type Blocks = Map<number, { block: Block; json: string }>;

/** Lines are the provider's own where its bytes pass through. */
async function readStream(body: AsyncIterable<Uint8Array>, answer: TrialAnswer, elapsed: () => number): Promise<void> {
  const decoder = new TextDecoder();
  const blocks: Blocks = new Map();
  let rest = '';
  const read = (frame: string): void => {
    const data = frame
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice('data:'.length));
    if (data.length > 0) readEvent(eventSchema.parse(JSON.parse(data.join('\n'))), blocks, answer, elapsed);
  };
  for await (const chunk of body) {
    const frames = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n\r?\n/);
    rest = frames.pop() ?? '';
    for (const frame of frames) read(frame);
  }
  read(rest);
  for (const { block, json } of blocks.values()) takeBlock(block, json, answer);
}

function readEvent(
  event: z.output<typeof eventSchema>,
  blocks: Blocks,
  answer: TrialAnswer,
  elapsed: () => number,
): void {
  const { type, index = 0, content_block: block, delta, error } = event;
  if (error !== undefined) answer.error = { code: 'unreadable', status: answer.status, message: error.message };
  if (type === 'content_block_start' && block !== undefined) blocks.set(index, { block, json: '' });
  if (delta?.stop_reason !== undefined) answer.stopReason = delta.stop_reason;
  const open = blocks.get(index);
  if (open === undefined || delta === undefined) return;
  if (delta.text !== undefined) {
    open.block.text = (open.block.text ?? '') + delta.text;
    answer.pieces += 1;
    answer.firstTextMs ??= elapsed();
  }
  if (delta.thinking !== undefined) open.block.thinking = (open.block.thinking ?? '') + delta.thinking;
  if (delta.signature !== undefined) open.block.signature = delta.signature;
  open.json += delta.partial_json ?? '';
}

/** @param json the arguments of a call, as they came in pieces; '' where its block has them. */
function takeBlock(block: Block, json: string, answer: TrialAnswer): void {
  answer.text += block.type === 'text' ? (block.text ?? '') : '';
  answer.thinking += block.type === 'thinking' ? (block.thinking ?? '') : '';
  if (block.type !== 'tool_use') {
    answer.content.push(block);
    return;
  }
  const written = json === '' ? JSON.stringify(block.input ?? {}) : json;
  answer.calls.push({ id: block.id ?? '', name: block.name ?? '', json: written });
  answer.content.push({ ...block, input: argumentsOf(written) ?? {} });
}

/** The arguments of a call as an object; null where they are none. */
export function argumentsOf(json: string): Record<string, unknown> | null {
  try {
    const read = z.record(z.string(), z.unknown()).safeParse(JSON.parse(json));
    // What is no JSON stands so in an answer that was read as a whole.
    return read.success && read.data._raw === undefined ? read.data : null;
  } catch {
    return null;
  }
}

const messageSchema = z.looseObject({ content: z.array(blockSchema), stop_reason: z.string().nullable().optional() });
const chatSchema = z.looseObject({
  choices: z.array(
    z.looseObject({
      message: z.looseObject({
        content: z.string().nullable().optional(),
        reasoning_content: z.string().nullable().optional(),
      }),
      finish_reason: z.string().nullable().optional(),
    }),
  ),
});
const errorSchema = z.looseObject({ error: z.looseObject({ message: z.string() }) });

function readJson(text: string, path: TrialQuestion['path'], answer: TrialAnswer): void {
  answer.json = JSON.parse(text);
  if (answer.status !== 200) {
    const read = errorSchema.safeParse(answer.json);
    const message = read.success ? read.data.error.message : `HTTP ${answer.status}`;
    answer.error = { code: 'unreadable', status: answer.status, message };
  } else if (path === '/v1/messages') {
    const { content, stop_reason: stopReason = null } = messageSchema.parse(answer.json);
    answer.stopReason = stopReason;
    for (const block of content) takeBlock(block, '', answer);
  } else if (path === '/v1/chat/completions') {
    const [choice] = chatSchema.parse(answer.json).choices;
    answer.text = choice?.message.content ?? '';
    answer.thinking = choice?.message.reasoning_content ?? '';
    answer.stopReason = choice?.finish_reason ?? null;
  }
}
