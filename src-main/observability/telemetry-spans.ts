import {
  type Attributes,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import { type InstrumentationScope, millisToHrTime } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { AttemptRow, RequestRow, TokenUsage } from '../../src-shared/requests.ts';
import type { TelemetryAttempt, TelemetryRequest } from './telemetry-request.ts';
import type { TraceContext } from './trace-context.ts';

/** Where spans come from. */
export interface SpanSource {
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
}

/** Clients may ask for models of any name. */
const LONGEST_TEXT = 256;
const MOST_STEPS = 64;
/** Steps whose details are names and times. Others may be in a provider's words, which may quote what was said. */
const IN_OUR_WORDS = new Set(['model', 'rule', 'targets', 'asked again', 'waited', 'cache']);

/**
 * The spans of a request that has finished: its own first, then one an attempt. Names, counts and times alone, after
 * OpenTelemetry's GenAI conventions. Tokens and cost stand with attempts, so that whoever adds up spans counts them once.
 * None where the trace is not sampled.
 */
export function spansOf(request: TelemetryRequest, source: SpanSource): ReadableSpan[] {
  const { row, trace, attempts } = request;
  if (trace === null || !trace.isSampled) return [];
  const children = row.attempts.flatMap((attempt) => {
    const known = attempts.get(attempt);
    return known === undefined ? [] : [attemptSpan(row, trace, attempt, known, source)];
  });
  return [requestSpan(request, trace, source), ...children];
}

function requestSpan({ row, attempts }: TelemetryRequest, trace: TraceContext, source: SpanSource): ReadableSpan {
  const last = row.attempts.at(-1);
  const answered = row.state === 'answered' && last !== undefined;
  return span(source, {
    name: `chat ${short(row.askedModel)}`,
    kind: SpanKind.SERVER,
    trace,
    spanId: trace.spanId,
    parent: trace.parentId === null ? null : { spanId: trace.parentId, isRemote: true },
    beginsAt: row.startedAt,
    endsAt: row.startedAt + (row.endedMs ?? 0),
    error: row.state === 'failed' ? (row.error?.code ?? '_OTHER') : null,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': (last && attempts.get(last)?.providerName) ?? 'cproxy',
      'gen_ai.request.model': row.askedModel,
      'gen_ai.response.model': answered ? last.model : undefined,
      'gen_ai.request.stream': row.stream || undefined,
      'gen_ai.conversation.id': row.sessionId ?? undefined,
      'gen_ai.response.finish_reasons': row.stopReason === null ? undefined : [row.stopReason],
      'gen_ai.response.time_to_first_chunk': row.stream ? seconds(row.firstContentMs) : undefined,
      'http.request.method': 'POST',
      'http.response.status_code': row.status ?? undefined,
      'url.path': row.path,
      'user_agent.original': row.userAgent ?? undefined,
      'cproxy.request.id': row.id,
      'cproxy.state': row.state,
      'cproxy.class': row.class ?? undefined,
      'cproxy.project': row.project ?? undefined,
      'cproxy.client': row.client ?? undefined,
      'cproxy.route': row.route ?? undefined,
      'cproxy.cache': row.cache ?? undefined,
      'cproxy.overhead_ms': row.overheadMs ?? undefined,
      'cproxy.queued_ms': row.queuedMs === 0 ? undefined : row.queuedMs,
      'cproxy.steps': row.trace
        .slice(0, MOST_STEPS)
        .map(({ step, detail }) => (IN_OUR_WORDS.has(step) ? `${step}: ${detail}` : step)),
    },
  });
}

function attemptSpan(
  row: RequestRow,
  trace: TraceContext,
  attempt: AttemptRow,
  { spanId, providerName, server }: TelemetryAttempt,
  source: SpanSource,
): ReadableSpan {
  const { startedMs, firstContentMs, endedMs, outcome, error, usage, stopReason } = attempt;
  return span(source, {
    name: `chat ${short(attempt.model)}`,
    kind: SpanKind.CLIENT,
    trace,
    spanId,
    parent: { spanId: trace.spanId, isRemote: false },
    beginsAt: row.startedAt + startedMs,
    endsAt: row.startedAt + (endedMs ?? row.endedMs ?? startedMs),
    error: outcome === 'failed' ? (error?.code ?? '_OTHER') : null,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': providerName,
      'gen_ai.request.model': attempt.model,
      'gen_ai.request.stream': row.stream || undefined,
      'gen_ai.conversation.id': row.sessionId ?? undefined,
      'gen_ai.response.finish_reasons': stopReason === null ? undefined : [stopReason],
      'gen_ai.response.time_to_first_chunk':
        row.stream && firstContentMs !== null ? seconds(firstContentMs - startedMs) : undefined,
      'server.address': server?.address,
      'server.port': server?.port,
      'http.response.status_code': attempt.status ?? undefined,
      ...(usage === null ? {} : tokens(usage)),
      'cproxy.provider': attempt.provider,
      'cproxy.key': attempt.key ?? undefined,
      'cproxy.mode': attempt.mode,
      'cproxy.outcome': outcome,
      'cproxy.usage.is_partial': attempt.usageIsPartial || undefined,
      'cproxy.cost.usd': attempt.cost?.usd,
      'cproxy.queued_ms': attempt.queuedMs === 0 ? undefined : attempt.queuedMs,
    },
  });
}

/** The conventions count what is read from a cache or written to it as input, and thinking as output. */
function tokens({ input, cacheRead, cacheWrite, output, reasoning }: TokenUsage): Attributes {
  return {
    'gen_ai.usage.input_tokens': input + cacheRead + cacheWrite,
    'gen_ai.usage.cache_read.input_tokens': cacheRead,
    'gen_ai.usage.cache_creation.input_tokens': cacheWrite,
    'gen_ai.usage.output_tokens': output,
    'gen_ai.usage.reasoning.output_tokens': reasoning,
  };
}

interface SpanParts {
  name: string;
  kind: SpanKind;
  trace: TraceContext;
  spanId: string;
  parent: { spanId: string; isRemote: boolean } | null;
  /** Unix time in ms, as is `endsAt`. */
  beginsAt: number;
  endsAt: number;
  /** A code; null where there was none. */
  error: string | null;
  attributes: Attributes;
}

function span(source: SpanSource, parts: SpanParts): ReadableSpan {
  const { name, kind, trace, parent, error } = parts;
  const { traceId } = trace;
  const context: SpanContext = { traceId, spanId: parts.spanId, traceFlags: TraceFlags.SAMPLED };
  const status: SpanStatus = { code: error === null ? SpanStatusCode.UNSET : SpanStatusCode.ERROR };
  return {
    name,
    kind,
    spanContext: () => context,
    ...(parent === null ? {} : { parentSpanContext: { ...parent, traceId, traceFlags: TraceFlags.SAMPLED } }),
    startTime: millisToHrTime(parts.beginsAt),
    endTime: millisToHrTime(parts.endsAt),
    duration: millisToHrTime(parts.endsAt - parts.beginsAt),
    ended: true,
    status,
    attributes: tidy({ ...parts.attributes, 'error.type': error ?? undefined }),
    links: [],
    events: [],
    ...source,
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
}

/** Without what is not known, and with no text that is too long. */
function tidy(attributes: Attributes): Attributes {
  const kept: Attributes = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined) continue;
    if (typeof value === 'string') kept[name] = short(value);
    else if (name === 'cproxy.steps' && Array.isArray(value)) kept[name] = value.map((step) => short(String(step)));
    else kept[name] = value;
  }
  return kept;
}

const short = (text: string): string => (text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`);

const seconds = (ms: number | null): number | undefined => (ms === null ? undefined : ms / 1000);
