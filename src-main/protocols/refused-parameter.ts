import type { UpstreamError } from './codec.ts';
import { hasField, withoutField, withoutFieldOfEach, withRenamedField } from './json-envelope.ts';

/**
 * What a request may do without: how an answer is sampled, how hard is thought about it, and what only helps the provider to
 * account or to cache. Never what is asked, with which tools, or in which form the answer must come.
 */
const OPTIONAL: ReadonlySet<string> = new Set([
  // Sampling
  ...['temperature', 'top_p', 'top_k', 'min_p', 'top_a', 'seed', 'random_seed', 'repetition_penalty'],
  ...['presence_penalty', 'frequency_penalty'],
  // Effort
  ...['reasoning_effort', 'reasoning', 'reasoning.effort', 'reasoning.summary', 'thinking', 'think', 'enable_thinking'],
  ...['thinking_budget', 'chat_template_kwargs', 'output_config.effort', 'verbosity', 'text.verbosity'],
  // Accounts, caches, transport
  ...['user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'session_id', 'stream_options', 'include'],
  ...['prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention', 'truncation', 'parallel_tool_calls'],
  ...['options.num_ctx', 'options.top_k', 'options.seed', 'keep_alive'],
]);

/** What codecs have another way to do: they find the end themselves, and leave marks out wherever they stand. */
const TRANSLATED_ONLY: ReadonlySet<string> = new Set(['stop', 'cache_control', 'prompt_cache_breakpoint']);

/**
 * What servers put beside an answer's content, and others refuse where a client sends the answer back to them as it came: a
 * conversation may go from one provider to another.
 */
const OF_MESSAGES: ReadonlySet<string> = new Set([
  'reasoning_content',
  'reasoning_details',
  'reasoning',
  'annotations',
  'refusal',
]);
/** Stands before the name of one of them. */
const IN_MESSAGES = 'messages.';

/** The two names of one limit: where one is refused, the other is sent. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'max_completion_tokens'],
  ['max_completion_tokens', 'max_tokens'],
]);

/** What vendors call a parameter in words of their own, as the fields that say it in one dialect or another. */
const OTHERWISE_SAID: ReadonlyMap<string, readonly string[]> = new Map([
  ['effort', ['output_config.effort', 'reasoning_effort', 'reasoning.effort']],
  ['reasoning_effort', ['reasoning.effort']],
  ['thinking', ['think', 'reasoning_effort', 'chat_template_kwargs']],
  ['verbosity', ['text.verbosity']],
]);

const NAME = '(?<name>[A-Za-z_][\\w.[\\]]*)';
const wording = (pattern: string): RegExp => new RegExp(pattern.replace('NAME', NAME), 'gim');

/**
 * The vendors' words for one parameter that they do not take, without quotation marks. Sources: the unit test, where each
 * stands with its own.
 */
const WORDINGS: readonly RegExp[] = [
  // OpenAI, and most who imitate it
  wording('unsupported (?:parameter|value|param)s?: ?NAME'),
  wording('(?:unknown|unrecognized) (?:request )?(?:parameter|argument|field)s?(?: supplied)?: ?NAME'),
  wording('function tools with NAME are not supported'),
  // Anthropic, and pydantic behind FastAPI (Mistral, vLLM, Fireworks)
  wording('(?:^|; )NAME: extra (?:inputs|fields) (?:are )?not permitted'),
  wording('extra (?:inputs|fields) (?:are )?not permitted, field: NAME'),
  wording('loc: ?[[(]body, ?NAME[^\\])]*[\\])], ?msg: ?extra (?:inputs|fields) (?:are )?not permitted'),
  wording('NAME may only be set to \\S+ when thinking'),
  wording('temperature and NAME cannot both be specified'),
  // Groq, Cerebras
  wording('property (?:body\\.)?NAME is unsupported'),
  // Gemini, which says where unless it is at the top
  wording('unknown name NAME(?: at (?:\\k<name>|messages\\[\\d+\\]))?: cannot find field'),
  // xAI, LiteLLM
  wording('does not support (?:the )?parameters?:? \\[?NAME'),
  wording('argument not supported(?: on this model)?: NAME'),
  // Anthropic, Ollama
  wording('does not support (?:the )?NAME parameter'),
  wording('does not support NAME\\.?$'),
  wording('NAME value \\S+ is not supported'),
  // Moonshot
  wording('invalid NAME: only \\S+ is allowed'),
  // Everyone
  wording('(?:^|[\\s(])NAME (?:parameter )?is (?:deprecated|not supported|unsupported|not allowed|not permitted)'),
];

/** How a complaint about the parameter that the error names sounds when it is not about its value alone. */
const OF_THE_PARAM =
  /\b(?:unsupported|unknown|unrecognized|not supported|does not support|not permitted|must be verified)\b/i;
/** An effort that is not on the model's list. */
const NO_SUCH_EFFORT = /^invalid value: .+ supported values are/is;

const pathOf = (name: string): string[] => name.split('.');

const bytesOf = (body: Uint8Array | string): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);

/** xAI names parameters as its own code does: `reasoningEffort`. */
const snakeCase = (name: string): string => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function* namesIn({ message, param }: UpstreamError): Generator<string> {
  if (param && (OF_THE_PARAM.test(message) || (/effort|verbosity/.test(param) && NO_SUCH_EFFORT.test(message))))
    yield param;
  const plain = message.replace(/[\\`'"‘’“”]/g, '');
  for (const pattern of WORDINGS) for (const { groups } of plain.matchAll(pattern)) yield snakeCase(groups?.name ?? '');
}

/**
 * The one parameter that a provider refuses, as the request's dialect names it (`temperature`, `reasoning.summary`; a field of
 * messages is `messages.reasoning_content`), where the request can do without it or say it by another name, and did say it;
 * else null.
 * @param sent the request's body.
 * @param translated the body is a codec's work, and the codec will know of the refusal.
 */
export function refusedParameter(
  status: number,
  error: UpstreamError,
  sent: Uint8Array | string,
  translated = false,
): string | null {
  if (status !== 400 && status !== 422) return null;
  const body = bytesOf(sent);
  for (const name of namesIn(error)) {
    const steps = name.match(/[A-Za-z_]\w*/g) ?? [];
    const path = steps.join('.');
    const field = [path, ...(OTHERWISE_SAID.get(path) ?? []), steps[0] ?? ''].find(
      (candidate) => (OPTIONAL.has(candidate) || RENAMED.has(candidate)) && hasField(body, pathOf(candidate)),
    );
    if (field !== undefined) return field;
    const last = steps.at(-1) ?? '';
    if (OF_MESSAGES.has(last) && body.includes(`"${last}":`)) return IN_MESSAGES + last;
    if (translated && TRANSLATED_ONLY.has(last) && body.includes(`"${last}":`)) return last;
  }
  return null;
}

/** A request's body without what the model has refused, but for what is left to codecs; every other byte stays. */
export function withoutRefused(body: Uint8Array | string, refused: ReadonlySet<string>): Uint8Array | string {
  if (refused.size === 0) return body;
  let bytes = bytesOf(body);
  for (const name of refused) {
    if (TRANSLATED_ONLY.has(name)) continue;
    if (name.startsWith(IN_MESSAGES)) {
      bytes = withoutFieldOfEach(bytes, 'messages', name.slice(IN_MESSAGES.length));
      continue;
    }
    const other = RENAMED.get(name);
    if (other === undefined || hasField(bytes, [other])) bytes = withoutField(bytes, pathOf(name));
    else if (!refused.has(other)) bytes = withRenamedField(bytes, name, other);
  }
  return bytes;
}
