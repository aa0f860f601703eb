import { ProxyError } from '../../src-shared/errors.ts';
import type { Message, Tool } from '../protocols/canonical.ts';
import type { AnswerEncoder, ForeignStateTarget, ProviderCodec } from '../protocols/codec.ts';
import { estimateTokensOfBytes, estimateTokensOfRequest } from '../protocols/estimate-tokens.ts';
import { isObject } from '../protocols/is-object.ts';
import { withoutRefused } from '../protocols/refused-parameter.ts';
import { nothingRemembered, type Recall } from '../protocols/remembered-turn.ts';
import type { RequestField } from '../protocols/request-body.ts';
import { holdsCalls, restoreTurns } from '../protocols/restore-turns.ts';
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
  usedToolIds: ReadonlySet<string>;
  stopSequences: readonly string[];
  /** How the answer is written; null where that is not known before the answer needs it. */
  answerEncoder: AnswerEncoder | null;
  estimatedInputTokens: number;
  /** The client's own credential is used. */
  clientKey: boolean;
  /** What was lost in translation, for the trace. */
  warnings: readonly string[];
  /** Names the conversation that its answer is remembered by; null where nothing of it is. */
  conversation: string | null;
}

/**
 * The client's own bytes, but for what this provider cannot take, and what it must be given:
 *
 * - A message thread (beta message-threads-2026-08-12) carries only what is new, so it works only where it was begun: with
 *   Anthropic itself. Elsewhere its beginning is dropped, and to go on with it is refused in the words that make Claude Code
 *   send the whole history.
 * - Reasoning of another provider, which has answered in this conversation before, is refused; it is left out.
 * - Its own that the client has lost is put back.
 *
 * @throws ProxyError `thread_unsupported`
 */
async function passThroughBody(
  context: AttemptContext,
  { passThrough }: ProviderCodec,
  memory: ReasoningMemory,
): Promise<{ bytes: Buffer | string; conversation: string | null; warnings: readonly string[] }> {
  const { body } = context.request.request;
  const { provider, model } = context.target;
  // Without them, a provider would refuse another's signatures, and none of the conversation's would be believed any more.
  const reading = memory.signatures.ready();
  if (reading !== null) await reading;
  const isForeign = foreignTo(provider.id, memory);
  const target: ForeignStateTarget = { provider: provider.id, model, quirks: provider.quirksFor(model), isForeign };
  const dropsThread = !provider.holdsThreads && body.has('thread');
  const foreignState = passThrough?.foreignState.mayBeIn(body.raw, target) === true ? passThrough.foreignState : null;
  const restoration = passThrough?.restoration?.wantedBy(target.quirks) === true ? passThrough.restoration : null;
  const restores = restoration?.mayBeNeeded(body.raw) === true;
  const remembers = restores || (restoration !== null && body.has('tools'));
  if (!dropsThread && foreignState === null && !remembers)
    return { bytes: body.withModel(model), conversation: null, warnings: [] };
  const decoded = body.decode();
  if (dropsThread) refuseContinuedThread(decoded.thread);
  const conversation = remembers ? context.request.conversation(decoded) : null;
  const warnings = new Set<string>();
  let kept = decoded;
  // First, while calls have the ids that they are remembered by.
  if (restores && conversation !== null) {
    const given = restoration.restore(decoded, target, await memory.recall(conversation));
    kept = given.body;
    traceRestored(context, given.turns);
  }
  kept = foreignState?.remove(kept, target, warnings) ?? kept;
  if (!dropsThread && kept === decoded) return { bytes: body.withModel(model), conversation, warnings: [...warnings] };
  const { thread, ...rest } = kept;
  const bytes = JSON.stringify({ ...(dropsThread ? rest : kept), model });
  return { bytes, conversation, warnings: [...warnings] };
}

/** The conversation with what the client has lost of this target's own reasoning. */
async function restored(
  messages: Message[],
  context: AttemptContext,
  { protocol }: ProviderCodec,
  { memory, conversation }: { memory: ReasoningMemory; conversation: string },
): Promise<Message[]> {
  if (!holdsCalls(messages)) return messages;
  const recall: Recall = await memory.recall(conversation);
  if (recall === nothingRemembered) return messages;
  const { provider, model } = context.target;
  const quirks = provider.quirksFor(model);
  const target = {
    provider: provider.id,
    model,
    takesUnsigned: protocol === 'anthropic' ? quirks.takesEmptySignature : quirks.returnsReasoningContent,
    takesPhases: protocol === 'openai-responses',
    // OpenAI's SDK keeps the last piece of each field that it does not know, of a stream.
    losesParts: context.request.request.codec.protocol === 'openai-chat',
  };
  const given = restoreTurns(messages, target, recall);
  traceRestored(context, given.turns);
  return given.messages;
}

/** Once, however often the target is asked. */
function traceRestored({ request, target: { provider, model } }: AttemptContext, turns: number): void {
  if (turns === 0) return;
  const { trace } = request.row;
  const which = turns === 1 ? 'one turn' : `${turns} turns`;
  const detail = `given back to ${provider.id}/${model}: reasoning of ${which} that the client had left out`;
  if (!trace.some((step) => step.detail === detail)) trace.push({ step: 'reasoning', detail });
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
export function codecFor({ request: { request }, target: { provider, model } }: AttemptContext): ProviderCodec {
  const { body, codec } = request;
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
  { hops, memory, ...options }: { hops: string; memory: ReasoningMemory; codec?: ProviderCodec },
): Promise<UpstreamRequest> {
  const { request, plan } = context.request;
  const { provider, model } = context.target;
  const { protocol } = request.codec;
  const codec = options.codec ?? codecFor(context);
  const refused = provider.refused.of(model);
  const shared = {
    protocol: codec.protocol,
    clientCredentials: request.clientCredentials,
    about: { askedModel: request.body.model, route: plan?.route ?? '' },
    hops,
  };
  if (protocol === codec.protocol) {
    const { bytes, conversation, warnings } = await passThroughBody(context, codec, memory);
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
  const messages = await restored(decoded.messages, context, codec, { memory, conversation });
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
    usedToolIds: toolIdsIn(decoded.messages),
    stopSequences: encoded.stopSequences ?? [],
    answerEncoder: request.codec.answerEncoder(() => body),
    estimatedInputTokens,
    clientKey: false,
    warnings: encoded.warnings,
    conversation,
  };
}
