import type { MessagesRequest, Tool } from '../canonical.ts';
import type { EncodeTarget, Quirks } from '../codec.ts';
import { ListCache } from '../list-cache.ts';
import { assertToolsLeft } from '../server-tools.ts';
import { encodeToolName } from '../tool-names.ts';
import { toolParameters } from '../tool-schema.ts';
import { toolDefinition } from '../typed-tools.ts';
import { ollamaParameters } from './tool-schema.ts';

interface EncodedTool {
  /** As it is sent. */
  name: string;
  /** The client's own. */
  ownName: string;
  json: string;
}

/** A list of tool definitions, translated. */
interface EncodedTools {
  tools: readonly EncodedTool[];
  warnings: readonly string[];
}

const encodedLists = new ListCache<EncodedTools>();

function encodeList(list: readonly Tool[], kind: Quirks['toolSchema']): EncodedTools {
  const tools: EncodedTool[] = [];
  const warnings: string[] = [];
  for (const tool of list) {
    const definition = toolDefinition(tool);
    if (definition === null) {
      warnings.push(`Tool '${tool.name ?? tool.type}' runs at the servers of another vendor and was left out.`);
      continue;
    }
    const name = encodeToolName(tool.name);
    const { description, schema } = definition;
    const parameters = ollamaParameters(toolParameters(schema, kind));
    tools.push({
      name,
      ownName: tool.name,
      json: JSON.stringify({ type: 'function', function: { name, description, parameters } }),
    });
  }
  return { tools, warnings };
}

/** The fields of a request that concern tools. */
interface ToolFields {
  /** JSON of the `tools` field; null where there is none. */
  tools: string | null;
  /** What the model is told because Ollama has no `tool_choice`; '' where it is free. */
  instruction: string;
}

/**
 * Names that had to change are noted in `toolNames` (sent name → the client's own).
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeTools(
  request: MessagesRequest,
  target: EncodeTarget,
  toolNames: Map<string, string>,
  warnings: Set<string>,
): ToolFields {
  const { toolSchema } = target.quirks;
  const list = request.tools ?? [];
  const encoded = encodedLists.of(list, toolSchema, () => encodeList(list, toolSchema));
  for (const { name, ownName } of encoded.tools) if (name !== ownName) toolNames.set(name, ownName);
  const choice = request.tool_choice;
  if (choice?.type === 'none') return { tools: null, instruction: '' };
  for (const warning of encoded.warnings) warnings.add(warning);
  assertToolsLeft(request, encoded.tools.length, target.provider);
  const allowed = request.openai?.allowedTools;
  const offered =
    allowed === undefined ? encoded.tools : encoded.tools.filter(({ ownName }) => allowed.names.includes(ownName));
  if (offered.length === 0) return { tools: null, instruction: '' };
  if (
    (choice !== undefined && choice.disable_parallel_tool_use === true) ||
    request.openai?.parallelToolCalls === false
  )
    warnings.add('Ollama cannot be kept from calling several tools at once.');
  return { tools: `[${offered.map(({ json }) => json).join(',')}]`, instruction: instruction(request, warnings) };
}

function instruction({ tool_choice: choice, openai }: MessagesRequest, warnings: Set<string>): string {
  const required = choice?.type === 'any' || openai?.allowedTools?.mode === 'required';
  if (choice?.type !== 'tool' && !required) return '';
  warnings.add('Ollama cannot be made to call a tool; the system prompt asks for it.');
  return choice?.type === 'tool'
    ? `Your answer must be a call of the tool ${encodeToolName(choice.name)}.`
    : 'Your answer must be a call of one or more of the tools.';
}
