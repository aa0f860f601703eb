import { ProxyError } from '../../src-shared/errors.ts';
import type { Tool } from '../protocols/canonical.ts';
import type { AnswerEncoder, ProviderCodec } from '../protocols/codec.ts';
import { estimateTokensOfBytes, estimateTokensOfRequest } from '../protocols/estimate-tokens.ts';
import { isObject } from '../protocols/is-object.ts';
import { withoutRefused } from '../protocols/refused-parameter.ts';
import type { RequestBody } from '../protocols/request-body.ts';
import type { ProviderCall } from '../providers/base-provider.ts';
import type { AttemptContext } from './context.ts';
import { requestHeaders } from './forwarded-headers.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';

/** A client's request as one target gets it. */
export interface UpstreamRequest {
  /** The dialect it is sent in. */
  codec: ProviderCodec;
  /** That is the client's own dialect: the provider gets the client's own bytes. */
  sameProtocol: boolean;
  call: Omit<ProviderCall, 'signal'>;
  toolNames: ReadonlyMap<string, string>;
  offeredTools: ReadonlyMap<string, Tool>;
  stopSequences: readonly string[];
  /** How the answer is written; null where that is not known before the answer needs it. */
  answerEncoder: AnswerEncoder | null;
  estimatedInputTokens: number;
  /** The client's own credential is used. */
  clientKey: boolean;
  /** What was lost in translation, for the trace. */
  warnings: readonly string[];
}

/**
 * The client's own bytes, but for what this provider cannot take:
 *
 * - A message thread (beta message-threads-2026-08-12) carries only what is new, so it works only where it was begun: with
 *   Anthropic itself. Elsewhere its beginning is dropped, and to go on with it is refused in the words that make Claude Code
 *   send the whole history.
 * - Reasoning of another provider, which has answered in this conversation before, is refused; it is left out.
 *
 * @throws ProxyError `thread_unsupported`
 */
function passThroughBody(
  body: RequestBody,
  { provider, model }: AttemptContext['target'],
  { passThrough }: ProviderCodec,
  memory: ReasoningMemory,
): Buffer | string {
  const isForeign = foreignTo(provider.id, memory);
  const target = { provider: provider.id, model, quirks: provider.quirksFor(model), isForeign };
  const dropsThread = !provider.holdsThreads && body.has('thread');
  const foreignState = passThrough?.foreignState.mayBeIn(body.raw, target) === true ? passThrough.foreignState : null;
  if (!dropsThread && foreignState === null) return body.withModel(model);
  const decoded = body.decode();
  if (dropsThread) refuseContinuedThread(decoded.thread);
  const kept = foreignState?.remove(decoded, target) ?? decoded;
  if (!dropsThread && kept === decoded) return body.withModel(model);
  const { thread, ...rest } = kept;
  return JSON.stringify({ ...(dropsThread ? rest : kept), model });
}

function refuseContinuedThread(thread: unknown): void {
  if (isObject(thread) && thread.type === 'continue') throw ProxyError.of('thread_unsupported', undefined);
}

function foreignTo(provider: string, { signatures }: ReasoningMemory): ((signature: string) => boolean) | null {
  return signatures.knowsOthers(provider) ? (signature) => signatures.isForeign(signature, provider) : null;
}

/** Codecs leave out what they know; a model may refuse what they have no other way to say as well. */
function withoutRefusedBy(body: Uint8Array | string, refused: ReadonlySet<string>): Uint8Array | string {
  return refused.size === 0 ? body : withoutRefused(body, refused);
}

const TRANSLATED_HEADERS = ['content-type', 'application/json', 'accept-encoding', 'identity', 'user-agent', 'cproxy'];
const NO_TOOLS: ReadonlyMap<string, Tool> = new Map();
const NOTHING = { toolNames: new Map<string, string>(), offeredTools: NO_TOOLS, stopSequences: [], warnings: [] };

/**
 * @param options `hops`: marks of the CProxy instances the request has passed, ours included.
 * @throws ProxyError `invalid_field` where translation cannot read the request, `thread_unsupported`.
 */
export function upstreamRequest(
  context: AttemptContext,
  { hops, memory }: { hops: string; memory: ReasoningMemory },
): UpstreamRequest {
  const { request, plan } = context.request;
  const { provider, model } = context.target;
  const { protocol } = request.codec;
  const codec = provider.codecFor({
    protocol,
    model,
    has: (field) => request.body.isSet(field),
    text: (field) => request.body.text(field),
  });
  const refused = provider.refused.of(model);
  const shared = {
    protocol: codec.protocol,
    clientCredentials: request.clientCredentials,
    about: { askedModel: request.body.model, route: plan?.route ?? '' },
    hops,
  };
  if (protocol === codec.protocol) {
    const bytes = passThroughBody(request.body, context.target, codec, memory);
    return {
      codec,
      sameProtocol: true,
      call: {
        ...shared,
        path: `${codec.path}${request.query}`,
        headers: requestHeaders(request.rawHeaders),
        // Anthropic's clients recover from a refusal by themselves.
        body: protocol === 'anthropic' ? bytes : withoutRefusedBy(bytes, refused),
      },
      ...NOTHING,
      answerEncoder: null,
      estimatedInputTokens: estimateTokensOfBytes(request.body.raw.length),
      clientKey: provider.usesClientKey,
    };
  }
  const body = request.body.decode();
  const decoded = request.codec.decodeRequest(body);
  refuseContinuedThread(decoded.thread);
  const quirks = provider.quirksFor(model);
  const estimatedInputTokens = estimateTokensOfRequest(request.body.raw.length, decoded);
  const encoded = codec.encodeRequest(decoded, {
    provider: provider.id,
    model,
    quirks,
    facts: provider.factsOf(model),
    refused,
    session: request.header('x-claude-code-session-id'),
    estimatedInputTokens,
    window: provider.window,
    isForeign: foreignTo(provider.id, memory),
  });
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
      body: withoutRefusedBy(encoded.body, refused),
    },
    toolNames: encoded.toolNames,
    // A client may offer hundreds; only who looks for calls in the text of an answer asks for them.
    offeredTools: quirks.readsMarkup ? new Map(decoded.tools?.map((tool) => [tool.name, tool])) : NO_TOOLS,
    stopSequences: encoded.stopSequences ?? [],
    answerEncoder: request.codec.answerEncoder(() => body),
    estimatedInputTokens,
    clientKey: false,
    warnings: encoded.warnings,
  };
}
