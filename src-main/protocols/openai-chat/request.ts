import type { MessagesRequest, ResponseFormat } from '../canonical.ts';
import type { EncodedRequest, EncodeTarget } from '../codec.ts';
import { JsonWriter } from '../json-writer.ts';
import { warnOfLost } from '../lost-fields.ts';
import { accountFields, responseFormat, sessionOf, within } from '../openai-fields.ts';
import { isOpenaiReasoner } from '../openai-models.ts';
import { outputLimit } from '../output-limit.ts';
import { encodeMessages } from './messages.ts';
import { reasoningSettings } from './reasoning-settings.ts';
import { encodeTools } from './tools.ts';

/** OpenAI takes at most four. */
const STOP_LIMIT = 4;
/** OpenRouter refuses a longer `session_id`. Characters. */
const SESSION_LIMIT = 256;

/** What is sent of our own accord: nothing is lost without it. */
const OWN_FIELDS = new Set(['user', 'safety_identifier', 'prompt_cache_key', 'session_id', 'store', 'stream_options']);

/**
 * A canonical request as the body of `POST /chat/completions`. A pure function of its arguments. What has no counterpart
 * (`context_management`, `safeguards`, betas and whatever else is not read) is not sent.
 *
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeRequest(request: MessagesRequest, target: EncodeTarget): EncodedRequest {
  const { model, quirks, refused } = target;
  const toolNames = new Map<string, string>();
  const warnings = new Set<string>();
  const { tools, choice, parallel, search, marks } = encodeTools(request, target, toolNames, warnings);
  const messages = encodeMessages(request, { target, marksUsed: marks, toolNames, warnings });
  const limit = outputLimit(request, target, 1);
  const forced = choice === 'required' || (typeof choice === 'object' && choice.type !== 'allowed_tools');
  const reasoning = reasoningSettings(request, target, { tools: tools !== null, forced }, limit, warnings);
  const stops = stopFields(request, target);

  const fields: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    if (value === undefined || value === null || Object.hasOwn(fields, name)) return;
    if (!refused.has(name)) fields[name] = value;
    else if (!OWN_FIELDS.has(name)) warnings.add(`${name} was left out: the model has refused it before.`);
  };
  const setAll = (values: object): void => {
    for (const [name, value] of Object.entries(values)) set(name, value);
  };
  set('tool_choice', choice);
  set('parallel_tool_calls', parallel);
  setAll(search);
  const limitField = maxTokensField(target);
  if (limitField !== null) set(limitField, limit);
  set('stop', stops.sent);
  setAll(reasoning);
  setAll(samplingFields(request, target, fields.reasoning_effort === 'none', warnings));
  set('response_format', nestedFormat(responseFormat(request, quirks)));
  setAll(openaiFields(request, target, warnings));
  setAll(accountFields(request, target));
  // LM Studio's docs, "Idle TTL and Auto-Evict": in seconds, of a model that this request makes it load.
  if (target.keepAliveMs !== null && target.keepAliveMs >= 0)
    set('ttl', Math.max(1, Math.ceil(target.keepAliveMs / 1000)));
  const session = quirks.reasoningFormat === 'reasoning' ? sessionOf(request, target) : null;
  if (session !== null) set('session_id', within(session, SESSION_LIMIT));
  if (request.stream === true) {
    fields.stream = true;
    if (quirks.asksStreamUsage) set('stream_options', { include_usage: true });
  }

  const body = new JsonWriter().text('{"model":').value(model).text(',"messages":[');
  for (const [index, message] of messages.entries()) body.text(index === 0 ? '' : ',').value(message);
  body.text(']');
  if (tools !== null) body.text(',"tools":').bytes(tools);
  const end = JSON.stringify(fields);
  body.text(end === '{}' ? '}' : `,${end.slice(1)}`);
  return { body: body.finish(), toolNames, warnings: [...warnings], stopSequences: stops.left };
}

/** Null where the model has refused both. */
function maxTokensField({ quirks, refused }: EncodeTarget): string | null {
  const names = ['max_tokens', 'max_completion_tokens'];
  const usable = [quirks.maxTokensField, ...names].filter((name) => !refused.has(name));
  return usable[0] ?? null;
}

/** Sequences that the provider cannot be told are found in its answer. */
function stopFields(
  { stop_sequences: sequences }: MessagesRequest,
  target: EncodeTarget,
): { sent: string[] | undefined; left: string[] } {
  if (!sequences?.length) return { sent: undefined, left: [] };
  if (isOpenaiReasoner(target) || target.refused.has('stop')) return { sent: undefined, left: sequences };
  return { sent: sequences.slice(0, STOP_LIMIT), left: sequences.slice(STOP_LIMIT) };
}

/** Reasoning models of OpenAI refuse other values than their own while they think. */
function samplingFields(
  request: MessagesRequest,
  target: EncodeTarget,
  thinksNot: boolean,
  warnings: Set<string>,
): Record<string, unknown> {
  const { temperature, top_p, top_k } = request;
  const fields: Record<string, unknown> = { temperature, top_p, top_k };
  const refuse = (name: string, why: string) => {
    if (typeof fields[name] === 'number') warnings.add(`${name} was left out: ${why}.`);
    fields[name] = undefined;
  };
  if (isOpenaiReasoner(target) && !thinksNot)
    for (const name of ['temperature', 'top_p']) refuse(name, 'the model takes none while it thinks');
  if (target.quirks.isOpenai) refuse('top_k', 'it has no counterpart');
  return fields;
}

/** Chat Completions has a schema and what is said of it one level deeper than Responses, whose form is the canonical one. */
function nestedFormat(format: ResponseFormat | undefined): unknown {
  if (format?.type !== 'json_schema') return format;
  const { type, ...json_schema } = format;
  return { type, json_schema };
}

/** What clients said in the words of OpenAI's dialects. */
function openaiFields(
  { openai }: MessagesRequest,
  { quirks }: EncodeTarget,
  warnings: Set<string>,
): Record<string, unknown> {
  const { shared, chat, responses, verbosity } = openai ?? {};
  const takesVerbosity = quirks.isOpenai || quirks.reasoningFormat === 'reasoning';
  warnOfLost(takesVerbosity ? { ...responses } : { ...responses, verbosity }, warnings);
  return {
    ...shared,
    ...chat,
    verbosity: takesVerbosity ? verbosity : undefined,
    ...(quirks.isOpenai && shared?.store === undefined ? { store: false } : {}),
  };
}
