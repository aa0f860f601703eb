import type { Target } from '../routing/plan.ts';
import { headerText } from './answer.ts';
import { requestFor } from './changed-request.ts';
import type { AnswerHeaders, ClientRequest } from './client-request.ts';
import type { AttemptContext } from './context.ts';
import type { CountedPrompt, LocalCount, LocalCounter } from './local-counter.ts';
import { askOwnCounter, type OwnCount, type OwnCountOptions } from './own-count.ts';

/** Who has counted: the target itself, or this machine in one of its ways. */
export type CountSource = 'provider' | LocalCount['method'];

/** An answer to a client that asks how many tokens a request has. */
export interface CountAnswer {
  status: number;
  headers: AnswerHeaders;
  body: string | Buffer;
}

export interface CountOptions extends OwnCountOptions {
  counter: LocalCounter;
}

/** A request as the local counter takes it. */
export function countedPrompt({ codec, body }: ClientRequest, { provider, model }: Target): CountedPrompt {
  return { protocol: codec.protocol, raw: body.raw, target: { provider: provider.id, model } };
}

/**
 * Counts a request for the first of its targets that can be reached: by the target's own counter where it has one, else here.
 * @param attempts one for each target, in their order; at least one.
 * @throws ProxyError `invalid_field`, where it must be read here and cannot be.
 */
export async function countTokens(
  request: ClientRequest,
  attempts: readonly AttemptContext[],
  options: CountOptions,
): Promise<CountAnswer> {
  for (const attempt of attempts) {
    const own = await askOwnCounter(attempt, options, false);
    if (own.kind !== 'unreachable') return answerOf(request, attempt, own, options);
  }
  return answerOf(request, attempts[0] as AttemptContext, { kind: 'none' }, options);
}

async function answerOf(
  request: ClientRequest,
  attempt: AttemptContext,
  own: Exclude<OwnCount, { kind: 'unreachable' }>,
  { counter }: CountOptions,
): Promise<CountAnswer> {
  switch (own.kind) {
    case 'refused': {
      const { error, original } = own.failure;
      const { status, headers, body } = original ?? request.codec.encodeError(error, request.id);
      return { status, headers: { ...headers, ...about(request, attempt) }, body };
    }
    case 'counted':
      return answered(request, attempt, own.tokens, 'provider', own.original);
    case 'none': {
      request.codec.decodeRequest(request.body.decode());
      const { tokens, method } = await counter.count(countedPrompt(requestFor(attempt), attempt.target));
      return answered(request, attempt, tokens, method, null);
    }
  }
}

function answered(
  request: ClientRequest,
  attempt: AttemptContext,
  tokens: number,
  source: CountSource,
  original: { headers: AnswerHeaders; body: Buffer } | null,
): CountAnswer {
  const object = request.codec.protocol === 'openai-responses' ? { object: 'response.input_tokens' } : {};
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...original?.headers,
      ...about(request, attempt),
      'x-cproxy-token-count': source,
    },
    body: original?.body ?? JSON.stringify({ ...object, input_tokens: tokens }),
  };
}

function about({ id, codec }: ClientRequest, { request, target }: AttemptContext): AnswerHeaders {
  return {
    [codec.requestIdHeader]: id,
    'x-cproxy-provider': target.provider.id,
    'x-cproxy-model': headerText(target.model),
    ...(request.plan === null ? {} : { 'x-cproxy-route': headerText(request.plan.route) }),
  };
}
