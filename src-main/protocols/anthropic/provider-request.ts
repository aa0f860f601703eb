import { hash } from 'node:crypto';
import type { CacheControl, MessagesRequest } from '../canonical.ts';
import type { EncodedRequest, EncodeTarget } from '../codec.ts';
import { isBlank } from '../content-text.ts';
import { JsonWriter } from '../json-writer.ts';
import { warnOfLost } from '../lost-fields.ts';
import { outputLimit } from '../output-limit.ts';
import { limitMarks, removeMarks } from './cache-marks.ts';
import type { SentBlock } from './content.ts';
import {
  type Conversation,
  calledWithoutThinking,
  closeConversation,
  dropThinking,
  encodeConversation,
  holdsThinking,
  instructOnce,
} from './messages.ts';
import { type ModelRules, rulesFor } from './model-rules.ts';
import { outputFormat } from './output-format.ts';
import { planThinking, type ThinkingPlan } from './thinking.ts';
import { encodeChoice, encodeTools, pastTools } from './tools.ts';

/**
 * The older of the two versions of the API: it takes all that the newer one takes, and what that refuses (sampling parameters
 * for models that have them, documents in answers), and it is the only one that compatible servers know.
 */
const VERSION = '2023-06-01';
/** Thinking whose conversation has changed since is dropped, where it would be refused. */
const BINDING_BETA = 'thinking-binding-controls-2026-08-01';

/** Anthropic requires a limit; OpenAI's clients may give none. Tokens. */
const DEFAULT_LIMIT = 32_000;
/** Characters of `metadata.user_id`. */
const LONGEST_USER_ID = 256;

/**
 * A canonical request as the body of `POST /messages`. A pure function of its arguments. It is used for clients of other
 * dialects; Anthropic's own get their bytes passed through.
 *
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeRequest(request: MessagesRequest, target: EncodeTarget): EncodedRequest {
  const { quirks, refused } = target;
  const rules = rulesFor(target.model);
  const warnings = new Set<string>();
  const toolNames = new Map<string, string>();
  const takesSystem = quirks.takesSystemAnywhere && rules.systemMessages;

  const marks = quirks.cacheMarks === 'cache_control' && !refused.has('cache_control');
  const tools = encodeTools(request, { searchesWeb: quirks.searchesWeb, marks }, target.provider);
  for (const [sent, own] of tools.changed) toolNames.set(sent, own);
  for (const warning of tools.warnings) warnings.add(warning);
  const conversation = encodeConversation(request, { target, takesSystem, toolNames, warnings });

  const limit =
    outputLimit({ ...request, max_tokens: request.max_tokens ?? DEFAULT_LIMIT }, target, 1) ?? DEFAULT_LIMIT;
  const demandsTool = request.tool_choice?.type === 'any' || request.tool_choice?.type === 'tool';
  const plan = planThinking(
    request,
    rules,
    target,
    { limit, calledWithoutThinking: calledWithoutThinking(conversation), demandsTool },
    warnings,
  );
  if (!plan.on && isClaude(rules)) dropThinking(conversation);
  const { format, instruction } = outputFormat(request, rules.schemas && !refused.has('output_config'));
  if (instruction !== undefined) conversation.system.push({ type: 'text', text: instruction });
  const manual = plan.field?.type === 'enabled';
  closeConversation(conversation, quirks.takesPrefill && rules.prefill && !manual && format === undefined);

  const thinks = plan.field === undefined ? plan.on && isClaude(rules) : plan.on;
  const forces = rules.forcedTools && !thinks && !refused.has('tool_choice');
  const { choice, instruction: demand } = encodeChoice(request, tools.names, forces, warnings);
  const lastLasting = demand === undefined ? null : instructOnce(conversation, demand, takesSystem);
  // Servers that check signatures check the rest as well.
  const past = tools.json === null && !quirks.takesEmptySignature ? pastTools(conversation.messages) : null;
  const { thinking, betas } = boundThinking(plan, rules, conversation, target);

  const output = { ...(plan.effort === undefined ? {} : { effort: plan.effort }), ...(format ? { format } : {}) };
  const optional: Record<string, unknown> = {
    thinking,
    output_config: Object.keys(output).length > 0 ? output : undefined,
    tool_choice: past === null ? choice : { type: 'none' },
    stop_sequences: stopSequences(request),
    ...sampling(request, rules, plan, warnings),
    metadata: metadata(request),
    service_tier: serviceTier(request),
    cache_control: marks ? cacheControl(request, conversation, tools.mark, lastLasting) : undefined,
    stream: request.stream === true ? true : undefined,
  };
  if (!marks) removeMarks(conversation);
  const { shared, chat, responses, verbosity } = request.openai ?? {};
  warnOfLost({ ...shared, ...chat, ...responses, verbosity }, warnings);

  return {
    body: bodyOf(target, limit, conversation, tools.json ?? past, optional),
    toolNames,
    warnings: [...warnings],
    headers: ['anthropic-version', VERSION, ...(betas.length > 0 ? ['anthropic-beta', betas.join(',')] : [])],
  };
}

function bodyOf(
  { model, refused }: EncodeTarget,
  limit: number,
  { system, messages }: Conversation,
  tools: Uint8Array | null,
  optional: Readonly<Record<string, unknown>>,
): Buffer {
  const body = new JsonWriter().text('{"model":').value(model).text(',"max_tokens":').value(limit);
  if (system.length > 0) body.text(',"system":').value(system);
  if (tools !== null) body.text(',"tools":').bytes(tools);
  for (const [index, message] of messages.entries()) body.text(index === 0 ? ',"messages":[' : ',').value(message);
  body.text(']');
  for (const [name, value] of Object.entries(optional))
    if (value !== undefined && !refused.has(name)) body.text(`,"${name}":`).value(value);
  return body.text('}').finish();
}

const isClaude = ({ sampling: takes }: ModelRules): boolean => takes !== 'any';

/**
 * Models that bind thinking to its conversation refuse a request whose conversation has changed since, and clients of other
 * dialects do change theirs: they trim, and do not keep everything we give them.
 */
function boundThinking(
  { field, on }: ThinkingPlan,
  { bindsThinking }: ModelRules,
  conversation: Conversation,
  { quirks, refused }: EncodeTarget,
): { thinking: Record<string, unknown> | undefined; betas: string[] } {
  const binds =
    bindsThinking &&
    on &&
    (field?.type ?? 'adaptive') === 'adaptive' &&
    !quirks.takesEmptySignature &&
    !refused.has('thinking') &&
    holdsThinking(conversation);
  if (!binds) return { thinking: field, betas: [] };
  const block_binding = { prefix_mismatch_behavior: 'drop_block' };
  return { thinking: { ...field, type: 'adaptive', block_binding }, betas: [BINDING_BETA] };
}

function stopSequences({ stop_sequences: given }: MessagesRequest): string[] | undefined {
  const sequences = given?.filter((sequence) => !isBlank(sequence)) ?? [];
  return sequences.length > 0 ? sequences : undefined;
}

/** @returns fields that are undefined where they are not sent. */
function sampling(
  request: MessagesRequest,
  rules: ModelRules,
  plan: ThinkingPlan,
  warnings: Set<string>,
): Record<string, number | undefined> {
  const { temperature, top_p, top_k } = { ...request };
  const given = { temperature: temperature ?? undefined, top_p: top_p ?? undefined, top_k: top_k ?? undefined };
  if (rules.sampling === 'any') return given;
  const left = (name: keyof typeof given, why: string): void => {
    if (given[name] === undefined) return;
    // Its default, which says nothing.
    if (!(name !== 'top_k' && given[name] === 1)) warnings.add(`${name} was left out: ${why}.`);
    given[name] = undefined;
  };
  const why = rules.sampling === 'none' ? 'the model does not take it' : plan.on ? 'the model thinks' : null;
  if (why !== null) {
    for (const name of ['temperature', 'top_p', 'top_k'] as const) left(name, why);
    return given;
  }
  if (given.temperature !== undefined && given.temperature > 1) {
    warnings.add('temperature was lowered to 1, the most there is.');
    given.temperature = 1;
  }
  if (rules.sampling === 'one' && given.temperature !== undefined)
    left('top_p', 'the model takes either temperature or top_p');
  return given;
}

function metadata({ metadata: given, openai }: MessagesRequest): { user_id: string } | undefined {
  const { safety_identifier: identifier, user } = openai?.shared ?? {};
  const id = [given?.user_id, identifier, user].find((each) => typeof each === 'string' && each !== '');
  if (typeof id !== 'string') return undefined;
  return { user_id: id.length > LONGEST_USER_ID ? hash('sha256', id, 'hex') : id };
}

/** Anthropic's own tiers are `auto`, which is the default and may use what was paid for in advance, and `standard_only`. */
function serviceTier({ service_tier: own, openai }: MessagesRequest): string | undefined {
  if (own === 'auto' || own === 'standard_only') return own;
  const asked = own ?? openai?.shared?.service_tier;
  return asked === 'default' || asked === 'flex' ? 'standard_only' : undefined;
}

/**
 * Brings the marks in order.
 * @param lastLasting the last block that will come again, where others follow it for this answer only.
 * @returns the mark for the whole request, which a client that marks nothing itself gets.
 */
function cacheControl(
  request: MessagesRequest,
  conversation: Conversation,
  ofTools: CacheControl | undefined,
  lastLasting: SentBlock | null,
): CacheControl | undefined {
  const before = ofTools === undefined ? [] : [ofTools];
  const { count, after } = limitMarks(conversation, before, request.cache_control ?? undefined);
  const whole = after ?? (count === 0 ? ({ type: 'ephemeral' } as const) : undefined);
  if (whole === undefined || lastLasting === null) return whole;
  lastLasting.cache_control ??= whole;
  return undefined;
}
