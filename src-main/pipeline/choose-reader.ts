import { ProxyError } from '../../src-shared/errors.ts';
import type { StreamEvent } from '../protocols/canonical.ts';
import type { DecodeContext } from '../protocols/codec.ts';
import { TurnRecorder } from '../protocols/turn-recorder.ts';
import type { ProviderAnswer } from '../providers/base-provider.ts';
import {
  type AnswerReader,
  jsonSource,
  messageSink,
  PassThroughJsonReader,
  PassThroughStreamReader,
  streamSink,
  TranslatingReader,
  WEB_PAGE,
} from './answer-readers.ts';
import { AnswerWatcher } from './answer-watcher.ts';
import type { AttemptContext } from './context.ts';
import { SlowStart, type SlowStartSettings } from './slow-start.ts';
import type { UpstreamRequest } from './upstream-request.ts';

/**
 * How a provider's answer is read: watched where both sides speak the same protocol, decoded where they do not, or where
 * it came as a stream and was not to, or the other way round.
 *
 * @param onEvent what middleware makes of each event; null where none wants to see them.
 * @throws ProxyError `provider_garbage`
 */
export function chooseReader(
  context: AttemptContext,
  upstream: UpstreamRequest,
  received: ProviderAnswer,
  onEvent: ((event: StreamEvent, context: AttemptContext) => readonly StreamEvent[]) | null,
): AnswerReader {
  const { request } = context.request;
  const { provider } = context.target;
  const { codec } = upstream;
  const type = contentType(received);
  if (request.body.stream && type.includes('html')) {
    received.body.on('error', () => undefined).destroy();
    throw ProxyError.of('provider_garbage', { provider: provider.id, reason: `it is ${WEB_PAGE}` });
  }
  const streamed = isStreamed(context, received);
  const decodeContext = decodeContextOf(context, upstream);
  if (upstream.sameProtocol && codec.passThrough !== null && onEvent === null && streamed === request.body.stream) {
    const watcher = upstream.conversation === null ? null : new AnswerWatcher(codec, decodeContext);
    return streamed
      ? new PassThroughStreamReader(provider.id, codec.passThrough.createTap(upstream.hidesUsage), watcher)
      : new PassThroughJsonReader(provider.id, codec.passThrough.readAnswer, watcher);
  }
  const answer = upstream.answerEncoder ?? request.codec.answerEncoder(() => request.body.decode());
  const source = streamed
    ? codec.createStreamDecoder(decodeContext)
    : jsonSource(provider.id, (body) => codec.decodeAnswer(body, decodeContext));
  const sink = request.body.stream ? streamSink(answer) : messageSink(answer);
  const middleware = onEvent === null ? null : (event: StreamEvent) => onEvent(event, context);
  return new TranslatingReader(source, sink, middleware, new TurnRecorder(decodeContext.target));
}

const contentType = ({ headers }: ProviderAnswer): string => String(headers['content-type'] ?? '');

/** Some servers stream what was not to be streamed, and some do not stream what was. */
function isStreamed({ request }: AttemptContext, received: ProviderAnswer): boolean {
  const type = contentType(received);
  return /event-stream|ndjson/.test(type) || (request.request.body.stream && !type.includes('json'));
}

function decodeContextOf({ request, target }: AttemptContext, upstream: UpstreamRequest): DecodeContext {
  const { provider, model } = target;
  return {
    model: request.request.body.model,
    target: { provider: provider.id, model },
    quirks: provider.quirksFor(model),
    estimatedInputTokens: upstream.estimatedInputTokens,
    toolNames: upstream.toolNames,
    offeredTools: upstream.offeredTools,
    usedToolIds: upstream.usedToolIds,
    stopSequences: upstream.stopSequences,
  };
}

/**
 * What watches whether a stream begins slowly; null where nobody is to, or the client waits for the whole of it.
 * @param settings null where the beginning of streams is not held.
 */
export function slowStartOf(
  context: AttemptContext,
  upstream: UpstreamRequest,
  received: ProviderAnswer,
  settings: SlowStartSettings | null,
): SlowStart | null {
  if (settings === null || context.noOther) return null;
  if (!context.request.request.body.stream || !isStreamed(context, received)) return null;
  return new SlowStart(upstream.codec.createStreamDecoder(decodeContextOf(context, upstream)), settings);
}
