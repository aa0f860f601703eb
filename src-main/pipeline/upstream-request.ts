import type { Message, Tool } from '../protocols/canonical.ts';
import type { AnswerEncoder, ProviderCodec } from '../protocols/codec.ts';
import { estimateTokensOfBytes, estimateTokensOfRequest } from '../protocols/estimate-tokens.ts';
import { withoutRefused } from '../protocols/refused-parameter.ts';
import type { RequestField } from '../protocols/request-body.ts';
import type { ProviderCall } from '../providers/base-provider.ts';
import { requestFor, withChangedHeaders } from './changed-request.ts';
import type { AttemptContext } from './context.ts';
import { requestHeaders, withTrace } from './forwarded-headers.ts';
import { passThroughBody, refuseContinuedThread } from './pass-through-body.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import { foreignTo, restoredMessages } from './restored-reasoning.ts';

/** A client's request as one target gets it. */
export interface UpstreamRequest {
  /** The dialect it is sent in. */
  codec: ProviderCodec;
  /** That is the client's own dialect: the provider gets the client's own bytes. */
  sameProtocol: boolean;
  /** Without the key, which is chosen when it is sent. */
  call: Omit<ProviderCall, 'signal' | 'key'>;
  toolNames: ReadonlyMap<string, string>;
  offeredTools: ReadonlyMap<string, Tool>;
  usedToolIds: ReadonlySet<string>;
  stopSequences: readonly string[];
  /** How the answer is written; null where that is not known before the answer needs it. */
  answerEncoder: AnswerEncoder | null;
  estimatedInputTokens: number;
  /** The client's own credential is used. */
  clientKey: boolean;
  /** The answer's stream tells its usage in a frame of which the client is to know nothing. */
  hidesUsage: boolean;
  /** What was lost in translation, for the trace. */
  warnings: readonly string[];
  /** Names the conversation that its answer is remembered by; null where nothing of it is. */
  conversation: string | null;
}

const TRANSLATED_HEADERS = ['content-type', 'application/json', 'accept-encoding', 'identity', 'user-agent', 'cproxy'];
const NO_TOOLS: ReadonlyMap<string, Tool> = new Map();
const NOTHING = {
  toolNames: new Map<string, string>(),
  offeredTools: NO_TOOLS,
  usedToolIds: new Set<string>(),
  stopSequences: [],
};

function toolIdsIn(messages: readonly Message[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { role, content } of messages)
    if (role === 'assistant' && typeof content !== 'string')
      for (const block of content) if (block.type === 'tool_use') ids.add(block.id);
  return ids;
}

/** The dialect in which a target is asked. */
export function codecFor(context: AttemptContext): ProviderCodec {
  const { body, codec } = requestFor(context);
  const { provider, model } = context.target;
  const has = (field: RequestField): boolean => body.isSet(field);
  return provider.codecFor({ protocol: codec.protocol, model, has, text: (field) => body.text(field) });
}

/**
 * @param options `hops`: marks of the CProxy instances the request has passed, ours included. `codec`: of another dialect than
 * the provider would be spoken to in.
 * @throws ProxyError `invalid_field` where translation cannot read the request, `thread_unsupported`.
 */
export async function upstreamRequest(
  context: AttemptContext,
  { hops, memory, codec = codecFor(context) }: { hops: string; memory: ReasoningMemory; codec?: ProviderCodec },
): Promise<UpstreamRequest> {
  const { traceHeaders } = context;
  const { plan } = context.request;
  const request = requestFor(context);
  const { provider, model, changes } = context.target;
  const { protocol } = request.codec;
  const refused = provider.refused.of(model);
  const shared = {
    protocol: codec.protocol,
    clientCredentials: request.clientCredentials,
    about: { askedModel: request.body.model, route: plan?.route ?? '' },
    hops,
  };
  if (protocol === codec.protocol) {
    const { bytes, conversation, hidesUsage, warnings } = await passThroughBody(context, codec, memory);
    return {
      codec,
      sameProtocol: true,
      call: {
        ...shared,
        path: `${codec.path}${request.query}`,
        headers: withChangedHeaders(withTrace(requestHeaders(request.rawHeaders), traceHeaders), changes),
        // Anthropic's clients recover from a refusal by themselves.
        body: protocol === 'anthropic' ? bytes : withoutRefused(bytes, refused),
      },
      ...NOTHING,
      answerEncoder: null,
      estimatedInputTokens: estimateTokensOfBytes(request.body.raw.length),
      clientKey: provider.usesClientKey,
      hidesUsage,
      warnings,
      conversation,
    };
  }
  const body = request.body.decode();
  const decoded = request.codec.decodeRequest(body);
  refuseContinuedThread(decoded.thread);
  const quirks = provider.quirksFor(model);
  const estimatedInputTokens = estimateTokensOfRequest(request.body.raw.length, decoded);
  const conversation = context.request.conversation(body);
  const messages = await restoredMessages(decoded.messages, context, codec, { memory, conversation });
  const whole = messages === decoded.messages ? decoded : { ...decoded, messages };
  const encoded = codec.encodeRequest(whole, {
    provider: provider.id,
    model,
    quirks,
    facts: provider.factsOf(model),
    refused,
    session: request.header('x-claude-code-session-id'),
    estimatedInputTokens,
    window: provider.window,
    keepAliveMs: provider.keepAliveMs,
    isForeign: await foreignTo(provider.id, memory),
  });
  return {
    codec,
    sameProtocol: false,
    call: {
      ...shared,
      path: codec.path,
      headers: withChangedHeaders(
        [
          ...TRANSLATED_HEADERS,
          'accept',
          request.body.stream ? 'text/event-stream' : 'application/json',
          ...(encoded.headers ?? []),
          ...(traceHeaders ?? []),
        ],
        changes,
      ),
      // Codecs leave out what they know; a model may refuse what they have no other way to say as well.
      body: withoutRefused(encoded.body, refused),
    },
    toolNames: encoded.toolNames,
    // A client may offer hundreds; only who looks for calls in the text of an answer asks for them.
    offeredTools: quirks.readsMarkup ? new Map(decoded.tools?.map((tool) => [tool.name, tool])) : NO_TOOLS,
    usedToolIds: toolIdsIn(decoded.messages),
    stopSequences: encoded.stopSequences ?? [],
    answerEncoder: request.codec.answerEncoder(() => body),
    estimatedInputTokens,
    clientKey: false,
    hidesUsage: false,
    warnings: encoded.warnings,
    conversation,
  };
}
