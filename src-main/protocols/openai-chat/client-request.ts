import { ProxyError } from '../../../src-shared/errors.ts';
import type { ContentBlock, MessagesRequest, OpenaiExtras } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import {
  arrayAt,
  invalid,
  objectAt,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  stringAt,
} from '../openai-checks.ts';
import { effortFields, otherFields, schemaFormat } from '../openai-settings.ts';
import { type Conversation, decodeConversation } from './client-messages.ts';
import { decodeTools } from './client-tools.ts';

type Body = Readonly<Record<string, unknown>>;

/** Fields that have a place of their own in the canonical form, or concern the answer only. */
const READ = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'stop',
  'temperature',
  'top_p',
  'top_k',
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'thinking',
  'verbosity',
]);

/**
 * A Chat Completions request in the canonical form. What Anthropic cannot say, fields that nobody knows included, stands in
 * `openai` and goes to providers that speak OpenAI's dialects.
 *
 * @throws ProxyError `invalid_field` naming the field as OpenAI does; `unsupported_content`.
 */
export function decodeChatRequest(value: unknown): MessagesRequest {
  const body = objectAt(value, 'body');
  const model = stringAt(body.model, 'model');
  const messages = arrayAt(body.messages, 'messages');
  if (messages.length === 0) invalid('messages', 'at least one message is required');
  if (Array.isArray(body.modalities) && body.modalities.includes('audio'))
    throw ProxyError.of('unsupported_content', {
      field: 'modalities',
      reason: 'audio answers cannot be translated for this model',
    });
  const conversation = decodeConversation(messages);
  const { system } = conversation;
  const { openai: toolExtras, ...tools } = decodeTools(body);
  const { openai: formatExtras, ...format } = decodeFormat(body.response_format);
  const { openai: effortExtras, ...reasoning } = decodeReasoning(body);
  const output_config = { ...reasoning.output_config, ...format.output_config };
  const request: MessagesRequest = {
    model,
    messages: conversation.messages,
    ...(system.length > 0 ? { system } : {}),
    ...tools,
    ...decodeLimits(body),
    ...reasoning,
    ...(Object.keys(output_config).length > 0 ? { output_config } : {}),
    ...decodeUser(body),
  };
  // OpenAI caches without being asked. Anthropic does not: a client that marks nothing means the whole prompt.
  const cachesMarkedOnly = isObject(body.prompt_cache_options) && body.prompt_cache_options.mode === 'explicit';
  if (!cachesMarkedOnly && !isMarked(conversation, tools.tools)) request.cache_control = { type: 'ephemeral' };
  const openai = { ...toolExtras, ...formatExtras, ...effortExtras, ...decodeExtras(body) };
  if (Object.keys(openai).length > 0) request.openai = openai;
  return request;
}

function decodeLimits(body: Body): Partial<MessagesRequest> {
  const limit =
    optionalNumber(body.max_completion_tokens, 'max_completion_tokens') ??
    optionalNumber(body.max_tokens, 'max_tokens');
  const stop_sequences = decodeStop(body.stop);
  const stream = optionalBoolean(body.stream, 'stream');
  const temperature = optionalNumber(body.temperature, 'temperature');
  const top_p = optionalNumber(body.top_p, 'top_p');
  const top_k = optionalNumber(body.top_k, 'top_k');
  return {
    ...(limit === undefined ? {} : { max_tokens: limit }),
    ...(stop_sequences.length > 0 ? { stop_sequences } : {}),
    ...(stream === undefined ? {} : { stream }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined ? {} : { top_k }),
  };
}

function decodeStop(stop: unknown): string[] {
  if (stop === undefined || stop === null) return [];
  const list = typeof stop === 'string' ? [stop] : stop;
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string'))
    return invalid('stop', 'must be a string or an array of strings');
  return list.filter((one) => one !== '');
}

type Reasoning = Pick<MessagesRequest, 'thinking' | 'output_config'> & { openai: OpenaiExtras };

/** `reasoning_effort`, OpenRouter's `reasoning`, or the `thinking` of DeepSeek, GLM and LiteLLM; the first that says something. */
function decodeReasoning(body: Body): Reasoning {
  const reasoning = optionalObject(body.reasoning, 'reasoning') ?? {};
  const effort =
    optionalString(body.reasoning_effort, 'reasoning_effort') ?? optionalString(reasoning.effort, 'reasoning.effort');
  const summary = optionalString(reasoning.summary, 'reasoning.summary');
  const openai = { ...(effort === undefined ? {} : { effort }), ...(summary === undefined ? {} : { summary }) };
  const fields = effort === undefined ? withoutEffort(reasoning, body.thinking) : effortFields(effort);
  // The client does not want to see it.
  if (reasoning.exclude === true && fields.thinking?.type === 'adaptive')
    fields.thinking = { ...fields.thinking, display: 'omitted' };
  return { ...fields, openai };
}

function withoutEffort(reasoning: Body, given: unknown): Pick<MessagesRequest, 'thinking'> {
  const thinking = optionalObject(given, 'thinking') ?? {};
  const budget =
    optionalNumber(reasoning.max_tokens, 'reasoning.max_tokens') ??
    optionalNumber(thinking.budget_tokens, 'thinking.budget_tokens');
  if (reasoning.enabled === false || thinking.type === 'disabled') return { thinking: { type: 'disabled' } };
  if (budget !== undefined) return { thinking: { type: 'enabled', budget_tokens: budget } };
  const wanted = reasoning.enabled === true || thinking.type === 'enabled' || thinking.type === 'adaptive';
  return wanted ? { thinking: { type: 'adaptive', display: 'summarized' } } : {};
}

function decodeFormat(value: unknown): Pick<MessagesRequest, 'output_config'> & { openai: OpenaiExtras } {
  const format = optionalObject(value, 'response_format');
  switch (format?.type) {
    case undefined:
    case 'text':
      return { openai: {} };
    case 'json_object':
      return { openai: { format: { type: 'json_object' } } };
    case 'json_schema': {
      const field = 'response_format.json_schema';
      const { format: asked, ...fields } = schemaFormat(objectAt(format.json_schema, field), field);
      return { ...fields, openai: { format: asked } };
    }
    default:
      return invalid('response_format.type', "must be 'text', 'json_object' or 'json_schema'");
  }
}

function decodeUser({ safety_identifier: identifier, user }: Body): Pick<MessagesRequest, 'metadata'> {
  const id = optionalString(identifier, 'safety_identifier') ?? optionalString(user, 'user');
  return id === undefined || id === '' ? {} : { metadata: { user_id: id } };
}

function decodeExtras(body: Body): OpenaiExtras {
  const verbosity = optionalString(body.verbosity, 'verbosity');
  return { ...otherFields(body, READ, 'chat'), ...(verbosity === undefined ? {} : { verbosity }) };
}

/** Whether the client marks places for the prompt cache itself. */
function isMarked({ system, messages }: Conversation, tools: MessagesRequest['tools'] = []): boolean {
  const marked = (block: ContentBlock): boolean => 'cache_control' in block;
  return (
    tools.some((tool) => tool.cache_control !== undefined) ||
    system.some(marked) ||
    messages.some(({ content }) => Array.isArray(content) && content.some(marked))
  );
}
