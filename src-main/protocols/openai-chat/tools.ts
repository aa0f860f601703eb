import type { MessagesRequest, Tool } from '../canonical.ts';
import { encodeToolName } from '../tool-names.ts';
import { toolParameters } from '../tool-schema.ts';

interface FunctionTool {
  type: 'function';
  function: { name: string; description?: string; parameters: Record<string, unknown> };
}

type ToolChoice = 'auto' | 'required' | 'none' | { type: 'function'; function: { name: string } };

/** The fields of a request that concern tools; absent ones are undefined and vanish in JSON. */
export interface ToolFields {
  /** JSON of the `tools` field; null where there is none. */
  tools: Uint8Array | null;
  choice: { tool_choice: ToolChoice | undefined; parallel_tool_calls: false | undefined };
}

/** A list of tool definitions, translated. */
interface EncodedTools {
  json: Uint8Array;
  /** As they are sent. */
  names: ReadonlySet<string>;
  /** Sent name → the client's own, for those that had to change. */
  changed: ReadonlyMap<string, string>;
  warnings: readonly string[];
}

/** Equal tool definitions are one object (request-body.ts), so each list is translated once. */
const encodedLists = new WeakMap<readonly Tool[], EncodedTools>();

function encodeList(list: readonly Tool[]): EncodedTools {
  const known = encodedLists.get(list);
  if (known !== undefined) return known;
  const tools: FunctionTool[] = [];
  const changed = new Map<string, string>();
  const warnings: string[] = [];
  for (const tool of list) {
    const definition = definitionOf(tool);
    if (definition === null) {
      warnings.push(`Tool '${tool.name ?? tool.type}' runs on Anthropic's servers and was left out.`);
      continue;
    }
    const name = encodeToolName(tool.name);
    if (name !== tool.name) changed.set(name, tool.name);
    const { description, schema } = definition;
    const parameters = toolParameters(schema);
    tools.push({
      type: 'function',
      function: description === undefined ? { name, parameters } : { name, description, parameters },
    });
  }
  const encoded = {
    json: Buffer.from(JSON.stringify(tools)),
    names: new Set(tools.map((tool) => tool.function.name)),
    changed,
    warnings,
  };
  // What is not frozen might change under us.
  if (Object.isFrozen(list)) encodedLists.set(list, encoded);
  return encoded;
}

/**
 * Tools, tool choice and their limits. `strict` is never set: OpenAI's strict mode refuses schemas that Anthropic takes.
 * Names that had to change are noted in `toolNames` (sent name → the client's own).
 */
export function encodeTools(
  request: MessagesRequest,
  toolNames: Map<string, string>,
  warnings: Set<string>,
): ToolFields {
  const encoded = encodeList(request.tools ?? []);
  for (const [sent, own] of encoded.changed) toolNames.set(sent, own);
  for (const warning of encoded.warnings) warnings.add(warning);
  // Without tools, OpenAI refuses an empty list, a choice and parallel_tool_calls alike.
  if (encoded.names.size === 0)
    return { tools: null, choice: { tool_choice: undefined, parallel_tool_calls: undefined } };
  const choice = request.tool_choice;
  const serial = choice && choice.type !== 'none' && choice.disable_parallel_tool_use === true;
  return {
    tools: encoded.json,
    choice: {
      tool_choice: encodeChoice(request, encoded.names, warnings),
      parallel_tool_calls: serial ? false : undefined,
    },
  };
}

function encodeChoice(
  request: MessagesRequest,
  names: ReadonlySet<string>,
  warnings: Set<string>,
): ToolChoice | undefined {
  const choice = request.tool_choice;
  switch (choice?.type) {
    case 'auto':
      return 'auto';
    case 'any':
      return 'required';
    case 'none':
      return 'none';
    case 'tool': {
      const name = encodeToolName(choice.name);
      if (names.has(name)) return { type: 'function', function: { name } };
      warnings.add(`tool_choice names '${choice.name}', which is not among the tools sent, and was left out.`);
      return undefined;
    }
    default:
      return undefined;
  }
}

interface Definition {
  description: string | undefined;
  schema: Record<string, unknown>;
}

function definitionOf(tool: Tool): Definition | null {
  if (tool.input_schema !== undefined) return { description: tool.description, schema: tool.input_schema };
  if (tool.type === undefined || tool.type === 'custom') return { description: tool.description, schema: {} };
  if (tool.type.startsWith('bash_')) return bash;
  if (tool.type.startsWith('text_editor_')) return textEditor(tool.type);
  return null;
}

/** Anthropic's documented `bash_20250124`, whose schema is built into its models. */
const bash: Definition = {
  description: 'Runs a command in a bash session that keeps its state between calls.',
  schema: {
    type: 'object',
    properties: {
      command: { type: 'string', description: 'The command to run. Not needed when restarting.' },
      restart: { type: 'boolean', description: 'Restarts the session.' },
    },
  },
};

/**
 * Anthropic's documented text editor tools. The text to insert is `insert_text` in the 2025-07-28 version, whatever older
 * pages of its documentation say (anthropic-sdk-python issue 1155), and `new_str` before; `undo_edit` ended with 2025-04-29.
 */
function textEditor(type: string): Definition {
  const version = Number(type.slice('text_editor_'.length));
  const commands = ['view', 'create', 'str_replace', 'insert', ...(version < 20250429 ? ['undo_edit'] : [])];
  const newText = { type: 'string', description: 'str_replace: the text to put in the place of old_str.' };
  const inserted = { type: 'string', description: 'insert: the text to insert.' };
  return {
    description: 'Views, creates and edits text files.',
    schema: {
      type: 'object',
      properties: {
        command: { type: 'string', enum: commands },
        path: { type: 'string', description: 'Path of the file; view also takes a directory.' },
        view_range: {
          type: 'array',
          items: { type: 'integer' },
          description: 'view: first and last line, counted from 1; -1 is the end of the file.',
        },
        file_text: { type: 'string', description: 'create: content of the new file.' },
        old_str: { type: 'string', description: 'str_replace: the text to replace; it must occur exactly once.' },
        ...(version >= 20250728
          ? { new_str: newText, insert_text: inserted }
          : { new_str: { type: 'string', description: `${newText.description} ${inserted.description}` } }),
        insert_line: {
          type: 'integer',
          description: 'insert: the line after which to insert; 0 is the start of the file.',
        },
      },
      required: ['command', 'path'],
    },
  };
}
