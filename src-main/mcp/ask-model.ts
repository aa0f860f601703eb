import type { ContentBlock } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { costOfRequest } from '../../src-shared/costs.ts';
import type { ErrorCode } from '../../src-shared/errors.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { AnswerMessage, StreamEvent } from '../protocols/canonical.ts';
import { isObject } from '../protocols/is-object.ts';
import type { Completion } from './mcp-engine.ts';
import { rpcCodeOfKind } from './rpc-codes.ts';
import { type ToolContext, ToolError } from './tools/tool.ts';
import { amount, cost, count, span } from './words.ts';

/** What is told of an answer besides its words. */
export const answerFactsShape = {
  request_id: z.string().describe('For explain_route'),
  provider: z.string().nullable().describe('Who has answered'),
  model: z.string().nullable().describe('Its model, by the name there'),
  route: z.string().nullable().describe('What has sent it there'),
  stop_reason: z.string().nullable(),
  input_tokens: z.number().nullable().describe('All that was read, from a cache or not; null: not reported'),
  cached_tokens: z.number().nullable().describe('What of it came from the cache'),
  output_tokens: z.number().nullable(),
  cost_usd: z.number().nullable().describe('US dollars; null: not known'),
  ms: z.number().nullable().describe('From the request to the end of the answer'),
  first_content_ms: z.number().nullable(),
  attempts: z.number().int().describe('Targets that were asked until one has answered'),
};
export type AnswerFacts = z.output<z.ZodObject<typeof answerFactsShape>>;

/** A call of a tool that the model wants to be made. */
export const toolCallSchema = z.object({ id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()) });

export interface ModelAnswer {
  text: string;
  toolCalls: z.output<typeof toolCallSchema>[];
  /** Pictures in it. */
  images: ContentBlock[];
  facts: AnswerFacts;
}

/**
 * Asks a model and waits for its whole answer.
 * @param onText told of its text so far, as it comes.
 * @throws ToolError where there is none
 */
export async function askModel(
  body: Readonly<Record<string, unknown>>,
  { engine, signal, userAgent, client }: Pick<ToolContext, 'engine' | 'signal' | 'userAgent' | 'client'>,
  onText?: (text: string) => void,
): Promise<ModelAnswer> {
  let text = '';
  const onEvent = (event: StreamEvent): void => {
    if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return;
    text += event.delta.text;
    onText?.(text);
  };
  const completion = await engine.complete(body, {
    signal,
    userAgent,
    client,
    ...(onText === undefined ? {} : { onEvent }),
  });
  signal.throwIfAborted();
  const row = await (await engine.control()).requests.find({ id: completion.requestId });
  const { message } = completion;
  if (message === null) throw failure(completion, row);
  return { ...contentOf(message), facts: factsOf(completion.requestId, message, row) };
}

/** One line on who has answered, how fast, and what it cost. */
export function factsInWords({
  provider,
  model,
  ms,
  input_tokens,
  output_tokens,
  cost_usd,
  request_id,
}: AnswerFacts): string {
  return [
    `answered by ${provider === null ? 'the cache' : `${provider}/${model}`}${ms === null ? '' : ` in ${span(ms)}`}`,
    ...(input_tokens === null || output_tokens === null
      ? []
      : [`${amount(input_tokens, 'token')} read, ${count(output_tokens)} written`]),
    cost(cost_usd),
    request_id,
  ].join('; ');
}

function failure({ error, requestId }: Completion, row: RequestRow | null): ToolError {
  const code: ErrorCode | null = row?.error?.code ?? null;
  const { type, message } = error ?? { type: 'api_error', message: 'There is no answer.' };
  const text = `${message}\nexplain_route with request "${requestId}" says what was tried.`;
  return new ToolError(text, code, rpcCodeOfKind(type));
}

function contentOf({ content }: AnswerMessage): Pick<ModelAnswer, 'text' | 'toolCalls' | 'images'> {
  const answer: Pick<ModelAnswer, 'text' | 'toolCalls' | 'images'> = { text: '', toolCalls: [], images: [] };
  for (const block of content) {
    if (block.type === 'text') answer.text += block.text;
    else if (block.type === 'tool_use')
      answer.toolCalls.push({ id: block.id, name: block.name, input: isObject(block.input) ? block.input : {} });
    else answer.images.push(...imagesIn(block));
  }
  return answer;
}

/** Blocks that are none of Anthropic's pass through; some compatible servers paint. */
function imagesIn(block: unknown): ContentBlock[] {
  const source = isObject(block) && block.type === 'image' ? block.source : undefined;
  return isObject(source) && typeof source.data === 'string' && typeof source.media_type === 'string'
    ? [{ type: 'image', data: source.data, mimeType: source.media_type }]
    : [];
}

function factsOf(requestId: string, { usage, stop_reason }: AnswerMessage, row: RequestRow | null): AnswerFacts {
  const last = row?.attempts.at(-1);
  const isKnown = row?.attempts.some((attempt) => attempt.usage !== null) === true;
  const read = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
  return {
    request_id: requestId,
    provider: last?.provider ?? null,
    model: last?.model ?? null,
    route: row?.route ?? null,
    stop_reason,
    input_tokens: isKnown ? read : null,
    cached_tokens: isKnown ? usage.cache_read_input_tokens : null,
    output_tokens: isKnown ? usage.output_tokens : null,
    cost_usd: row === null ? null : costOfRequest(row),
    ms: rounded(row?.endedMs),
    first_content_ms: rounded(row?.firstContentMs),
    attempts: row?.attempts.length ?? 0,
  };
}

const rounded = (ms: number | null | undefined): number | null => (typeof ms === 'number' ? Math.round(ms) : null);
