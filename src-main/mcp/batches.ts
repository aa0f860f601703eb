import { randomUUID } from 'node:crypto';
import type { EngineStatus } from '../../src-shared/control.ts';
import { isObject } from '../protocols/is-object.ts';
import type { BatchCall, BatchReply, McpEngine } from './mcp-engine.ts';
import { rpcCodes } from './rpc-codes.ts';
import { ToolError } from './tools/tool.ts';

/** One request of a batch. */
export interface BatchItem {
  customId: string;
  model: string;
  prompt: string;
  system: string | undefined;
  maxTokens: number;
}

/** How a batch stands, whoever has it. */
export interface BatchState {
  id: string;
  provider: string | null;
  /** In the vendor's word. */
  status: string;
  isDone: boolean;
  counts: Record<string, number>;
  /** Unix time in ms; null where the vendor does not say. */
  expiresAt: number | null;
}

export interface BatchResult {
  customId: string;
  text: string | null;
  error: string | null;
}

/** The two vendors whose batches CProxy passes on. */
export type BatchDialect = BatchCall['dialect'];

/** Where a batch goes: the provider that is named, or that of its models, or the only one that has batches. @throws ToolError */
export function batchProvider(
  { providers }: Pick<EngineStatus, 'providers'>,
  named: string | undefined,
  models: readonly string[],
): { id: string; dialect: BatchDialect } {
  const able = providers.flatMap(({ id, type, enabled }) =>
    enabled && (type === 'anthropic' || type === 'openai') ? [{ id, dialect: dialectOf(type) }] : [],
  );
  const prefixes = able.filter(({ id }) => models.some((model) => model.startsWith(`${id}/`)));
  const [only, another] =
    named !== undefined ? able.filter(({ id }) => id === named) : prefixes.length > 0 ? prefixes : able;
  if (only === undefined)
    throw new ToolError(
      `${named === undefined ? 'No enabled provider' : `'${named}' is no enabled provider that`} has batches. Those of the types anthropic and openai do.`,
      'no_batches',
    );
  if (another !== undefined)
    throw new ToolError(
      `Several providers may be meant: ${able.map(({ id }) => id).join(', ')}. Say which as provider; a batch goes to one.`,
    );
  return only;
}

const dialectOf = (type: 'anthropic' | 'openai'): BatchDialect => type;

/** Sends a batch. @throws ToolError where the provider does not take it */
export async function submitBatch(
  engine: McpEngine,
  { id: provider, dialect }: { id: string; dialect: BatchDialect },
  items: readonly BatchItem[],
  signal: AbortSignal,
): Promise<BatchState> {
  if (dialect === 'anthropic') {
    const bytes = Buffer.from(JSON.stringify({ requests: items.map(anthropicItem) }));
    const body = { contentType: 'application/json', bytes };
    const call = { dialect, method: 'POST' as const, path: '/messages/batches', id: null, provider, body };
    return stateOf(await ask(engine, call, signal));
  }
  const file = multipart(items.map(openaiLine).join('\n'));
  const made = await ask(engine, { dialect, method: 'POST', path: '/files', id: null, provider, body: file }, signal);
  const order = {
    input_file_id: String(objectIn(made).id),
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  };
  const body = { contentType: 'application/json', bytes: Buffer.from(JSON.stringify(order)) };
  return stateOf(await ask(engine, { dialect, method: 'POST', path: '/batches', id: null, provider, body }, signal));
}

/** How a batch stands. @param results whether its results are wanted, where there are any. @throws ToolError */
export async function batchStatus(
  engine: McpEngine,
  { id, provider, results }: { id: string; provider: string | null; results: boolean },
  signal: AbortSignal,
): Promise<{ state: BatchState; results: BatchResult[] }> {
  const dialect: BatchDialect = id.startsWith('msgbatch_') ? 'anthropic' : 'openai';
  const path = `${dialect === 'anthropic' ? '/messages/batches' : '/batches'}/${encodeURIComponent(id)}`;
  const reply = await ask(engine, { dialect, method: 'GET', path, id, provider, body: null }, signal);
  const state = stateOf(reply);
  const place = dialect === 'anthropic' ? { path: `${path}/results`, id } : fileOf(reply);
  if (!results || !state.isDone || place === null) return { state, results: [] };
  const lines = await ask(engine, { dialect, method: 'GET', ...place, provider: state.provider, body: null }, signal);
  return { state, results: lines.text.split('\n').flatMap(resultOf) };
}

async function ask(engine: McpEngine, call: BatchCall, signal: AbortSignal): Promise<BatchReply> {
  const reply = await engine.batches(call, signal);
  if (reply.status < 400) return reply;
  const body = parsed(reply.text);
  const error = isObject(body) && isObject(body.error) ? body.error.message : null;
  throw new ToolError(
    `The provider${reply.provider === null ? '' : ` '${reply.provider}'`} answered HTTP ${reply.status}: ${typeof error === 'string' ? error : reply.text.slice(0, 500)}`,
    null,
    rpcCodes.providerError,
  );
}

const anthropicItem = ({ customId, model, prompt, system, maxTokens }: BatchItem) => ({
  custom_id: customId,
  params: {
    model,
    max_tokens: maxTokens,
    ...(system === undefined ? {} : { system }),
    messages: [{ role: 'user', content: prompt }],
  },
});

const openaiLine = ({ customId, model, prompt, system, maxTokens }: BatchItem): string =>
  JSON.stringify({
    custom_id: customId,
    method: 'POST',
    url: '/v1/chat/completions',
    body: {
      model,
      max_completion_tokens: maxTokens,
      messages: [
        ...(system === undefined ? [] : [{ role: 'system', content: system }]),
        { role: 'user', content: prompt },
      ],
    },
  });

/** A form with a file, as OpenAI takes what batches are made of (RFC 7578). */
function multipart(lines: string): { contentType: string; bytes: Buffer } {
  const boundary = `cproxy-${randomUUID()}`;
  const text = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="purpose"',
    '',
    'batch',
    `--${boundary}`,
    'Content-Disposition: form-data; name="file"; filename="batch.jsonl"',
    'Content-Type: application/jsonl',
    '',
    lines,
    `--${boundary}--`,
    '',
  ].join('\r\n');
  return { contentType: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.from(text) };
}

function stateOf(reply: BatchReply): BatchState {
  const batch = objectIn(reply);
  const status = String(batch.processing_status ?? batch.status ?? 'unknown');
  const counts = isObject(batch.request_counts) ? batch.request_counts : {};
  return {
    id: String(batch.id),
    provider: reply.provider,
    status,
    isDone: ['ended', 'completed', 'failed', 'expired', 'cancelled'].includes(status),
    counts: Object.fromEntries(
      Object.entries(counts).flatMap(([name, number]) => (typeof number === 'number' ? [[name, number]] : [])),
    ),
    expiresAt: timeOf(batch.expires_at),
  };
}

/** Anthropic says times in words, OpenAI in seconds. */
function timeOf(time: unknown): number | null {
  if (typeof time === 'number') return time * 1000;
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

function fileOf(reply: BatchReply): { path: string; id: string } | null {
  const { output_file_id: output, error_file_id: errors } = objectIn(reply);
  const id = typeof output === 'string' ? output : errors;
  return typeof id === 'string' ? { path: `/files/${encodeURIComponent(id)}/content`, id } : null;
}

function resultOf(line: string): BatchResult[] {
  const item = parsed(line);
  if (!isObject(item)) return [];
  const customId = String(item.custom_id);
  const result = isObject(item.result) ? item.result : isObject(item.response) ? item.response : {};
  const message = isObject(result.message) ? result.message : isObject(result.body) ? result.body : {};
  const text = textIn(message);
  const error =
    text === null ? JSON.stringify(result.error ?? item.error ?? message.error ?? result.type ?? null) : null;
  return [{ customId, text, error }];
}

function textIn({ content, choices }: Record<string, unknown>): string | null {
  if (Array.isArray(content))
    return content.map((block) => (isObject(block) && typeof block.text === 'string' ? block.text : '')).join('');
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const message = isObject(first) && isObject(first.message) ? first.message : {};
  return typeof message.content === 'string' ? message.content : null;
}

/** @throws ToolError */
function objectIn({ text }: BatchReply): Record<string, unknown> {
  const value = parsed(text);
  if (isObject(value)) return value;
  throw new ToolError('The provider has answered what cannot be read.', null, rpcCodes.providerError);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever asks says what that means.
    return null;
  }
}
