/**
 * Refuses what OpenAI's two dialects, and vendors that imitate them, are known to refuse, by their documentation or their own
 * error messages. It knows nothing of how requests are made here: its tables are its own.
 */

type Fields = Record<string, unknown>;

/** Whose rules count beside OpenAI's common ones. */
export type ChatVendor = 'openai' | 'openrouter' | 'deepseek' | 'gemini' | 'mistral' | 'local';

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function isObjectJson(text: unknown): boolean {
  try {
    return isFields(JSON.parse(String(text)));
  } catch {
    return false;
  }
}

/** Every object in a value, with the key it stands under. */
function* objectsIn(value: unknown, key = ''): Generator<[Fields, string]> {
  if (Array.isArray(value)) for (const inner of value) yield* objectsIn(inner, key);
  else if (isFields(value)) {
    yield [value, key];
    for (const [name, inner] of Object.entries(value)) yield* objectsIn(inner, name);
  }
}

/** Fields of `POST /chat/completions` (API reference, "Create chat completion"), and what vendors add to them. */
const CHAT_FIELDS = [
  ...[
    'model',
    'messages',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'max_tokens',
    'max_completion_tokens',
    'stop',
  ],
  ...['stream', 'stream_options', 'temperature', 'top_p', 'response_format', 'reasoning_effort', 'user'],
];
const CHAT_FIELDS_OF: Readonly<Record<ChatVendor, readonly string[]>> = {
  openai: ['safety_identifier', 'prompt_cache_key', 'store', 'service_tier', 'verbosity'],
  openrouter: ['reasoning', 'session_id', 'top_k', 'plugins'],
  deepseek: ['thinking'],
  gemini: [],
  mistral: [],
  local: ['top_k', 'chat_template_kwargs'],
};
/** Gemini: "Unknown name … Cannot find field" (musistudio/claude-code-router issue 187). */
const GEMINI_UNKNOWN = [
  ...['$schema', '$ref', '$defs', 'additionalProperties', 'const', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...['propertyNames', 'patternProperties', 'oneOf', 'allOf'],
];
const ROOT_REFUSED = ['anyOf', 'oneOf', 'allOf', 'enum', 'not', '$ref'];

/** Everything the vendor would refuse in a decoded Chat Completions body, in words; nothing where all is well. */
export function chatRefusals(body: unknown, vendor: ChatVendor): string[] {
  const problems: string[] = [];
  if (!isFields(body)) return ['the body is not an object'];
  const allowed = new Set([...CHAT_FIELDS, ...CHAT_FIELDS_OF[vendor]]);
  for (const name of Object.keys(body)) if (!allowed.has(name)) problems.push(`unknown parameter: ${name}`);
  const limit = body.max_tokens ?? body.max_completion_tokens;
  if (limit !== undefined && !(Number.isInteger(limit) && Number(limit) >= 1)) problems.push('max_tokens: too small');
  if (Array.isArray(body.stop) && (body.stop.length === 0 || body.stop.length > 4)) problems.push('stop: 1 to 4');
  for (const [name, most] of [
    ['user', 128],
    ['safety_identifier', 64],
    ['prompt_cache_key', 64],
  ] as const)
    if (String(body[name] ?? '').length > most) problems.push(`${name}: string too long`);
  problems.push(...chatTools(body, vendor), ...chatMessages(listOf(body.messages), body, vendor));
  for (const [object, key] of objectsIn(body.messages)) {
    if ('openai' in object) problems.push(`the bag for other dialects is sent below ${key}`);
    if ('signature' in object && key !== 'reasoning_details') problems.push(`a signature is sent below ${key}`);
    if ('cache_control' in object && vendor !== 'openrouter') problems.push('unknown parameter: cache_control');
  }
  const marks = [...objectsIn(body)].filter(([object]) => 'cache_control' in object).length;
  // Anthropic behind it: aider-desk issue 513.
  if (marks > 4) problems.push(`A maximum of 4 blocks with cache_control may be provided. Found ${marks}.`);
  return problems;
}

function chatTools(
  { tools, tool_choice: choice, parallel_tool_calls: parallel }: Fields,
  vendor: ChatVendor,
): string[] {
  if (tools === undefined) {
    const stray = choice !== undefined || parallel !== undefined;
    return stray ? ["'tool_choice' is only allowed when 'tools' are specified"] : [];
  }
  const problems: string[] = [];
  const functions = listOf(tools).map((tool) => (isFields(tool.function) ? tool.function : {}));
  if (functions.length === 0) problems.push('tools: [] is too short');
  if (vendor !== 'local' && functions.length > 128) problems.push('tools: array too long, at most 128');
  const names = functions.map(({ name }) => String(name));
  if (new Set(names).size < names.length) problems.push('tools: names must be unique');
  for (const name of names) {
    if (!NAME.test(name)) problems.push(`tools: the name '${name}' does not match ${NAME}`);
    if (vendor === 'gemini' && !/^[a-zA-Z_]/.test(name)) problems.push(`'${name}' must start with a letter or _`);
  }
  for (const { name, parameters } of functions) {
    if (vendor === 'gemini' && parameters === undefined) continue;
    if (!isFields(parameters) || parameters.type !== 'object' || !isFields(parameters.properties))
      problems.push(`Invalid schema for function '${name}': schema must be an object with properties`);
    else for (const key of ROOT_REFUSED) if (key in parameters) problems.push(`'${name}' has ${key} at the top level`);
    for (const [schema, key] of objectsIn(parameters)) {
      if (key === 'properties' || key === 'default' || key === 'examples') continue;
      if (Array.isArray(schema.enum) && schema.enum.length === 0) problems.push(`'${name}': enum [] is too short`);
      if (vendor !== 'gemini') continue;
      for (const unknown of GEMINI_UNKNOWN)
        if (unknown in schema) problems.push(`'${name}': Unknown name "${unknown}": Cannot find field`);
      if (Array.isArray(schema.type)) problems.push(`'${name}': Proto field is not repeating, cannot start list`);
    }
  }
  return problems;
}

function chatMessages(messages: readonly Fields[], body: Fields, vendor: ChatVendor): string[] {
  const problems: string[] = [];
  const wrong = (place: number, problem: string): void => void problems.push(`messages.${place}: ${problem}`);
  if (messages.length === 0) problems.push('messages: [] is too short');
  let waiting: string[] = [];
  for (const [place, message] of messages.entries()) {
    const { role, content, tool_calls: calls } = message;
    const before = messages[place - 1]?.role;
    if (role !== 'tool' && waiting.length > 0) {
      wrong(place, `tool_call_ids did not have response messages: ${waiting.join(', ')}`);
      waiting = [];
    }
    switch (role) {
      case 'system':
      case 'developer':
        if (place > 0 && vendor !== 'openai' && vendor !== 'openrouter')
          wrong(place, 'System message must be at the beginning');
        problems.push(...contentProblems(content, place, ['text']));
        break;
      case 'user':
        if (vendor === 'mistral' && before === 'tool') wrong(place, "Unexpected role 'user' after role 'tool'");
        problems.push(...contentProblems(content, place, ['text', 'image_url', 'file']));
        break;
      case 'tool':
        if (waiting.length === 0) wrong(place, "'tool' must be a response to a preceding message with 'tool_calls'");
        else if (waiting[0] !== message.tool_call_id) wrong(place, `answers ${message.tool_call_id} out of order`);
        waiting = waiting.filter((id) => id !== message.tool_call_id);
        problems.push(...contentProblems(content, place, ['text']));
        break;
      case 'assistant': {
        const said = typeof content === 'string' ? content !== '' : listOf(content).length > 0;
        if (calls !== undefined && listOf(calls).length === 0) wrong(place, 'tool_calls: [] is too short');
        const isState = vendor === 'openrouter' && message.reasoning_details !== undefined;
        if (!said && calls === undefined && message.refusal === undefined && !isState)
          wrong(place, 'content or tool_calls must be set');
        if (said) problems.push(...contentProblems(content, place, ['text']));
        if (vendor === 'deepseek' && typeof message.reasoning_content !== 'string')
          wrong(place, 'The reasoning_content in the thinking mode must be passed back to the API.');
        if (vendor !== 'deepseek' && 'reasoning_content' in message)
          wrong(place, 'unknown parameter reasoning_content');
        if (vendor !== 'openrouter' && 'reasoning_details' in message)
          wrong(place, 'unknown parameter reasoning_details');
        waiting = callIds(listOf(calls), place, vendor, problems);
        if (vendor === 'gemini' && waiting.length > 0 && !hasSignature(listOf(calls)[0]))
          wrong(place, 'Function call is missing a thought_signature in functionCall parts');
        break;
      }
      default:
        wrong(place, `unknown role ${role}`);
    }
  }
  if (waiting.length > 0) problems.push(`tool_call_ids did not have response messages: ${waiting.join(', ')}`);
  const last = messages.at(-1)?.role;
  if (last !== 'user' && last !== 'tool' && last !== 'system')
    problems.push(`Expected last role User or Tool but got ${last}`);
  if (
    vendor === 'deepseek' &&
    isFields(body.thinking) &&
    body.thinking.type === 'enabled' &&
    body.tool_choice === 'required'
  )
    problems.push('the thinking mode takes no forced tool');
  return problems;
}

/** An image needs the signature of the call's own answer, or the one that says that there is none. */
function hasSignature(call: Fields | undefined): boolean {
  const extra = isFields(call?.extra_content) ? call.extra_content : {};
  return isFields(extra.google) && typeof extra.google.thought_signature === 'string';
}

function callIds(calls: readonly Fields[], place: number, vendor: ChatVendor, problems: string[]): string[] {
  const ids = calls.map(({ id }) => String(id));
  if (new Set(ids).size < ids.length) problems.push(`messages.${place}: tool call ids must be unique`);
  for (const id of ids) {
    const fits = vendor === 'mistral' ? /^[a-zA-Z0-9]{9}$/.test(id) : id.length >= 1 && id.length <= 40;
    if (!fits) problems.push(`messages.${place}: invalid tool call id '${id}'`);
  }
  for (const { type, function: called } of calls) {
    const { name, arguments: given } = isFields(called) ? called : {};
    if (type !== 'function' || !NAME.test(String(name))) problems.push(`messages.${place}: invalid call of '${name}'`);
    if (typeof given !== 'string' || !isObjectJson(given))
      problems.push(`messages.${place}: arguments are no JSON object: ${String(given)}`);
  }
  return ids;
}

function contentProblems(content: unknown, place: number, types: readonly string[]): string[] {
  if (typeof content === 'string') return content === '' ? [`messages.${place}: content is empty`] : [];
  if (!Array.isArray(content) || content.length === 0) return [`messages.${place}: content is required`];
  return listOf(content).flatMap((part, index) => {
    const at = `messages.${place}.content.${index}`;
    if (!types.includes(String(part.type))) return [`${at}: type '${part.type}' is not allowed here`];
    if (part.type === 'text' && (typeof part.text !== 'string' || part.text === '')) return [`${at}: empty text`];
    if (part.type === 'image_url') {
      const url = isFields(part.image_url) ? String(part.image_url.url) : '';
      if (!/^(?:https?:\/\/|data:image\/(?:png|jpeg|gif|webp);base64,.)/.test(url)) return [`${at}: invalid image_url`];
    }
    return [];
  });
}

const RESPONSES_FIELDS = new Set([
  ...[
    'model',
    'instructions',
    'input',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'max_output_tokens',
    'reasoning',
  ],
  ...['temperature', 'top_p', 'text', 'include', 'store', 'stream', 'user', 'safety_identifier', 'prompt_cache_key'],
  ...['service_tier', 'prompt_cache_options'],
]);

/** Everything the Responses API would refuse in a decoded body, in words; nothing where all is well. */
export function responsesRefusals(body: unknown): string[] {
  const problems: string[] = [];
  if (!isFields(body)) return ['the body is not an object'];
  for (const name of Object.keys(body)) if (!RESPONSES_FIELDS.has(name)) problems.push(`unknown parameter: ${name}`);
  if (body.max_output_tokens !== undefined && Number(body.max_output_tokens) < 16)
    problems.push("Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16");
  for (const [name, most] of [
    ['user', 64],
    ['safety_identifier', 64],
    ['prompt_cache_key', 64],
  ] as const)
    if (String(body[name] ?? '').length > most) problems.push(`${name}: string too long`);
  if (body.store !== false) problems.push('store: a stateless request must say false');
  problems.push(...responsesTools(body), ...inputProblems(listOf(body.input)));
  for (const [object, key] of objectsIn(body.input)) {
    if ('openai' in object) problems.push(`the bag for other dialects is sent below ${key}`);
    if ('signature' in object || 'cache_control' in object)
      problems.push(`a field of Anthropic's is sent below ${key}`);
  }
  return problems;
}

function responsesTools({ tools, tool_choice: choice, parallel_tool_calls: parallel }: Fields): string[] {
  if (tools === undefined) return choice === undefined && parallel === undefined ? [] : ['tool_choice without tools'];
  const problems: string[] = [];
  const names = listOf(tools).flatMap((tool) => (tool.type === 'function' ? String(tool.name) : []));
  if (listOf(tools).length === 0) problems.push('tools: [] is too short');
  if (listOf(tools).length > 128) problems.push('tools: array too long, at most 128');
  if (new Set(names).size < names.length) problems.push('tools: names must be unique');
  for (const { type, name, parameters, strict } of listOf(tools)) {
    if (type !== 'function') continue;
    if (!NAME.test(String(name))) problems.push(`tools: invalid name '${name}'`);
    if (!isFields(parameters) || parameters.type !== 'object' || !isFields(parameters.properties))
      problems.push(`Invalid schema for function '${name}': schema must be an object with properties`);
    else for (const key of ROOT_REFUSED) if (key in parameters) problems.push(`'${name}' has ${key} at the top level`);
    if (strict !== false) problems.push(`'${name}': strict mode refuses schemas that were not written for it`);
  }
  return problems;
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  user: ['input_text', 'input_image', 'input_file'],
  developer: ['input_text'],
  assistant: ['output_text', 'refusal'],
};

function inputProblems(input: readonly Fields[]): string[] {
  const problems: string[] = [];
  const wrong = (place: number, problem: string): void => void problems.push(`input.${place}: ${problem}`);
  if (input.length === 0) problems.push('input: [] is too short');
  const called = new Map<string, number>();
  for (const [place, item] of input.entries()) {
    const id = String(item.call_id);
    switch (item.type) {
      case 'message': {
        const parts = listOf(item.content);
        if (parts.length === 0) wrong(place, 'content is empty');
        for (const part of parts) {
          if (!PARTS[String(item.role)]?.includes(String(part.type))) wrong(place, `${part.type} of ${item.role}`);
          if ('text' in part && part.text === '') wrong(place, 'empty text');
        }
        break;
      }
      case 'function_call':
        if (id.length < 1 || id.length > 64) wrong(place, `call_id '${id}': string too long`);
        if (called.has(id)) wrong(place, `call_id '${id}' stands twice`);
        if (!NAME.test(String(item.name))) wrong(place, `invalid name '${item.name}'`);
        if (!isObjectJson(item.arguments)) wrong(place, `arguments are no JSON object: ${String(item.arguments)}`);
        called.set(id, 0);
        break;
      case 'function_call_output':
        if (!called.has(id)) wrong(place, `No tool call found for function call output with call_id ${id}`);
        called.set(id, (called.get(id) ?? 0) + 1);
        if (item.output === '' || (Array.isArray(item.output) && item.output.length === 0))
          wrong(place, 'empty output');
        break;
      case 'reasoning': {
        const next = input[place + 1];
        const follows = next?.type === 'function_call' || (next?.type === 'message' && next.role === 'assistant');
        if (!follows && next?.type !== 'reasoning') wrong(place, 'provided without its required following item');
        if (typeof item.id !== 'string' || !Array.isArray(item.summary)) wrong(place, 'lacks its id or its summary');
        if (typeof item.encrypted_content !== 'string') wrong(place, 'not stored, and without encrypted_content');
        break;
      }
      default:
        wrong(place, `unknown type '${item.type}'`);
    }
  }
  for (const [id, results] of called) {
    if (results === 0) problems.push(`No tool output found for function call ${id}`);
    if (results > 1) problems.push(`several outputs for function call ${id}`);
  }
  const last = input.at(-1);
  if (last?.type === 'message' && last.role === 'assistant') problems.push('the conversation ends with the assistant');
  return problems;
}
