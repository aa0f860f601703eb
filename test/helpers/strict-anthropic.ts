/**
 * Refuses what Anthropic's Messages API documents, or is known from its error messages, to refuse. It knows nothing of how
 * requests are made here: its tables are its own.
 */

type Fields = Record<string, unknown>;

interface ModelLimits {
  thinking: readonly string[];
  thinksUnasked: boolean;
  efforts: readonly string[];
  sampling: 'both' | 'one' | 'none';
  forced: boolean;
  prefill: boolean;
  system: boolean;
  schemas: boolean;
}

const THREE = ['low', 'medium', 'high'];
const FOUR = [...THREE, 'max'];
const FIVE = [...THREE, 'xhigh', 'max'];
const limits = (
  thinking: readonly string[],
  thinksUnasked: boolean,
  efforts: readonly string[],
  sampling: ModelLimits['sampling'],
  [forced, prefill, system, schemas]: readonly [boolean, boolean, boolean, boolean],
): ModelLimits => ({ thinking, thinksUnasked, efforts, sampling, forced, prefill, system, schemas });

/** As Anthropic's model pages have it in November 2026. */
const MODELS: Readonly<Record<string, ModelLimits>> = {
  'claude-fable-5-2': limits(['adaptive'], true, FIVE, 'none', [false, false, true, true]),
  'claude-fable-5': limits(['adaptive'], true, FIVE, 'none', [true, false, true, true]),
  'claude-opus-5-5': limits(['adaptive'], true, FIVE, 'none', [false, false, true, true]),
  'claude-sonnet-5-5': limits(['adaptive', 'between_tools'], true, FIVE, 'none', [false, false, true, true]),
  'claude-haiku-5-5': limits(['adaptive', 'disabled'], true, FIVE, 'none', [true, false, true, true]),
  'claude-opus-5': limits(['adaptive', 'disabled'], true, FIVE, 'none', [true, false, true, true]),
  'claude-sonnet-5': limits(['adaptive', 'disabled'], true, FIVE, 'none', [true, false, true, true]),
  'claude-opus-4-8': limits(['adaptive', 'disabled'], false, FIVE, 'none', [true, false, true, true]),
  'claude-opus-4-7': limits(['adaptive', 'disabled'], false, FIVE, 'none', [true, false, false, true]),
  'claude-opus-4-6': limits(['adaptive', 'enabled', 'disabled'], false, FOUR, 'one', [true, false, false, true]),
  'claude-sonnet-4-6': limits(['adaptive', 'enabled', 'disabled'], false, FOUR, 'one', [true, false, false, true]),
  'claude-opus-4-5-20251101': limits(['enabled', 'disabled'], false, THREE, 'one', [true, true, false, true]),
  'claude-sonnet-4-5': limits(['enabled', 'disabled'], false, [], 'one', [true, true, false, true]),
  'claude-haiku-4-5': limits(['enabled', 'disabled'], false, [], 'one', [true, true, false, true]),
  'claude-sonnet-4-20250514': limits(['enabled', 'disabled'], false, [], 'one', [true, true, false, false]),
  'claude-3-7-sonnet-latest': limits(['enabled', 'disabled'], false, [], 'both', [true, true, false, false]),
  'claude-3-5-haiku-20241022': limits([], false, [], 'both', [true, true, false, false]),
};

export const strictModels = Object.keys(MODELS);

/** What structured outputs have no room for. */
const SCHEMA_LIMITS = new Set([
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'oneOf',
  'not',
  'if',
  'patternProperties',
]);

const TOP_LEVEL = new Set([
  'model',
  'max_tokens',
  'messages',
  'system',
  'stop_sequences',
  'stream',
  'temperature',
  'top_p',
  'top_k',
  'thinking',
  'output_config',
  'tools',
  'tool_choice',
  'cache_control',
  'container',
  'metadata',
  'service_tier',
  'speed',
  'inference_geo',
]);
const ID = /^[a-zA-Z0-9_-]+$/;
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const PROPERTY = /^[a-zA-Z0-9_.-]{1,64}$/;
const IMAGES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
/** Blocks of user and assistant messages, and of tool results. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  user: ['text', 'image', 'document', 'search_result', 'tool_result'],
  assistant: ['text', 'thinking', 'redacted_thinking', 'tool_use'],
  system: ['text'],
  result: ['text', 'image', 'document', 'search_result'],
};

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

export interface StrictOptions {
  /** A compatible server, which gives no signatures and takes them back empty; and tool calls without definitions. */
  takesEmptySignature?: boolean;
  /** Lower-case names and values. */
  headers?: Readonly<Record<string, string>>;
}

/** Everything the API would refuse in a decoded body, in words; nothing where all is well. */
export function refusals(body: unknown, options: StrictOptions = {}): string[] {
  if (!isFields(body)) return ['the body is not an object'];
  const check = new StrictCheck(body, options);
  check.run();
  return check.problems;
}

class StrictCheck {
  readonly problems: string[] = [];
  readonly #body: Fields;
  readonly #options: StrictOptions;
  readonly #model: ModelLimits | undefined;
  readonly #messages: { role: string; content: Fields[] }[];
  #marks: Fields[] = [];

  constructor(body: Fields, options: StrictOptions) {
    this.#body = body;
    this.#options = options;
    this.#model = MODELS[String(body.model)];
    this.#messages = [];
    for (const { role, content } of listOf(body.messages)) {
      const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content);
      const last = this.#messages.at(-1);
      // "consecutive user or assistant turns in your request will be combined"
      if (last !== undefined && last.role === role && role !== 'system') last.content.push(...blocks);
      else this.#messages.push({ role: String(role), content: [...blocks] });
    }
  }

  run(): void {
    const body = this.#body;
    for (const name of Object.keys(body))
      if (!TOP_LEVEL.has(name)) this.#wrong(`${name}: Extra inputs are not permitted`);
    this.#noBags(body, 'body');
    if (typeof body.model !== 'string' || body.model === '') this.#wrong('model: Field required');
    if (!Number.isInteger(body.max_tokens) || Number(body.max_tokens) < 1)
      this.#wrong('max_tokens: must be at least 1');
    if (this.#options.headers !== undefined && !this.#options.headers['anthropic-version'])
      this.#wrong('anthropic-version: header is required');
    // In the order in which they count for the prompt cache.
    this.#tools();
    this.#system();
    this.#conversation();
    this.#cacheMarks();
    this.#thinking();
    this.#settings();
  }

  #wrong(problem: string): void {
    this.problems.push(problem);
  }

  #noBags(value: unknown, place: string): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      // A tool's own input and schema may have any names.
      if (name === 'input' || name === 'input_schema' || name === 'schema') continue;
      if (name === 'openai') this.#wrong(`${place}.openai: Extra inputs are not permitted`);
      this.#noBags(inner, `${place}.${name}`);
    }
  }

  #mark(block: Fields): void {
    if (block.cache_control === undefined) return;
    if (!isFields(block.cache_control) || block.cache_control.type !== 'ephemeral')
      this.#wrong('cache_control: wrong type');
    else this.#marks.push(block.cache_control);
  }

  #system(): void {
    const { system } = this.#body;
    if (system === undefined) return;
    if (typeof system !== 'string' && !Array.isArray(system)) this.#wrong('system: must be a string or a list');
    for (const block of typeof system === 'string' ? [{ type: 'text', text: system }] : listOf(system)) {
      if (block.type !== 'text') this.#wrong(`system: ${block.type} blocks are not permitted`);
      this.#text(block, 'system');
      this.#mark(block);
    }
  }

  #text({ text }: Fields, place: string): void {
    if (typeof text !== 'string') this.#wrong(`${place}.text: Field required`);
    else if (!/\S/.test(text)) this.#wrong(`${place}: text content blocks must contain non-whitespace text`);
  }

  #conversation(): void {
    const messages = this.#messages;
    if (messages.length === 0) this.#wrong('messages: at least one message is required');
    if (messages[0]?.role !== 'user') this.#wrong('messages: first message must use the "user" role');
    const ids = new Set<string>();
    for (const [index, { role, content }] of messages.entries()) {
      const place = `messages.${index}`;
      const allowed = PLACES[role];
      if (allowed === undefined) {
        this.#wrong(`${place}.role: '${role}'`);
        continue;
      }
      if (content.length === 0) this.#wrong(`${place}: messages must have non-empty content`);
      for (const [part, block] of content.entries()) {
        if (!allowed.includes(String(block.type)))
          this.#wrong(`${place}.content.${part}: '${block.type}' in a ${role} message`);
        this.#block(block, `${place}.content.${part}`);
        if (block.type !== 'tool_use') continue;
        if (ids.has(String(block.id))) this.#wrong(`${place}.content.${part}: \`tool_use\` ids must be unique`);
        ids.add(String(block.id));
      }
      if (role === 'system') this.#systemMessage(index);
      if (role === 'user') this.#results(index);
      const last = content.at(-1);
      if (role === 'assistant' && (last?.type === 'thinking' || last?.type === 'redacted_thinking'))
        this.#wrong(`${place}: The final block in an assistant message cannot be \`thinking\`.`);
    }
    this.#ending();
  }

  #systemMessage(index: number): void {
    if (this.#model?.system === false) this.#wrong("role 'system' is not supported on this model");
    const before = this.#messages[index - 1]?.role;
    const after = this.#messages[index + 1]?.role;
    if (before !== 'user') this.#wrong(`messages.${index}: a system message must follow a user message`);
    if (after !== undefined && after !== 'assistant')
      this.#wrong(`messages.${index}: a system message must be last or followed by an assistant message`);
  }

  #results(index: number): void {
    const content = this.#messages[index]?.content ?? [];
    const before = this.#messages[index - 1];
    const calls = before?.role === 'assistant' ? before.content.filter(({ type }) => type === 'tool_use') : [];
    const asked = calls.map(({ id }) => id);
    const results = content.filter(({ type }) => type === 'tool_result').map((block) => block.tool_use_id);
    const leading = content.findIndex(({ type }) => type !== 'tool_result');
    if (leading !== -1 && leading < results.length)
      this.#wrong(`messages.${index}: \`tool_result\` blocks must come first in the content`);
    for (const id of asked)
      if (results.filter((result) => result === id).length !== 1)
        this.#wrong(`messages.${index}: \`tool_use\` ${String(id)} must have a single result immediately after`);
    for (const id of results)
      if (!asked.includes(id)) this.#wrong(`messages.${index}: unexpected \`tool_use_id\` ${String(id)}`);
  }

  #ending(): void {
    const last = this.#messages.at(-1);
    if (last?.role !== 'assistant') return;
    if (last.content.some(({ type }) => type === 'tool_use'))
      this.#wrong('`tool_use` ids were found without `tool_result` blocks immediately after');
    if (this.#model?.prefill === false) this.#wrong('Prefilling assistant messages is not supported for this model.');
    const text = last.content.at(-1)?.text;
    if (typeof text === 'string' && text !== text.trimEnd())
      this.#wrong('final assistant content cannot end with trailing whitespace');
    if (isFields(this.#body.thinking) && this.#body.thinking.type === 'enabled')
      this.#wrong('prefilling is not supported with thinking');
    if (isFields(this.#body.output_config) && this.#body.output_config.format !== undefined)
      this.#wrong('prefilling is not supported with output_config.format');
  }

  #block(block: Fields, place: string): void {
    switch (block.type) {
      case 'text':
        this.#text(block, place);
        break;
      case 'image':
        this.#source(block.source, place, IMAGES);
        break;
      case 'document':
        this.#source(block.source, place, new Set(['application/pdf']));
        break;
      case 'search_result':
        for (const inner of listOf(block.content)) this.#block(inner, `${place}.content`);
        break;
      case 'tool_use':
        if (!ID.test(String(block.id))) this.#wrong(`${place}.tool_use.id: String should match pattern '${ID.source}'`);
        if (!NAME.test(String(block.name)))
          this.#wrong(`${place}.tool_use.name: String should match pattern '${NAME.source}'`);
        if (!isFields(block.input)) this.#wrong(`${place}.tool_use.input: Input should be a valid dictionary`);
        break;
      case 'tool_result':
        this.#result(block, place);
        break;
      case 'thinking':
        this.#signature(block.signature, place, this.#options.takesEmptySignature === true);
        if (block.cache_control !== undefined) this.#wrong(`${place}: thinking cannot be marked for the cache`);
        break;
      case 'redacted_thinking':
        this.#signature(block.data, place, false);
        break;
    }
    this.#mark(block);
  }

  #signature(signature: unknown, place: string, mayBeEmpty: boolean): void {
    const accepted =
      signature === '' ? mayBeEmpty : typeof signature === 'string' && /^[A-Za-z0-9+/=_-]+$/.test(signature);
    if (!accepted) this.#wrong(`${place}: Invalid \`signature\` in \`thinking\` block`);
  }

  #source(source: unknown, place: string, mediaTypes: ReadonlySet<string>): void {
    if (!isFields(source)) {
      this.#wrong(`${place}.source: Field required`);
      return;
    }
    if (source.type === 'base64' && !mediaTypes.has(String(source.media_type)))
      this.#wrong(`${place}.source.media_type: '${source.media_type}'`);
    if (source.type === 'text' && (source.media_type !== 'text/plain' || !/\S/.test(String(source.data))))
      this.#wrong(`${place}.source: must be a text`);
    if (source.type === 'file' && !String(source.file_id).startsWith('file_'))
      this.#wrong(`${place}.source.file_id: not found`);
    if (source.type === 'content')
      for (const inner of listOf(source.content)) {
        if (inner.type !== 'text' && inner.type !== 'image') this.#wrong(`${place}.source: '${inner.type}'`);
        this.#block(inner, `${place}.source.content`);
      }
  }

  #result({ tool_use_id: id, content, is_error }: Fields, place: string): void {
    if (!ID.test(String(id))) this.#wrong(`${place}.tool_use_id: String should match pattern '${ID.source}'`);
    const blocks = listOf(content);
    for (const inner of blocks) {
      if (!PLACES.result?.includes(String(inner.type))) this.#wrong(`${place}: '${inner.type}' in a tool result`);
      this.#block(inner, `${place}.content`);
    }
    if (is_error !== true) return;
    if (blocks.some(({ type }) => type !== 'text'))
      this.#wrong(`${place}: all content must be type \`text\` if \`is_error\` is true`);
    if (content === undefined || content === '' || (Array.isArray(content) && blocks.length === 0))
      this.#wrong(`${place}: content cannot be empty if \`is_error\` is true`);
  }

  #cacheMarks(): void {
    this.#mark(this.#body);
    if (this.#marks.length > 4)
      this.#wrong(`A maximum of 4 blocks with cache_control may be provided. Found ${this.#marks.length}.`);
    let short = false;
    for (const { ttl } of this.#marks) {
      if (ttl === '1h' && short) this.#wrong("a ttl='1h' cache_control block must not come after a ttl='5m' one");
      if (ttl !== '1h') short = true;
    }
  }

  #tools(): void {
    const { tools, tool_choice: choice } = this.#body;
    const names = new Set<string>();
    for (const [index, tool] of listOf(tools).entries()) {
      const name = String(tool.name);
      if (names.has(name)) this.#wrong('tools: Tool names must be unique.');
      names.add(name);
      this.#mark(tool);
      if (tool.type !== undefined && tool.type !== 'custom') continue;
      if (!NAME.test(name)) this.#wrong(`tools.${index}.name: String should match pattern '${NAME.source}'`);
      const schema = tool.input_schema;
      if (!isFields(schema) || schema.type !== 'object') {
        this.#wrong(`tools.${index}.input_schema.type: Field required`);
        continue;
      }
      if ('anyOf' in schema || 'oneOf' in schema || 'allOf' in schema)
        this.#wrong(`tools.${index}: input_schema does not support oneOf, allOf, or anyOf at the top level`);
      for (const property of Object.keys(isFields(schema.properties) ? schema.properties : {}))
        if (!PROPERTY.test(property))
          this.#wrong(`tools.${index}: Property keys should match pattern '${PROPERTY.source}'`);
    }
    const used = this.#messages.some(({ content }) => content.some(({ type }) => type === 'tool_use'));
    if (used && names.size === 0 && this.#options.takesEmptySignature !== true)
      this.#wrong('Requests which include `tool_use` blocks must define tools');
    if (choice === undefined) return;
    if (!isFields(choice)) {
      this.#wrong('tool_choice: Input should be a valid dictionary');
      return;
    }
    if (names.size === 0) this.#wrong('tool_choice: may only be specified while providing `tools`.');
    if (choice.type === 'tool' && !names.has(String(choice.name)))
      this.#wrong(`Tool '${choice.name}' not found in provided tools`);
    if (choice.type === 'none' && 'disable_parallel_tool_use' in choice) this.#wrong('tool_choice.none: Extra inputs');
    if (choice.type !== 'any' && choice.type !== 'tool') return;
    if (this.#model?.forced === false)
      this.#wrong('tool_choice: type "tool" and "any" are not supported for this model.');
    if (this.#thinks()) this.#wrong('Thinking may not be enabled when tool_choice forces tool use.');
  }

  #thinks(): boolean {
    const { thinking } = this.#body;
    if (isFields(thinking)) return thinking.type !== 'disabled';
    return this.#model?.thinksUnasked === true;
  }

  #thinking(): void {
    const { thinking, max_tokens: limit } = this.#body;
    const asked = this.#messages.findLastIndex(
      ({ role, content }) => role === 'user' && !content.some(({ type }) => type === 'tool_result'),
    );
    const goesOn = this.#messages.slice(asked + 1).flatMap(({ content }) => content);
    const isOff = isFields(thinking) ? thinking.type === 'disabled' : this.#model?.thinksUnasked === false;
    if (this.#model !== undefined && isOff && goesOn.some(({ type }) => /thinking/.test(String(type))))
      this.#wrong('When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`.');
    if (thinking === undefined) return;
    if (!isFields(thinking)) {
      this.#wrong('thinking: Input should be a valid dictionary');
      return;
    }
    const { type, budget_tokens: budget, block_binding } = thinking;
    if (this.#model !== undefined && !this.#model.thinking.includes(String(type)))
      this.#wrong(`thinking.type: '${String(type)}' is not supported for this model`);
    if (type === 'enabled') {
      if (typeof budget !== 'number' || budget < 1024) this.#wrong('thinking.budget_tokens: must be at least 1024');
      else if (budget >= Number(limit)) this.#wrong('`max_tokens` must be greater than `thinking.budget_tokens`');
      const last = this.#messages.findLast(({ role }) => role === 'assistant');
      const first = last?.content[0]?.type;
      if (
        last?.content.some((block) => block.type === 'tool_use') &&
        first !== 'thinking' &&
        first !== 'redacted_thinking'
      )
        this.#wrong('When `thinking` is enabled, a final `assistant` message must start with a thinking block');
    } else if (budget !== undefined) this.#wrong('thinking.budget_tokens: Extra inputs are not permitted');
    if ((type === 'disabled' || type === 'between_tools') && Object.keys(thinking).length > 1)
      this.#wrong(`thinking.${type}: Extra inputs are not permitted`);
    const betas = this.#options.headers?.['anthropic-beta'] ?? '';
    if (block_binding !== undefined && !betas.includes('thinking-binding-controls-2026-08-01'))
      this.#wrong('thinking.block_binding: Extra inputs are not permitted');
  }

  #settings(): void {
    const { temperature, top_p, top_k, stop_sequences, metadata, service_tier, output_config, thinking } = this.#body;
    const given = { temperature, top_p, top_k };
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      if (typeof value !== 'number') this.#wrong(`${name}: Input should be a number`);
      if (this.#model?.sampling === 'none') this.#wrong(`${name} is not supported for this model`);
      else if (this.#model !== undefined && isFields(thinking) && thinking.type !== 'disabled')
        this.#wrong(`${name} may not be set when thinking is enabled`);
    }
    if (this.#model !== undefined && typeof temperature === 'number' && (temperature < 0 || temperature > 1))
      this.#wrong('temperature: range: 0..1');
    if (this.#model?.sampling === 'one' && temperature !== undefined && top_p !== undefined)
      this.#wrong('`temperature` and `top_p` cannot both be specified for this model');
    if (
      stop_sequences !== undefined &&
      (!Array.isArray(stop_sequences) || stop_sequences.some((stop) => !/\S/.test(String(stop))))
    )
      this.#wrong('stop_sequences: each stop sequence must contain non-whitespace');
    if (
      isFields(metadata) &&
      (Object.keys(metadata).some((key) => key !== 'user_id') || String(metadata.user_id).length > 256)
    )
      this.#wrong('metadata: only user_id, of at most 256 characters');
    if (service_tier !== undefined && service_tier !== 'auto' && service_tier !== 'standard_only')
      this.#wrong(`service_tier: '${String(service_tier)}'`);
    if (output_config === undefined) return;
    if (!isFields(output_config)) {
      this.#wrong('output_config: Input should be a valid dictionary');
      return;
    }
    const { effort, format } = output_config;
    if (effort !== undefined && this.#model !== undefined && !this.#model.efforts.includes(String(effort)))
      this.#wrong(`output_config.effort: '${String(effort)}' is not supported for this model`);
    const calm = isFields(thinking) && (thinking.type === 'disabled' || thinking.type === 'between_tools');
    if (calm && (effort === 'xhigh' || effort === 'max'))
      this.#wrong(`output_config.effort: '${effort}' without thinking`);
    if (format === undefined) return;
    if (this.#model?.schemas === false) this.#wrong('output_config.format is not supported for this model');
    if (isFields(format)) this.#schema(format.schema);
  }

  #schema(schema: unknown): void {
    if (Array.isArray(schema)) for (const each of schema) this.#schema(each);
    if (!isFields(schema)) return;
    if (schema.type === 'object' && schema.additionalProperties !== false)
      this.#wrong(
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
      );
    for (const [name, value] of Object.entries(schema)) {
      if (SCHEMA_LIMITS.has(name)) this.#wrong(`output_config.format.schema: '${name}' is not supported`);
      if (name === 'properties' && isFields(value)) for (const property of Object.values(value)) this.#schema(property);
      else if (name !== 'enum' && name !== 'const' && name !== 'default') this.#schema(value);
    }
  }
}
