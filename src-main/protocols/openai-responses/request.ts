import type { MessagesRequest } from '../canonical.ts';
import type { EncodedRequest, EncodeTarget } from '../codec.ts';
import { effortOf, nearestEffort, type ReasoningEffort } from '../effort.ts';
import { isObject } from '../is-object.ts';
import { JsonWriter } from '../json-writer.ts';
import { warnOfLost } from '../lost-fields.ts';
import { accountFields, responseFormat } from '../openai-fields.ts';
import { isOpenaiReasoner } from '../openai-models.ts';
import { outputLimit } from '../output-limit.ts';
import { encodeConversation } from './input-items.ts';
import { encodeTools } from './tools.ts';

/** OpenAI refuses less. Tokens. */
const LEAST_OUTPUT = 16;

type Fields = Record<string, unknown>;

/**
 * A canonical request as the body of `POST /responses`, stateless: nothing is stored, and the model's reasoning comes back
 * encrypted, for the next request. A pure function of its arguments. What has no counterpart (`context_management`, betas
 * and whatever else is not read) is not sent.
 *
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeRequest(request: MessagesRequest, target: EncodeTarget): EncodedRequest {
  const toolNames = new Map<string, string>();
  const warnings = new Set<string>();
  const { instructions, input } = encodeConversation(request, target, toolNames, warnings);
  const { tools, choice, searches } = encodeTools(request, target, toolNames, warnings);
  const extras = extraFields(request, warnings);
  const effort = wantedEffort(request, target);
  const fields: Fields = {
    ...accountFields(request, target),
    ...choice,
    ...extras.fields,
    max_output_tokens: outputLimit(request, target, LEAST_OUTPUT),
    ...samplingFields(request, target, effort, warnings),
    reasoning: reasoning(request, target, effort, extras.fields.reasoning),
    text: textFields(request, target, extras.fields.text, warnings),
    include: include(searches, extras),
    store: false,
    stream: request.stream === true ? true : undefined,
  };
  const rest = acceptedFields(fields, target.refused, warnings);
  const body = new JsonWriter().text('{"model":').value(target.model);
  if (instructions !== '') body.text(',"instructions":').value(instructions);
  body.text(',"input":[');
  for (const [index, item] of input.entries()) body.text(index === 0 ? '' : ',').value(item);
  body.text(']');
  if (tools !== null) body.text(',"tools":').bytes(tools);
  const end = JSON.stringify(rest);
  body.text(end === '{}' ? '}' : `,${end.slice(1)}`);
  return {
    body: body.finish(),
    toolNames,
    warnings: [...warnings],
    stopSequences: request.stop_sequences ?? [],
  };
}

/** What is sent of our own accord: nothing is lost without it. */
const OWN_FIELDS = new Set(['user', 'safety_identifier', 'prompt_cache_key', 'include', 'store']);

/** The fields that the model has not refused before. */
function acceptedFields(fields: Fields, refused: ReadonlySet<string>, warnings: Set<string>): Fields {
  const accepted: Fields = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!refused.has(name)) accepted[name] = value;
    else if (!OWN_FIELDS.has(name)) warnings.add(`${name} was left out: the model has refused it before.`);
  }
  return accepted;
}

/** What clients of OpenAI's dialects said beyond Anthropic's terms. */
interface Extras {
  fields: Readonly<Fields>;
  logprobs: boolean;
}

function extraFields({ openai }: MessagesRequest, warnings: Set<string>): Extras {
  const { logprobs, top_logprobs, ...chat } = openai?.chat ?? {};
  warnOfLost(chat, warnings);
  return {
    fields: { top_logprobs: top_logprobs ?? undefined, ...openai?.shared, ...openai?.responses },
    logprobs: logprobs === true,
  };
}

/** Parts of the answer that come only when they are asked for. */
function include(searches: boolean, { fields, logprobs }: Extras): string[] {
  const given = Array.isArray(fields.include) ? fields.include : [];
  return [
    ...new Set([
      'reasoning.encrypted_content',
      ...(searches ? ['web_search_call.action.sources'] : []),
      ...(logprobs ? ['message.output_text.logprobs'] : []),
      ...given,
    ]),
  ];
}

/** Undefined where nothing is said. */
function wantedEffort(request: MessagesRequest, { facts }: EncodeTarget): ReasoningEffort | undefined {
  const wanted = effortOf(request);
  return wanted === undefined ? undefined : nearestEffort(wanted, facts.efforts);
}

function reasoning(
  request: MessagesRequest,
  target: EncodeTarget,
  effort: ReasoningEffort | undefined,
  given: unknown,
): Fields | undefined {
  if (target.facts.reasoning === false || (target.quirks.isOpenai && !isOpenaiReasoner(target))) return undefined;
  const fields: Fields = { ...(isObject(given) ? given : {}) };
  if (effort !== undefined) fields.effort = effort;
  const summary = request.openai?.summary ?? (showsThinking(request) && effort !== 'none' ? 'auto' : undefined);
  if (summary !== undefined) fields.summary = summary;
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** Whether the client wants to read what the model thinks. */
function showsThinking({ thinking }: MessagesRequest): boolean {
  if (thinking?.type !== 'enabled' && thinking?.type !== 'adaptive') return false;
  return thinking.display !== 'omitted';
}

/** OpenAI's models that think take no sampling parameters while they do. */
function samplingFields(
  { temperature, top_p, top_k }: MessagesRequest,
  target: EncodeTarget,
  effort: ReasoningEffort | undefined,
  warnings: Set<string>,
): Fields {
  if (typeof top_k === 'number') warnings.add('top_k has no counterpart and was left out.');
  if (!isOpenaiReasoner(target) || effort === 'none')
    return { temperature: temperature ?? undefined, top_p: top_p ?? undefined };
  // 1 is what they have of themselves.
  for (const [name, value] of Object.entries({ temperature, top_p }))
    if (typeof value === 'number' && value !== 1)
      warnings.add(`${name} was left out: the model takes none while it thinks.`);
  return {};
}

function textFields(
  request: MessagesRequest,
  { quirks }: EncodeTarget,
  given: unknown,
  warnings: Set<string>,
): Fields | undefined {
  const fields: Fields = { ...(isObject(given) ? given : {}) };
  const format = responseFormat(request, quirks);
  if (format !== undefined) fields.format = format;
  const verbosity = request.openai?.verbosity;
  if (verbosity !== undefined && quirks.isOpenai) fields.verbosity = verbosity;
  else warnOfLost({ verbosity }, warnings);
  return Object.keys(fields).length === 0 ? undefined : fields;
}
