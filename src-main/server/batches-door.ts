import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProxyError } from '../../src-shared/errors.ts';
import { BatchModels } from '../pipeline/batch-models.ts';
import type { BatchAnswer, BatchDialect, BatchRequest } from '../pipeline/batches.ts';

export interface BatchesDoorOptions {
  /** @throws ProxyError */
  handle: (request: BatchRequest) => Promise<BatchAnswer>;
}

/** Anthropic's limit; OpenAI's is smaller. */
const LARGEST_BYTES = 256 * 1024 * 1024;

const ROUTES: readonly [method: BatchRequest['method'], path: string][] = [
  ['POST', '/v1/messages/batches'],
  ['GET', '/v1/messages/batches'],
  ['GET', '/v1/messages/batches/:id'],
  ['DELETE', '/v1/messages/batches/:id'],
  ['GET', '/v1/messages/batches/:id/results'],
  ['POST', '/v1/messages/batches/:id/cancel'],
  ['POST', '/v1/batches'],
  ['GET', '/v1/batches'],
  ['GET', '/v1/batches/:id'],
  ['POST', '/v1/batches/:id/cancel'],
  ['POST', '/v1/files'],
  ['GET', '/v1/files'],
  ['GET', '/v1/files/:id'],
  ['DELETE', '/v1/files/:id'],
  ['GET', '/v1/files/:id/content'],
];

/** A body, and where it names models. */
interface ReadBatch {
  bytes: Buffer;
  models: BatchModels;
}

/** Message batches of Anthropic, and batches of OpenAI with the files they are made of: passed on to a provider that has them. */
export function registerBatchesDoor(server: FastifyInstance, { handle }: BatchesDoorOptions): void {
  server.register(async (door) => {
    door.removeAllContentTypeParsers();
    door.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
      readBatch(payload, Number(request.headers['content-length'] ?? 0), dialectOf(request)),
    );
    for (const [method, url] of ROUTES)
      door.route({
        method,
        url,
        exposeHeadRoute: false,
        handler: async (request, reply) => {
          const { status, headers, body } = await handle(read(request, reply, method));
          return reply.code(status).headers(headers).send(body);
        },
      });
  });
}

/** Both have files. */
const dialectOf = ({ url, headers }: FastifyRequest): BatchDialect =>
  url.startsWith('/v1/messages/') || headers['anthropic-version'] !== undefined ? 'anthropic' : 'openai';

function read(request: FastifyRequest, reply: FastifyReply, method: BatchRequest['method']): BatchRequest {
  const { raw, headers, params, body } = request;
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
  });
  const batch = (body ?? null) as ReadBatch | null;
  return {
    dialect: dialectOf(request),
    method,
    path: (raw.url ?? '').replace(/^\/v1/, ''),
    id: (params as { id?: string }).id ?? null,
    rawHeaders: raw.rawHeaders,
    header: (name) => {
      const value = headers[name];
      return typeof value === 'string' ? value : (value?.[0] ?? null);
    },
    body: batch === null || batch.bytes.length === 0 ? null : batch.bytes,
    models: batch?.models.found ?? [],
    clientCredentials: request.clientCredentials,
    signal: left.signal,
    origin: `http://${headers.host ?? ''}`,
  };
}

/**
 * Held once, where its length is announced: a batch may be a quarter of a GB.
 * @throws ProxyError `body_too_large`, `invalid_json`
 */
async function readBatch(payload: IncomingMessage, announced: number, dialect: BatchDialect): Promise<ReadBatch> {
  const tooLarge = (): ProxyError => ProxyError.of('body_too_large', { limitBytes: LARGEST_BYTES });
  if (announced > LARGEST_BYTES) throw tooLarge();
  const models = new BatchModels(dialect);
  const chunks: Buffer[] = [];
  const whole = announced > 0 ? Buffer.allocUnsafe(announced) : null;
  let length = 0;
  try {
    for await (const chunk of payload as AsyncIterable<Buffer>) {
      if (length + chunk.length > (whole?.length ?? LARGEST_BYTES)) throw tooLarge();
      models.push(chunk);
      if (whole === null) chunks.push(chunk);
      else chunk.copy(whole, length);
      length += chunk.length;
    }
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    throw ProxyError.of('invalid_json', { reason: 'the body did not arrive whole' }, { cause: error });
  }
  return { bytes: whole === null ? Buffer.concat(chunks, length) : whole.subarray(0, length), models };
}
