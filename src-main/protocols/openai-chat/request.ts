import { hash } from 'node:crypto';
import type { MessagesRequest } from '../canonical.ts';
import type { EncodedRequest, EncodeTarget, Quirks } from '../codec.ts';
import { effortOf } from '../effort.ts';
import { JsonWriter } from '../json-writer.ts';
import { isStrict } from '../tool-schema.ts';
import { encodeMessages } from './messages.ts';
import { encodeTools } from './tools.ts';

/** OpenAI takes at most four. */
const STOP_LIMIT = 4;

/**
 * A canonical request as the body of `POST /chat/completions`. A pure function of its arguments. What has no counterpart
 * (`context_management`, `cache_control`, `safeguards`, betas and whatever else is not read) is not sent.
 */
export function encodeRequest(request: MessagesRequest, { model, quirks }: EncodeTarget): EncodedRequest {
  const toolNames = new Map<string, string>();
  const warnings = new Set<string>();
  const messages = encodeMessages(request, { quirks, toolNames, warnings });
  const { tools, choice } = encodeTools(request, toolNames, warnings);
  // undefined fields vanish in JSON.
  const rest = {
    ...choice,
    ...maxTokens(request, quirks),
    stop: stop(request, warnings),
    temperature: request.temperature ?? undefined,
    top_p: request.top_p ?? undefined,
    reasoning_effort: quirks.reasoningFormat === 'reasoning_effort' ? effortOf(request) : undefined,
    response_format: responseFormat(request),
    user: user(request),
    ...stream(request, quirks),
  };
  if (typeof request.top_k === 'number') warnings.add('top_k has no counterpart and was left out.');
  const body = new JsonWriter().text('{"model":').value(model).text(',"messages":[');
  for (const [index, message] of messages.entries()) body.text(index === 0 ? '' : ',').value(message);
  body.text(']');
  if (tools !== null) body.text(',"tools":').bytes(tools);
  const end = JSON.stringify(rest);
  body.text(end === '{}' ? '}' : `,${end.slice(1)}`);
  return { body: body.finish(), toolNames, warnings: [...warnings] };
}

/** Anthropic's `max_tokens: 0` (fill the prompt cache only) is refused elsewhere; one token is the least there is. */
function maxTokens({ max_tokens: limit }: MessagesRequest, quirks: Quirks): Record<string, number> {
  return typeof limit === 'number' ? { [quirks.maxTokensField]: Math.max(1, limit) } : {};
}

function stop({ stop_sequences: sequences }: MessagesRequest, warnings: Set<string>): string[] | undefined {
  if (!sequences?.length) return undefined;
  if (sequences.length > STOP_LIMIT) warnings.add(`Only the first ${STOP_LIMIT} stop sequences were sent.`);
  return sequences.slice(0, STOP_LIMIT);
}

function responseFormat({ output_config }: MessagesRequest): Record<string, unknown> | undefined {
  const schema = output_config?.format?.schema;
  if (schema === undefined) return undefined;
  return { type: 'json_schema', json_schema: { name: 'output', schema, strict: isStrict(schema) } };
}

/** Hashed: Claude Code's user id is a JSON text longer than `user` may be, and names the account to strangers. */
function user({ metadata }: MessagesRequest): string | undefined {
  return metadata?.user_id ? hash('sha256', metadata.user_id, 'hex') : undefined;
}

function stream(request: MessagesRequest, quirks: Quirks): Record<string, unknown> {
  if (request.stream !== true) return {};
  return quirks.asksStreamUsage ? { stream: true, stream_options: { include_usage: true } } : { stream: true };
}
