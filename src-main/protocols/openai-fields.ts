import { hash } from 'node:crypto';
import type { CacheControl, MessagesRequest, ResponseFormat } from './canonical.ts';
import type { EncodeTarget, Quirks } from './codec.ts';
import { isObject } from './is-object.ts';
import { isStrict, outputSchema } from './tool-schema.ts';

/** What a request says that both of OpenAI's dialects, and those who imitate them, have the same words for. */

/** OpenAI refuses a longer `prompt_cache_key`. Characters. */
const CACHE_KEY_LIMIT = 64;

const sha256 = (text: string): string => hash('sha256', text, 'hex');

/** A text as it is, or its digest where it is longer than its field may be. */
export const within = (text: string, limit: number): string => (text.length <= limit ? text : sha256(text));

/** The exact end of a part of the prompt that is to be cached (GPT-5.6 and later). */
export interface Breakpoint {
  mode: 'explicit';
  ttl: '30m' | '12h';
}

export const breakpoint = ({ ttl }: CacheControl): Breakpoint => ({
  mode: 'explicit',
  ttl: ttl === '1h' ? '12h' : '30m',
});

/**
 * Who asks, for the provider's guard against abuse, in which conversation, for its prompt cache, and how quickly. Fields that
 * are undefined are not sent. A user's id is hashed: Claude Code's is a JSON text longer than the fields may be, and names the
 * account to strangers.
 */
export function accountFields(request: MessagesRequest, target: EncodeTarget): Record<string, string | undefined> {
  const { metadata, service_tier: tier, speed, openai } = request;
  const named = openai?.shared?.user !== undefined || openai?.shared?.safety_identifier !== undefined;
  const user = metadata?.user_id && !named ? sha256(metadata.user_id) : undefined;
  if (!target.quirks.isOpenai) return { user };
  const session = sessionOf(request, target);
  return {
    safety_identifier: user,
    prompt_cache_key: session === null ? undefined : within(session, CACHE_KEY_LIMIT),
    service_tier: speed === 'fast' ? 'priority' : tier === 'standard_only' ? 'default' : undefined,
  };
}

/**
 * Names the conversation to prompt caches; null where nobody does. Claude Code writes
 * `{"device_id":…,"account_uuid":…,"session_id":…}` into its user id.
 */
export function sessionOf({ metadata }: MessagesRequest, { session }: EncodeTarget): string | null {
  const user = metadata?.user_id;
  if (session !== null || !user?.startsWith('{')) return session;
  try {
    const about: unknown = JSON.parse(user);
    return isObject(about) && typeof about.session_id === 'string' && about.session_id !== '' ? about.session_id : null;
  } catch {
    // Some client's own text that only looks like it.
    return null;
  }
}

/** `parallel_tool_calls`; undefined where the request leaves it to the provider. */
export function parallelCalls({ tool_choice: choice, openai }: MessagesRequest): boolean | undefined {
  if (openai?.parallelToolCalls !== undefined) return openai.parallelToolCalls;
  const serial = choice && choice.type !== 'none' && choice.disable_parallel_tool_use === true;
  return serial ? false : undefined;
}

/** How the answer must be written, as far as the target takes schemas; undefined where the request does not say. */
export function responseFormat(
  { openai, output_config }: MessagesRequest,
  { toolSchema }: Quirks,
): ResponseFormat | undefined {
  const asked = openai?.format;
  if (asked?.type === 'json_schema' && asked.schema !== undefined)
    return { ...asked, schema: outputSchema(asked.schema, toolSchema) };
  const given = output_config?.format?.schema;
  if (asked !== undefined || given === undefined) return asked;
  const schema = outputSchema(given, toolSchema);
  return { type: 'json_schema', name: 'output', schema, strict: isStrict(schema) };
}

/**
 * Whether and which tool is to be called; undefined where the model decides by its own default.
 * @param named a tool as the dialect refers to it, by the client's name; undefined where it is not sent.
 * @param warnings filled where the choice was left out.
 */
export function toolChoice<Named>(
  choice: MessagesRequest['tool_choice'],
  named: (own: string) => Named | undefined,
  warnings: Set<string>,
): 'auto' | 'required' | 'none' | Named | undefined {
  switch (choice?.type) {
    case 'auto':
      return 'auto';
    case 'any':
      return 'required';
    case 'none':
      return 'none';
    case 'tool': {
      const tool = named(choice.name);
      if (tool === undefined)
        warnings.add(`tool_choice names '${choice.name}', which is not among the tools sent, and was left out.`);
      return tool;
    }
    default:
      return undefined;
  }
}
