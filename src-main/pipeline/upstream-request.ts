import { ProxyError } from '../../src-shared/errors.ts';
import { estimateTokensOfBytes } from '../protocols/anthropic/estimate-tokens.ts';
import type { AnswerEncoder, ProviderCodec } from '../protocols/codec.ts';
import { isObject } from '../protocols/is-object.ts';
import type { RequestBody } from '../protocols/request-body.ts';
import type { ProviderCall } from '../providers/base-provider.ts';
import type { AttemptContext } from './context.ts';
import { requestHeaders } from './forwarded-headers.ts';

/** A client's request as one target gets it. */
export interface UpstreamRequest {
  /** The dialect it is sent in. */
  codec: ProviderCodec;
  /** That is the client's own dialect: the provider gets the client's own bytes. */
  sameProtocol: boolean;
  call: Omit<ProviderCall, 'signal'>;
  toolNames: ReadonlyMap<string, string>;
  offeredTools: ReadonlySet<string>;
  stopSequences: readonly string[];
  /** How the answer is written; null where that is not known before the answer needs it. */
  answerEncoder: AnswerEncoder | null;
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
const NOTHING = { toolNames: new Map<string, string>(), offeredTools: new Set<string>(), stopSequences: [] };

/**
 * @param hops marks of the CProxy instances the request has passed, ours included.
 * @throws ProxyError `invalid_field` where translation cannot read the request, `thread_unsupported`.
 */
export function upstreamRequest(context: AttemptContext, hops: string): UpstreamRequest {
  const { request, plan } = context.request;
  const { provider, model } = context.target;
  const { protocol } = request.codec;
  const codec = provider.codecFor({ protocol, model, has: (field) => request.body.isSet(field) });
  const shared = {
    clientCredentials: request.clientCredentials,
    about: { askedModel: request.body.model, route: plan?.route ?? '' },
    hops,
  };
  const estimatedInputTokens = estimateTokensOfBytes(request.body.raw.length);
  if (protocol === codec.protocol) {
    return {
      codec,
      sameProtocol: true,
      call: {
        ...shared,
        path: `${codec.path}${request.query}`,
        headers: requestHeaders(request.rawHeaders),
        body: passThroughBody(request.body, model, provider.holdsThreads),
      },
      ...NOTHING,
      answerEncoder: null,
      estimatedInputTokens,
      clientKey: provider.usesClientKey,
    };
  }
  const body = request.body.decode();
  const decoded = request.codec.decodeRequest(body);
  refuseContinuedThread(decoded.thread);
  const encoded = codec.encodeRequest(decoded, {
    provider: provider.id,
    model,
    quirks: provider.quirks,
    facts: provider.factsOf(model),
    refused: provider.refused.of(model),
    session: request.header('x-claude-code-session-id'),
    estimatedInputTokens,
    window: provider.window,
  });
  for (const detail of encoded.warnings) context.request.row.trace.push({ step: 'translation', detail });
  return {
    codec,
    sameProtocol: false,
    call: {
      ...shared,
      path: codec.path,
      headers: [
        ...TRANSLATED_HEADERS,
        'accept',
        request.body.stream ? 'text/event-stream' : 'application/json',
        ...(encoded.headers ?? []),
      ],
      body: encoded.body,
    },
    toolNames: encoded.toolNames,
    offeredTools: new Set(decoded.tools?.map(({ name }) => name)),
    stopSequences: encoded.stopSequences ?? [],
    answerEncoder: request.codec.answerEncoder(() => body),
    estimatedInputTokens,
    clientKey: false,
  };
}
