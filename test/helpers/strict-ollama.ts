/**
 * Refuses what Ollama's own API refuses, or loses without a word (its docs/api.md and api/types.go). It knows nothing of how
 * requests are made here.
 */

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

const MESSAGE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  system: ['role', 'content'],
  user: ['role', 'content', 'images'],
  assistant: ['role', 'content', 'thinking', 'tool_calls'],
  tool: ['role', 'content', 'images', 'tool_name', 'tool_call_id'],
};

/** Everything that is wrong with a decoded `/api/chat` body, in words; nothing where all is well. */
export function ollamaRefusals(body: unknown): string[] {
  const problems: string[] = [];
  if (!isFields(body)) return ['the body is not an object'];
  const messages = listOf(body.messages);
  let waiting: { id: unknown; name: unknown }[] = [];
  for (const [place, message] of messages.entries()) {
    const wrong = (problem: string): void => void problems.push(`messages.${place}: ${problem}`);
    const known = MESSAGE_FIELDS[String(message.role)];
    if (known === undefined) wrong(`unknown role ${message.role}`);
    for (const name of Object.keys(message)) if (!known?.includes(name)) wrong(`${name} is lost`);
    if (typeof message.content !== 'string') wrong('cannot unmarshal content into a string');
    if (message.role === 'system' && place > 0) wrong('templates take a system message at the beginning only');
    if (message.role !== 'tool' && waiting.length > 0) wrong('calls before it have no results');
    for (const image of Array.isArray(message.images) ? message.images : [])
      if (!/^[A-Za-z0-9+/]+=*$/.test(String(image))) wrong('illegal base64 data');
    if (message.role === 'tool') {
      const call = waiting.shift();
      if (call?.id !== message.tool_call_id || call?.name !== message.tool_name) wrong('answers no call, or another');
      if (message.content === '') wrong('an empty result');
      continue;
    }
    waiting = listOf(message.tool_calls).map((call) => {
      const called = isFields(call.function) ? call.function : {};
      if (!isFields(called.arguments)) wrong('cannot unmarshal arguments: they must be an object');
      return { id: call.id, name: called.name };
    });
  }
  if (waiting.length > 0) problems.push('calls at the end have no results');
  for (const { function: given } of listOf(body.tools)) {
    const { name, parameters } = isFields(given) ? given : {};
    if (!isFields(parameters) || parameters.type !== 'object') problems.push(`'${name}' has no parameters`);
    else if (!Object.values(parameters.properties ?? {}).every(isFields)) problems.push(`'${name}': cannot unmarshal`);
  }
  const options = isFields(body.options) ? body.options : {};
  if (!Number.isInteger(options.num_ctx)) problems.push('without num_ctx the window may be 4096');
  return problems;
}
