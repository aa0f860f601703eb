import { ProxyError } from '../../../src-shared/errors.ts';
import type { MessagesRequest } from '../canonical.ts';
import { isObject } from '../is-object.ts';

/**
 * Checks a decoded Messages request for what translation reads. Written by hand, not as a schema: it is on the path of
 * every translated request, must leave unknown fields, blocks and betas alone, and must not walk tool definitions.
 */

function fail(field: string, expected: string): never {
  throw ProxyError.of('invalid_field', { field, expected });
}

function requireString(value: unknown, field: string): void {
  if (typeof value !== 'string') fail(field, value === undefined ? 'is required' : 'must be a string');
}

function optional(value: unknown, type: 'string' | 'number' | 'boolean', field: string): void {
  if (value !== undefined && value !== null && typeof value !== type) fail(field, `must be a ${type}`);
}

function checkSource(source: unknown, field: string): void {
  if (!isObject(source)) fail(field, source === undefined ? 'is required' : 'must be an object');
  switch (source.type) {
    case 'base64':
    case 'text':
      requireString(source.data, `${field}.data`);
      requireString(source.media_type, `${field}.media_type`);
      break;
    case 'url':
      requireString(source.url, `${field}.url`);
      break;
    case 'file':
      requireString(source.file_id, `${field}.file_id`);
      break;
    case 'content':
      checkContent(source.content, `${field}.content`);
      break;
    default:
      fail(`${field}.type`, "must be 'base64', 'text', 'content', 'url' or 'file'");
  }
}

function checkBlock(block: unknown, field: string): void {
  if (!isObject(block)) fail(field, 'must be an object');
  switch (block.type) {
    case 'text':
      requireString(block.text, `${field}.text`);
      break;
    case 'image':
    case 'document':
      checkSource(block.source, `${field}.source`);
      break;
    case 'thinking':
      requireString(block.thinking, `${field}.thinking`);
      break;
    case 'tool_use':
      requireString(block.id, `${field}.id`);
      requireString(block.name, `${field}.name`);
      break;
    case 'tool_result':
      requireString(block.tool_use_id, `${field}.tool_use_id`);
      if (block.content !== undefined && block.content !== null) checkContent(block.content, `${field}.content`);
      break;
    case 'tool_reference':
      requireString(block.tool_name, `${field}.tool_name`);
      break;
    case 'search_result':
      requireString(block.title, `${field}.title`);
      requireString(block.source, `${field}.source`);
      if (!Array.isArray(block.content)) fail(`${field}.content`, 'must be an array of text blocks');
      checkContent(block.content, `${field}.content`);
      break;
    default:
      // Unknown blocks pass; the provider's codec decides what becomes of them.
      requireString(block.type, `${field}.type`);
  }
}

function checkContent(content: unknown, field: string): void {
  if (typeof content === 'string') return;
  if (!Array.isArray(content))
    fail(field, content === undefined ? 'is required' : 'must be a string or an array of content blocks');
  for (let index = 0; index < content.length; index += 1) checkBlock(content[index], `${field}.${index}`);
}

function checkFormat(format: unknown): void {
  if (format === undefined || format === null) return;
  if (!isObject(format)) fail('output_config.format', 'must be an object');
  if (format.schema !== undefined && !isObject(format.schema)) fail('output_config.format.schema', 'must be an object');
}

/** @throws ProxyError `invalid_field`, naming the field as Anthropic does (`messages.0.content.1.text`). */
export function decodeMessagesRequest(body: unknown): MessagesRequest {
  if (!isObject(body)) fail('body', 'must be a JSON object');
  requireString(body.model, 'model');
  const messages = body.messages;
  if (!Array.isArray(messages)) fail('messages', messages === undefined ? 'is required' : 'must be an array');
  if (messages.length === 0) fail('messages', 'at least one message is required');
  for (let index = 0; index < messages.length; index += 1) {
    const message: unknown = messages[index];
    if (!isObject(message)) fail(`messages.${index}`, 'must be an object');
    const role = message.role;
    if (role !== 'user' && role !== 'assistant' && role !== 'system')
      fail(`messages.${index}.role`, "must be 'user', 'assistant' or 'system'");
    checkContent(message.content, `messages.${index}.content`);
  }
  if (body.system !== undefined && body.system !== null) checkContent(body.system, 'system');
  const tools = body.tools;
  if (tools !== undefined && tools !== null) {
    if (!Array.isArray(tools)) fail('tools', 'must be an array');
    for (let index = 0; index < tools.length; index += 1) {
      const tool: unknown = tools[index];
      if (!isObject(tool)) fail(`tools.${index}`, 'must be an object');
      requireString(tool.name ?? (tool.type === undefined ? undefined : ''), `tools.${index}.name`);
      optional(tool.type, 'string', `tools.${index}.type`);
      const schema = tool.input_schema;
      if (schema !== undefined && !isObject(schema)) fail(`tools.${index}.input_schema`, 'must be an object');
    }
  }
  optional(body.max_tokens, 'number', 'max_tokens');
  optional(body.temperature, 'number', 'temperature');
  optional(body.top_p, 'number', 'top_p');
  optional(body.top_k, 'number', 'top_k');
  optional(body.stream, 'boolean', 'stream');
  const stops = body.stop_sequences;
  if (
    stops !== undefined &&
    stops !== null &&
    !(Array.isArray(stops) && stops.every((stop) => typeof stop === 'string'))
  )
    fail('stop_sequences', 'must be an array of strings');
  for (const field of ['tool_choice', 'thinking', 'output_config', 'metadata'] as const) {
    const value = body[field];
    if (value !== undefined && value !== null && !isObject(value)) fail(field, 'must be an object');
  }
  if (isObject(body.metadata)) optional(body.metadata.user_id, 'string', 'metadata.user_id');
  if (isObject(body.output_config)) checkFormat(body.output_config.format);
  // The checks above are what the type says of the fields that are read.
  return body as unknown as MessagesRequest;
}
