import { hash } from 'node:crypto';
import type { MessagesRequest } from '../canonical.ts';
import type { EncodedRequest, EncodeTarget } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { JsonWriter } from '../json-writer.ts';
import { outputLimit } from '../output-limit.ts';
import { withoutField } from '../refused-fields.ts';
import { isStrict, outputSchema } from '../tool-schema.ts';
import { encodeMessages } from './messages.ts';
import { isOpenaiReasoner, reasoningSettings } from './reasoning-settings.ts';
import { encodeTools } from './tools.ts';

/** OpenAI takes at most four. */
const STOP_LIMIT = 4;

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
  set('response_format', responseFormat(request, target));
  setAll(openaiFields(request, target, warnings));
  setAll(identityFields(request, target));
  if (request.stream === true) {
    fields.stream = true;
    if (quirks.asksStreamUsage) set('stream_options', { include_usage: true });
  }

  const body = new JsonWriter().text('{"model":').value(model).text(',"messages":[');
  for (const [index, message] of messages.entries()) body.text(index === 0 ? '' : ',').value(message);
  body.text(']');
  if (tools !== null) body.text(',"tools":').bytes(tools);
  let left = fields;
  for (const path of refused) if (path.includes('.')) left = withoutField(left, path);
  const end = JSON.stringify(left);
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

function responseFormat({ openai, output_config }: MessagesRequest, { quirks }: EncodeTarget): unknown {
  const format = openai?.format;
  if (format?.type === 'json_object') return { type: 'json_object' };
  if (format?.type === 'json_schema') {
    const { type, schema, ...rest } = format;
    return {
      type,
      json_schema: schema === undefined ? rest : { ...rest, schema: outputSchema(schema, quirks.toolSchema) },
    };
  }
  const schema = output_config?.format?.schema;
  if (schema === undefined) return undefined;
  return {
    type: 'json_schema',
    json_schema: { name: 'output', schema: outputSchema(schema, quirks.toolSchema), strict: isStrict(schema) },
  };
}

/** What clients said in the words of OpenAI's dialects. */
function openaiFields(
  { openai, service_tier }: MessagesRequest,
  { quirks }: EncodeTarget,
  warnings: Set<string>,
): Record<string, unknown> {
  const { shared, chat, responses, verbosity } = openai ?? {};
  const left = Object.keys(responses ?? {});
  if (left.length > 0)
    warnings.add(`Fields of the Responses API have no counterpart and were left out: ${left.join(', ')}.`);
  const takesVerbosity = quirks.isOpenai || quirks.reasoningFormat === 'reasoning';
  if (verbosity !== undefined && !takesVerbosity) warnings.add('verbosity has no counterpart and was left out.');
  return {
    ...shared,
    ...chat,
    verbosity: takesVerbosity ? verbosity : undefined,
    ...(quirks.isOpenai && shared?.service_tier === undefined ? { service_tier: serviceTier(service_tier) } : {}),
    ...(quirks.isOpenai && shared?.store === undefined ? { store: false } : {}),
  };
}

/** Anthropic's `auto` may use what was bought in advance, and so may OpenAI's. */
function serviceTier(tier: string | undefined): string | undefined {
  if (tier === 'auto') return 'auto';
  return tier === 'standard_only' ? 'default' : undefined;
}

/**
 * Who asks, for the provider's guard against abuse, and which conversation it is, for its prompt cache. A user's id is hashed:
 * Claude Code's is a JSON text longer than the fields may be, and names the account to strangers.
 */
function identityFields({ metadata, openai }: MessagesRequest, target: EncodeTarget): Record<string, unknown> {
  const { isOpenai, reasoningFormat } = target.quirks;
  const { shared } = openai ?? {};
  const user = metadata?.user_id;
  const named = shared?.user !== undefined || shared?.safety_identifier !== undefined;
  const session = target.session ?? sessionOf(user);
  return {
    ...(user && !named ? { [isOpenai ? 'safety_identifier' : 'user']: sha256(user) } : {}),
    ...(session === null || !isOpenai ? {} : { prompt_cache_key: within(session, 64) }),
    ...(session === null || reasoningFormat !== 'reasoning' ? {} : { session_id: within(session, 256) }),
  };
}

const sha256 = (text: string): string => hash('sha256', text, 'hex');
const within = (text: string, limit: number): string => (text.length <= limit ? text : sha256(text));

/** Claude Code writes `{"device_id":…,"account_uuid":…,"session_id":…}` into its user id. */
function sessionOf(user: string | null | undefined): string | null {
  if (!user?.startsWith('{')) return null;
  try {
    const about: unknown = JSON.parse(user);
    return isObject(about) && typeof about.session_id === 'string' && about.session_id !== '' ? about.session_id : null;
  } catch {
    // Some client's own text that only looks like it.
    return null;
  }
}
