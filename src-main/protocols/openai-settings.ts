import type {
  CacheControl,
  Effort,
  MessagesRequest,
  OpenaiExtras,
  ResponseFormat,
  Tool,
  ToolResultBlock,
} from './canonical.ts';
import { isObject } from './is-object.ts';
import { optionalBoolean, optionalObject, optionalString, stringAt } from './openai-checks.ts';
import { inputText } from './tool-input.ts';

/** What OpenAI's dialects set in other words than Anthropic's, in the canonical form. */

/**
 * The cache mark on a part: OpenAI's `prompt_cache_breakpoint`, or Anthropic's own `cache_control`, which OpenRouter and
 * LiteLLM take in this dialect. OpenAI keeps what is marked for 30 minutes or 12 hours, Anthropic for 5 minutes or one hour.
 */
export function cacheMark(part: Record<string, unknown>): CacheControl | undefined {
  const { cache_control: own, prompt_cache_breakpoint: breakpoint } = part;
  const long = isObject(own) ? own.ttl === '1h' : isObject(breakpoint) && breakpoint.ttl === '12h';
  if (!isObject(own) && !isObject(breakpoint)) return undefined;
  return long ? { type: 'ephemeral', ttl: '1h' } : { type: 'ephemeral' };
}

/** Places for the cache are marked on the result: what is inside keeps its form when a mark moves on. */
export function markedResult(block: ToolResultBlock): ToolResultBlock {
  const { content } = block;
  if (!Array.isArray(content)) return block;
  for (const inner of content) {
    if (!('cache_control' in inner)) continue;
    if (inner.cache_control !== undefined) block.cache_control = inner.cache_control;
    delete inner.cache_control;
  }
  return block;
}

const EFFORTS: Partial<Record<string, Effort>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};

/** An effort in Anthropic's words. Nothing for one that no vendor has named yet. */
export function effortFields(effort: string): Pick<MessagesRequest, 'thinking' | 'output_config'> {
  if (effort === 'none') return { thinking: { type: 'disabled' } };
  const known = EFFORTS[effort];
  return known === undefined
    ? {}
    : { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: known } };
}

/**
 * An answer's form that is a schema.
 * @param given holds its `name`, `schema`, `strict` and `description`.
 * @throws ProxyError `invalid_field`
 */
export function schemaFormat(
  given: Readonly<Record<string, unknown>>,
  field: string,
): Pick<MessagesRequest, 'output_config'> & { format: ResponseFormat } {
  const schema = optionalObject(given.schema, `${field}.schema`);
  const strict = optionalBoolean(given.strict, `${field}.strict`);
  const description = optionalString(given.description, `${field}.description`);
  const format: ResponseFormat = {
    type: 'json_schema',
    name: stringAt(given.name, `${field}.name`),
    ...(schema === undefined ? {} : { schema }),
    ...(strict === undefined ? {} : { strict }),
    ...(description === undefined ? {} : { description }),
  };
  return schema === undefined ? { format } : { output_config: { format: { type: 'json_schema', schema } }, format };
}

/** Fields that both dialects have under one name, and no others. */
const SHARED: ReadonlySet<string> = new Set([
  'metadata',
  'moderation',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'store',
  'top_logprobs',
  'user',
]);

/**
 * The fields that are not read, fields that nobody knows included.
 * @param own where those belong that the other dialect has not.
 */
export function otherFields(
  body: Readonly<Record<string, unknown>>,
  read: ReadonlySet<string>,
  own: 'chat' | 'responses',
): OpenaiExtras {
  const shared: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const name in body) {
    if (read.has(name) || body[name] === undefined || body[name] === null) continue;
    (SHARED.has(name) ? shared : others)[name] = body[name];
  }
  return {
    ...(Object.keys(shared).length > 0 ? { shared } : {}),
    ...(Object.keys(others).length > 0 ? { [own]: others } : {}),
  };
}

/**
 * A free-text tool. Elsewhere it is a function whose only argument is the text; a grammar can only be told to the model.
 * @param grammar as Responses has it: `{type: 'grammar', syntax, definition}`.
 */
export function customTool(name: string, description: string | undefined, grammar: unknown): Tool {
  const rule =
    isObject(grammar) && typeof grammar.definition === 'string'
      ? { description: `Must match this ${String(grammar.syntax)} grammar:\n${grammar.definition}` }
      : {};
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: { type: 'object', properties: { input: { type: 'string', ...rule } }, required: ['input'] },
    openai: { custom: grammar === undefined ? {} : { format: grammar } },
  };
}

/** The text of a call of a free-text tool; what is no such text is given as the model wrote it. */
export const customInput = (input: unknown): string =>
  isObject(input) && typeof input.input === 'string' ? input.input : inputText(input);
