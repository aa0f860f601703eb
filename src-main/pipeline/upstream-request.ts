import { ProxyError } from '../../src-shared/errors.ts';
import { estimateTokensOfBytes } from '../protocols/anthropic/estimate-tokens.ts';
import { isObject } from '../protocols/anthropic/request.ts';
import type { RequestBody } from '../protocols/request-body.ts';
import type { ProviderCall } from '../providers/base-provider.ts';
import type { AttemptContext } from './context.ts';
import { requestHeaders } from './forwarded-headers.ts';

/** A client's request as one target gets it. */
export interface UpstreamRequest {
  /** The provider speaks the client's protocol: it gets the client's own bytes. */
  sameProtocol: boolean;
  call: Omit<ProviderCall, 'signal'>;
  toolNames: ReadonlyMap<string, string>;
  estimatedInputTokens: number;
  /** The client's own credential is used. */
  clientKey: boolean;
}

/**
 * A message thread (beta message-threads-2026-08-12) carries only what is new, so it works only where it was begun: with
 * Anthropic itself. Elsewhere its beginning is dropped, and to go on with it is refused in the words that make Claude Code
 * send the whole history.
 *
 * @throws ProxyError `thread_unsupported`
 */
function passThroughBody(body: RequestBody, model: string, holdsThreads: boolean): Buffer | string {
  if (holdsThreads || !body.has('thread')) return body.withModel(model);
  const { thread, ...rest } = body.decode();
  refuseContinuedThread(thread);
  return JSON.stringify({ ...rest, model });
}

function refuseContinuedThread(thread: unknown): void {
  if (isObject(thread) && thread.type === 'continue') throw ProxyError.of('thread_unsupported', undefined);
}

const TRANSLATED_HEADERS = ['content-type', 'application/json', 'accept-encoding', 'identity', 'user-agent', 'cproxy'];
const NO_NAMES: ReadonlyMap<string, string> = new Map();

/**
 * @param hops marks of the CProxy instances the request has passed, ours included.
 * @throws ProxyError `invalid_field` where translation cannot read the request, `thread_unsupported`.
 */
export function upstreamRequest(context: AttemptContext, hops: string): UpstreamRequest {
  const { request, plan } = context.request;
  const { provider, model } = context.target;
  const shared = {
    clientCredentials: request.clientCredentials,
    about: { askedModel: request.body.model, route: plan?.route ?? '' },
    hops,
  };
  const estimatedInputTokens = estimateTokensOfBytes(request.body.raw.length);
  if (request.codec.protocol === provider.protocol) {
    return {
      sameProtocol: true,
      call: {
        ...shared,
        path: `${provider.codec.path}${request.query}`,
        headers: requestHeaders(request.rawHeaders),
        body: passThroughBody(request.body, model, provider.holdsThreads),
      },
      toolNames: NO_NAMES,
      estimatedInputTokens,
      clientKey: provider.usesClientKey,
    };
  }
  const decoded = request.codec.decodeRequest(request.body.decode());
  refuseContinuedThread(decoded.thread);
  const encoded = provider.codec.encodeRequest(decoded, model, provider.quirks);
  for (const detail of encoded.warnings) context.request.row.trace.push({ step: 'translation', detail });
  return {
    sameProtocol: false,
    call: {
      ...shared,
      path: provider.codec.path,
      headers: [...TRANSLATED_HEADERS, 'accept', request.body.stream ? 'text/event-stream' : 'application/json'],
      body: encoded.body,
    },
    toolNames: encoded.toolNames,
    estimatedInputTokens,
    clientKey: false,
  };
}
