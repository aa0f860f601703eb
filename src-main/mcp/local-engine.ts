import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { createRouterClient } from '@orpc/server';
import { ProxyError } from '../../src-shared/errors.ts';
import type { McpConfig } from '../../src-shared/mcp-config.ts';
import type { ControlRouter } from '../control/control-router.ts';
import { BatchModels } from '../pipeline/batch-models.ts';
import type { BatchAnswer, BatchRequest } from '../pipeline/batches.ts';
import type { ClientReply, ClientRequest } from '../pipeline/client-request.ts';
import type { CountAnswer } from '../pipeline/count-tokens.ts';
import { InMemoryReply } from '../pipeline/in-memory-reply.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import { isObject } from '../protocols/is-object.ts';
import { RequestBody } from '../protocols/request-body.ts';
import {
  type BatchCall,
  type BatchReply,
  type Completion,
  type CompletionOptions,
  type EngineChange,
  LARGEST_BATCH_ANSWER_BYTES,
  type McpEngine,
  type TokenCount,
} from './mcp-engine.ts';
import { AnswerReader } from './read-answer.ts';

/** What an engine in this process is asked for. */
export interface LocalEngineOptions {
  version: string;
  controlRouter: () => Promise<ControlRouter>;
  handle: (request: ClientRequest, reply: ClientReply) => Promise<void>;
  countTokens: (request: ClientRequest) => Promise<CountAnswer>;
  batches: (request: BatchRequest) => Promise<BatchAnswer>;
  onChange: (listener: (changes: readonly EngineChange[]) => void) => () => void;
  settings: () => McpConfig;
  redact: (text: string) => string;
}

/** An engine in this process, asked without any connection: its doors, its log and its ledger are the same. */
export function localEngine(options: LocalEngineOptions): McpEngine {
  const { version, controlRouter, settings, redact, onChange } = options;
  return {
    version,
    control: async () => createRouterClient(await controlRouter()),
    complete: (body, how) => complete(options, body, how),
    countTokens: (body, how) => countTokens(options, body, how),
    batches: (call, signal) => askBatches(options, call, signal),
    onChange,
    settings,
    redact,
  };
}

async function complete(
  { handle }: LocalEngineOptions,
  body: Readonly<Record<string, unknown>>,
  how: CompletionOptions,
): Promise<Completion> {
  const request = requestOf('/v1/messages', { ...body, stream: true }, how);
  const reader = new AnswerReader(request.body.model, how.onEvent);
  const isStream = (): boolean => reply.header('content-type')?.startsWith('text/event-stream') ?? false;
  const reply = new InMemoryReply((bytes) => reader.push(bytes, isStream()));
  await handle(request, reply);
  return { requestId: request.id, ...reader.end(reply.status, isStream()) };
}

async function countTokens(
  { countTokens: count }: LocalEngineOptions,
  body: Readonly<Record<string, unknown>>,
  how: Pick<CompletionOptions, 'signal' | 'client' | 'userAgent'>,
): Promise<TokenCount> {
  const { status, headers, body: text } = await count(requestOf('/v1/messages/count_tokens', body, how));
  const answer: unknown = JSON.parse(text.toString());
  const header = (name: string): string | null => {
    const value = headers[name];
    return typeof value === 'string' ? value : null;
  };
  const provider = header('x-cproxy-provider');
  if (isObject(answer) && typeof answer.input_tokens === 'number')
    return {
      tokens: answer.input_tokens,
      provider,
      model: header('x-cproxy-model'),
      source: header('x-cproxy-token-count') ?? 'provider',
    };
  const message = isObject(answer) && isObject(answer.error) ? String(answer.error.message) : 'no count';
  throw ProxyError.of('provider_error', { provider: provider ?? 'unknown', status, upstream: message }, { status });
}

async function askBatches({ batches }: LocalEngineOptions, call: BatchCall, signal: AbortSignal): Promise<BatchReply> {
  const { dialect, method, path, id, provider, body } = call;
  const models = new BatchModels(dialect);
  if (body !== null) models.push(body.bytes);
  const headers = new Map<string, string>([
    ...(dialect === 'anthropic' ? [['anthropic-version', '2023-06-01'] as const] : []),
    ...(provider === null ? [] : [['x-cproxy-provider', provider] as const]),
    ...(body === null ? [] : [['content-type', body.contentType] as const]),
  ]);
  const answer = await batches({
    dialect,
    method,
    path,
    id,
    rawHeaders: [...headers].flat(),
    header: (name) => headers.get(name) ?? null,
    body: body?.bytes ?? null,
    models: models.found,
    clientCredentials: [],
    signal,
    // Nobody follows the addresses in such an answer.
    origin: '',
  });
  const answeredBy = answer.headers['x-cproxy-provider'];
  return {
    status: answer.status,
    ...(await textOf(answer.body)),
    provider: typeof answeredBy === 'string' ? answeredBy : null,
  };
}

async function textOf(body: Buffer | Readable): Promise<Pick<BatchReply, 'text' | 'isCut'>> {
  if (Buffer.isBuffer(body)) return { text: body.toString(), isCut: false };
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop early destroys the stream.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LARGEST_BATCH_ANSWER_BYTES) return { text: Buffer.concat(chunks).toString(), isCut: true };
  }
  return { text: Buffer.concat(chunks).toString(), isCut: false };
}

/** @throws ProxyError `invalid_field` where the body names no model. */
function requestOf(
  path: string,
  body: Readonly<Record<string, unknown>>,
  { signal, userAgent, client }: Pick<CompletionOptions, 'signal' | 'client' | 'userAgent'>,
): ClientRequest {
  const headers = new Map([
    ['user-agent', userAgent],
    ['anthropic-version', '2023-06-01'],
    ['content-type', 'application/json'],
  ]);
  return {
    id: `req_${randomUUID().replaceAll('-', '')}`,
    codec: anthropicClientCodec,
    path,
    query: '',
    rawHeaders: [...headers].flat(),
    header: (name) => headers.get(name) ?? null,
    body: new RequestBody(Buffer.from(JSON.stringify(body))),
    clientCredentials: [],
    client,
    signal,
    arrivedAt: performance.now(),
  };
}
