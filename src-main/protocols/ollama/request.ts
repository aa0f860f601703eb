import type { MessagesRequest } from '../canonical.ts';
import type { EncodedRequest, EncodeTarget } from '../codec.ts';
import { effortOf, nearestEffort, type ReasoningEffort } from '../effort.ts';
import { JsonWriter } from '../json-writer.ts';
import { warnOfLost } from '../lost-fields.ts';
import { outputSchema } from '../tool-schema.ts';
import { encodeMessages } from './messages.ts';
import { modelOptions } from './options.ts';
import { encodeTools } from './tools.ts';

/**
 * A canonical request as the body of `POST /api/chat`. A pure function of its arguments.
 *
 * `truncate` and `shift` are off: Ollama would take the oldest messages out of a conversation that does not fit its window,
 * and then drop the beginning while it writes, without telling anyone. Off, it says so, and clients compact.
 *
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeRequest(request: MessagesRequest, target: EncodeTarget): EncodedRequest {
  const toolNames = new Map<string, string>();
  const warnings = new Set<string>();
  const { tools, instruction } = encodeTools(request, target, toolNames, warnings);
  const messages = encodeMessages(request, instruction, { target, toolNames, warnings });
  const { chat = {}, responses, verbosity } = request.openai ?? {};
  const { seed, presence_penalty, frequency_penalty, logprobs, top_logprobs, ...lost } = chat;
  warnOfLost({ ...lost, ...responses, verbosity }, warnings);
  // undefined fields vanish in JSON.
  const rest = {
    stream: request.stream === true,
    think: target.refused.has('think') ? undefined : thinkOf(request, target),
    format: formatOf(request, target),
    options: modelOptions(request, target),
    keep_alive: keepAlive(target.keepAliveMs),
    ...(logprobs === true ? { logprobs, top_logprobs: top_logprobs ?? undefined } : {}),
    truncate: false,
    shift: false,
  };
  const body = new JsonWriter().text('{"model":').value(target.model).text(',"messages":[');
  for (const [index, message] of messages.entries()) body.text(index === 0 ? '' : ',').value(message);
  body.text(']');
  if (tools !== null) body.text(',"tools":').text(tools);
  body.text(`,${JSON.stringify(rest).slice(1)}`);
  return { body: body.finish(), toolNames, warnings: [...warnings] };
}

/** As Ollama reads a duration: a text of Go's, or a negative number for ever (`api.Duration`). */
export function keepAlive(ms: number | null): string | number | undefined {
  if (ms === null) return undefined;
  return ms < 0 ? -1 : `${ms}ms`;
}

const LEVELS: readonly ReasoningEffort[] = ['low', 'medium', 'high'];

/**
 * Whether the model is to think. Only gpt-oss takes levels, and cannot be kept from thinking; others refuse them ("think
 * value "medium" is not supported for this model") or take each for `true`.
 * @returns undefined where the request leaves it to the model, or the model cannot think.
 */
function thinkOf(request: MessagesRequest, { model, facts }: EncodeTarget): boolean | string | undefined {
  if (facts.reasoning === false) return undefined;
  const effort = effortOf(request);
  const { thinking } = request;
  const asked = effort !== undefined || thinking?.type === 'adaptive' || thinking?.type === 'enabled';
  if (!asked) return facts.reasoning === true ? true : undefined;
  if (/gpt-oss/i.test(model)) return effort === undefined ? undefined : nearestEffort(effort, LEVELS);
  return effort !== 'none';
}

/** `format` is "json", or a schema. */
function formatOf({ openai, output_config }: MessagesRequest, { quirks }: EncodeTarget): unknown {
  const format = openai?.format ?? output_config?.format;
  if (format?.type === 'json_object') return 'json';
  if (format?.type !== 'json_schema') return undefined;
  return format.schema === undefined ? 'json' : outputSchema(format.schema, quirks.toolSchema);
}
