import type { Readable } from 'node:stream';
import { ProxyError } from '../../src-shared/errors.ts';
import { isObject } from '../protocols/is-object.ts';
import type { BaseProvider, ProviderAnswer } from '../providers/base-provider.ts';
import { HOPS_HEADER } from '../providers/http-provider.ts';
import type { KeyLease } from '../providers/key-pool.ts';
import type { NamedModel } from './batch-models.ts';
import { withoutPrefix } from './batch-models.ts';
import type { AnswerHeaders } from './client-request.ts';
import { answerHeaders, redactedHeaders, requestHeaders } from './forwarded-headers.ts';
import { hopsOf } from './hops.ts';

export type BatchDialect = 'anthropic' | 'openai';

/** A request about batches, or about the files that they are made of. */
export interface BatchRequest {
  readonly dialect: BatchDialect;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/v1`, with the query: `/messages/batches?limit=5`. */
  readonly path: string;
  /** The batch or file it is about; null for one that makes or lists them. */
  readonly id: string | null;
  readonly rawHeaders: readonly string[];
  header(name: string): string | null;
  readonly body: Buffer | null;
  /** Where the body names models. */
  readonly models: readonly NamedModel[];
  readonly clientCredentials: readonly string[];
  readonly signal: AbortSignal;
  /** Base URL by which the client has reached us. */
  readonly origin: string;
}

export interface BatchAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer | Readable;
}

/** Which provider a batch or file is at, and by the name of which of its keys. */
export interface BatchPlace {
  readonly provider: string;
  readonly key: string;
}

export interface BatchesOptions {
  /** Those in force and enabled. */
  providers: () => readonly BaseProvider[];
  instanceId: string;
  /** Whether an address is this engine's own listener. */
  isSelf: (url: URL) => boolean;
  redact: (text: string) => string;
  places: { get(id: string): BatchPlace | null; set(id: string, place: BatchPlace): void };
}

/** Larger JSON is no description of batches; it goes on unread. */
const LARGEST_READ_BYTES = 8 * 1024 * 1024;
/** What names the file of a batch is a few lines. */
const LARGEST_ORDER_BYTES = 64 * 1024;

/** Passes batches on to a provider that has them, and what is asked of them later to the same one, with the same key. */
export class Batches {
  readonly #options: BatchesOptions;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** @throws ProxyError `no_batches`, `invalid_field`, `loop_detected`, and what sending throws */
  async handle(request: BatchRequest): Promise<BatchAnswer> {
    const { instanceId, isSelf } = this.#options;
    const hops = hopsOf(request.header(HOPS_HEADER), instanceId);
    const place = this.#placeOf(request);
    const provider = this.#providerFor(request, place);
    if (provider.baseUrl !== null && isSelf(provider.baseUrl)) throw ProxyError.of('loop_detected', undefined);
    const key = await keyFor(provider, place);
    const { method, path, dialect, signal, clientCredentials } = request;
    const received = await provider.passOn({
      method,
      path,
      headers: requestHeaders(request.rawHeaders),
      body: request.body === null ? null : withoutPrefix(request.body, request.models, `${provider.id}/`),
      protocol: dialect === 'anthropic' ? 'anthropic' : 'openai-chat',
      signal,
      key,
      clientCredentials,
      hops,
    });
    return this.#answer(request, provider, key, received);
  }

  /** Where the batch or the file is that it is about. */
  #placeOf({ id, body, dialect }: BatchRequest): BatchPlace | null {
    const about = id ?? (dialect === 'openai' && body !== null ? fileOfOrder(body) : null);
    return about === null ? null : this.#options.places.get(about);
  }

  #providerFor(request: BatchRequest, place: BatchPlace | null): BaseProvider {
    const { dialect } = request;
    const able = this.#options.providers().filter(({ protocols }) => protocols.some((one) => speaks(one, dialect)));
    const named = (id: string): BaseProvider => {
      const provider = able.find((one) => one.id === id);
      if (provider !== undefined) return provider;
      throw noBatches(dialect, `'${id}' is no enabled provider that speaks it.`);
    };
    const asked = request.header('x-cproxy-provider');
    if (asked !== null) return named(asked);
    if (place !== null) return named(place.provider);
    const ids = new Set(able.map(({ id }) => id));
    const prefixes = new Set(
      request.models.map(({ model }) => model.slice(0, Math.max(0, model.indexOf('/')))).filter((id) => ids.has(id)),
    );
    const [first, another] = prefixes;
    if (another !== undefined)
      throw ProxyError.of('invalid_field', {
        field: 'model',
        expected: `must lead to one provider in all requests of a batch, not to ${[...prefixes].join(' and ')}`,
      });
    if (first !== undefined) return named(first);
    // Of others that speak the dialect, hardly any has batches.
    const [only, second] = able.filter(({ type }) => type === dialect);
    if (only === undefined)
      throw noBatches(dialect, `Add a provider of type ${dialect}, or name another in the header x-cproxy-provider.`);
    if (second !== undefined)
      throw noBatches(dialect, 'Several providers may be meant: name one in the header x-cproxy-provider.');
    return only;
  }

  async #answer(
    request: BatchRequest,
    provider: BaseProvider,
    { id: key }: KeyLease,
    { status, headers: received, body }: ProviderAnswer,
  ): Promise<BatchAnswer> {
    const { redact, places } = this.#options;
    const headers: AnswerHeaders = {
      ...redactedHeaders(answerHeaders(received), redact),
      'x-cproxy-provider': provider.id,
    };
    const length = Number(received['content-length'] ?? 0);
    const isContent = /\/(results|content)(\?|$)/.test(request.path);
    const isJson = String(received['content-type'] ?? '').includes('json') && !isContent;
    if (status < 400 && (!isJson || length > LARGEST_READ_BYTES)) return { status, headers, body };
    const text = (await readWhole(body, provider.id)).toString();
    for (const id of idsIn(text)) places.set(id, { provider: provider.id, key });
    return { status, headers, body: Buffer.from(redact(withOwnResults(text, request.origin))) };
  }
}

const speaks = (protocol: string, dialect: BatchDialect): boolean =>
  dialect === 'anthropic' ? protocol === 'anthropic' : protocol.startsWith('openai');

const noBatches = (dialect: BatchDialect, advice: string): ProxyError =>
  ProxyError.of('no_batches', { dialect: dialect === 'anthropic' ? 'Anthropic' : 'OpenAI', advice });

/** What was made with one key of several can be seen with that alone, where they belong to different accounts. */
async function keyFor({ keys }: BaseProvider, place: BatchPlace | null): Promise<KeyLease> {
  const same = place === null || keys.size < 2 ? undefined : (await keys.leases()).find(({ id }) => id === place.key);
  return same ?? keys.choose({ model: null, conversation: null, tried: new Set(), last: true, tokens: 0 });
}

/** The file that a new batch of OpenAI's is to be made of. */
function fileOfOrder(body: Buffer): string | null {
  const order = body.length > LARGEST_ORDER_BYTES ? null : objectIn(body.toString());
  return typeof order?.input_file_id === 'string' ? order.input_file_id : null;
}

/** Everything in an answer that may be asked for later. */
function idsIn(text: string): string[] {
  const answer = objectIn(text);
  if (answer === null) return [];
  const all = [answer, ...(Array.isArray(answer.data) ? answer.data.filter(isObject) : [])];
  return all
    .flatMap(({ id, output_file_id: output, error_file_id: error }) => [id, output, error])
    .filter((id) => typeof id === 'string');
}

/**
 * Clients fetch results from the address that a batch names. At the vendor's own, our token would be sent to the vendor, and
 * opens nothing.
 */
function withOwnResults(text: string, origin: string): string {
  return text.replaceAll(
    /("results_url"\s*:\s*")https?:\/\/[^"]*?(\/v1\/messages\/batches\/[^"]*")/g,
    (_all, before: string, path: string) => before + origin + path,
  );
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** @throws ProxyError `provider_cut_stream`, `provider_garbage` */
async function readWhole(body: Readable, provider: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LARGEST_READ_BYTES)
        throw ProxyError.of('provider_garbage', { provider, reason: 'it says far too much of a batch' });
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    throw ProxyError.of('provider_cut_stream', { provider }, { cause: error });
  }
  return Buffer.concat(chunks, length);
}
