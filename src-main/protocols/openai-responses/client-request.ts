import { ProxyError } from '../../../src-shared/errors.ts';
import type { Message, MessagesRequest, OpenaiExtras, Tool } from '../canonical.ts';
import {
  invalid,
  objectAt,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  stringAt,
} from '../openai-checks.ts';
import { effortFields, otherFields, schemaFormat } from '../openai-settings.ts';
import type { RequestBody } from '../request-body.ts';
import { decodeInput, toolsInInput } from './client-input.ts';
import { decodeToolChoice, decodeTools } from './client-tools.ts';

/** Fields that rely on something that was kept at OpenAI. */
const KEPT_STATE = ['previous_response_id', 'conversation', 'background', 'prompt'] as const;

/**
 * Refuses what only a server that keeps conversations can do, whoever the provider is: the next request of the conversation
 * may go to another one.
 * @throws ProxyError `state_not_kept`
 */
export function refuseKeptState(body: Pick<RequestBody, 'isSet'>): void {
  for (const field of KEPT_STATE) if (body.isSet(field)) throw ProxyError.of('state_not_kept', { field });
}

/** Fields that have a place of their own in the canonical form, or concern the answer or its storage only. */
const READ: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'stream_options',
  'store',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'temperature',
  'top_p',
  'reasoning',
  'text',
  ...KEPT_STATE,
]);

/**
 * A Responses request in the canonical form. What Anthropic cannot say, fields that nobody knows included, stands in `openai`
 * and goes to providers that speak OpenAI's dialects.
 *
 * @throws ProxyError `invalid_field`, naming the field as OpenAI does (`input[2].content[0].image_url`);
 * `unsupported_content`; `state_not_kept`.
 */
export function decodeResponsesRequest(given: unknown): MessagesRequest {
  const body = objectAt(given, 'body');
  const model = stringAt(body.model, 'model');
  refuseKeptState({ isSet: (field) => body[field] !== undefined && body[field] !== null && body[field] !== false });
  const { system, messages, settings } = decodeInput(body.input);
  const request: MessagesRequest = { model, messages };
  const instructions = optionalString(body.instructions, 'instructions') ?? '';
  if (/\S/.test(instructions)) system.unshift({ type: 'text', text: instructions });
  if (system.length > 0) request.system = system;
  const tools = requestTools(body);
  // Lists that are frozen are shared between requests; nobody writes to them.
  if (tools.length > 0) request.tools = tools as Tool[];
  const { tool_choice, parallelToolCalls, allowedTools } = decodeToolChoice(body, tools.length > 0);
  if (tool_choice !== undefined) request.tool_choice = tool_choice;
  const maxTokens = optionalNumber(body.max_output_tokens, 'max_output_tokens');
  if (maxTokens !== undefined) request.max_tokens = maxTokens;
  const temperature = optionalNumber(body.temperature, 'temperature');
  if (temperature !== undefined) request.temperature = temperature;
  const topP = optionalNumber(body.top_p, 'top_p');
  if (topP !== undefined) request.top_p = topP;
  const stream = optionalBoolean(body.stream, 'stream');
  if (stream !== undefined) request.stream = stream;
  const userId = optionalString(body.safety_identifier ?? body.user, 'safety_identifier');
  if (userId !== undefined) request.metadata = { user_id: userId };
  // This dialect caches by itself: where no place is marked, the end of the prompt is one.
  if (![...messages, { content: system }].some(isMarked)) request.cache_control = { type: 'ephemeral' };

  const extras = otherFields(body, READ, 'responses');
  const text = { ...optionalObject(body.text, 'text'), ...settings.text };
  readFormat(text, request, extras);
  readReasoning({ ...optionalObject(body.reasoning, 'reasoning'), ...settings.reasoning }, request, extras);
  if (parallelToolCalls !== undefined) extras.parallelToolCalls = parallelToolCalls;
  if (allowedTools !== undefined) extras.allowedTools = allowedTools;
  if (Object.keys(extras).length > 0) request.openai = extras;
  return request;
}

const isMarked = ({ content }: Pick<Message, 'content'>): boolean =>
  typeof content !== 'string' && content.some((block) => 'cache_control' in block);

function requestTools(body: Record<string, unknown>): readonly Tool[] {
  const listed = body.tools === undefined || body.tools === null ? [] : decodeTools(body.tools, 'tools');
  const added = toolsInInput(body.input);
  return added.length === 0 ? listed : [...listed, ...decodeTools(added, 'input.tools')];
}

/** `text.format` and `text.verbosity`. */
function readFormat(text: Record<string, unknown>, request: MessagesRequest, extras: OpenaiExtras): void {
  const verbosity = optionalString(text.verbosity, 'text.verbosity');
  if (verbosity !== undefined) extras.verbosity = verbosity;
  const format = optionalObject(text.format, 'text.format');
  switch (format?.type) {
    case undefined:
    case 'text':
      return;
    case 'json_object':
      extras.format = { type: 'json_object' };
      return;
    case 'json_schema': {
      const { format: asked, output_config } = schemaFormat(format, 'text.format');
      extras.format = asked;
      if (output_config !== undefined) request.output_config = output_config;
      return;
    }
    default:
      invalid('text.format.type', "must be 'text', 'json_object' or 'json_schema'");
  }
}

/** `reasoning.effort` and `reasoning.summary`. A summary of the thinking can be had only where there is thinking. */
function readReasoning(reasoning: Record<string, unknown>, request: MessagesRequest, extras: OpenaiExtras): void {
  const effort = optionalString(reasoning.effort, 'reasoning.effort');
  const summary = optionalString(reasoning.summary ?? reasoning.generate_summary, 'reasoning.summary');
  if (summary !== undefined) extras.summary = summary;
  if (effort === undefined) {
    if (summary !== undefined) request.thinking = { type: 'adaptive', display: 'summarized' };
    return;
  }
  extras.effort = effort;
  const { thinking, output_config } = effortFields(effort);
  if (thinking !== undefined) request.thinking = thinking;
  if (output_config !== undefined) request.output_config = { ...output_config, ...request.output_config };
}
