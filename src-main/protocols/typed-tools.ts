import type { Tool } from './canonical.ts';
import { isObject } from './is-object.ts';

/** What a model is told of a tool that the client runs. */
interface ToolDefinition {
  description: string | undefined;
  schema: Record<string, unknown>;
}

/**
 * A tool as a function with a schema. Anthropic's typed client tools, whose schemas are built into its models, get the ones
 * its documentation gives; null for what no schema is known of, above all tools that run at a provider's servers
 * (`web_search_*`, `code_execution_*`, `openai_builtin`).
 */
export function toolDefinition(tool: Tool): ToolDefinition | null {
  if (isObject(tool.input_schema)) return { description: tool.description, schema: tool.input_schema };
  if (tool.openai?.custom !== undefined) return { description: tool.description, schema: freeText };
  const type = tool.type ?? 'custom';
  if (type === 'custom') return { description: tool.description, schema: {} };
  if (type.startsWith('bash_')) return bash;
  if (type.startsWith('text_editor_')) return textEditor(versionOf(type));
  if (type.startsWith('memory_')) return memory;
  // Not the toolsets: their members and schemas are Anthropic's own.
  if (/^computer_\d+$/.test(type)) return computer(tool, versionOf(type));
  return null;
}

/** `20250728` of `text_editor_20250728`. */
const versionOf = (type: string): number => Number(type.slice(type.lastIndexOf('_') + 1));

/** A free-text tool of OpenAI's, where there are none: its text is the one argument. */
const freeText = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

const pair = { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 };

/** `bash_20250124`. */
const bash: ToolDefinition = {
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
 * The text to insert is `insert_text` in the 2025-07-28 version, whatever older pages of its documentation say
 * (anthropic-sdk-python issue 1155), and `new_str` before; `undo_edit` ended with 2025-04-29.
 */
function textEditor(version: number): ToolDefinition {
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

/** `memory_20250818`. */
const memory: ToolDefinition = {
  description:
    'Keeps files below /memories that stay from one conversation to the next. Look into it before beginning a task, and write down there what later conversations should know.',
  schema: {
    type: 'object',
    properties: {
      command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'] },
      path: {
        type: 'string',
        description: 'Path below /memories of a file; view, delete also take a directory. Not for rename.',
      },
      view_range: { ...pair, description: 'view: first and last line of a file, counted from 1; may be left out.' },
      file_text: { type: 'string', description: 'create: content of the new file.' },
      old_str: { type: 'string', description: 'str_replace: the text to replace; it must occur exactly once.' },
      new_str: { type: 'string', description: 'str_replace: the text to put in its place.' },
      insert_line: {
        type: 'integer',
        description: 'insert: the line after which to insert; 0 is the start of the file.',
      },
      insert_text: { type: 'string', description: 'insert: the text to insert.' },
      old_path: { type: 'string', description: 'rename: the path as it is.' },
      new_path: { type: 'string', description: 'rename: the path as it is to be.' },
    },
    required: ['command'],
  },
};

const BASIC_ACTIONS = [
  'key',
  'type',
  'mouse_move',
  'left_click',
  'left_click_drag',
  'right_click',
  'middle_click',
  'double_click',
  'screenshot',
  'cursor_position',
];
/** Since 2025-01-24. */
const MORE_ACTIONS = ['left_mouse_down', 'left_mouse_up', 'triple_click', 'scroll', 'hold_key', 'wait'];

/** `computer_20241022`, `computer_20250124`, `computer_20251124`. The model must know the size of the screen it points at. */
function computer(tool: Tool, version: number): ToolDefinition {
  const {
    display_width_px: width,
    display_height_px: height,
    enable_zoom,
  } = tool as unknown as Record<string, unknown>;
  const size =
    typeof width === 'number' && typeof height === 'number' ? ` The screen is ${width}×${height} pixels.` : '';
  const more = version >= 20250124;
  const zooms = version >= 20251124 && enable_zoom === true;
  return {
    description: `Works with mouse, keyboard and screenshots on a computer's screen.${size} Take a screenshot to see what an action has done.`,
    schema: {
      type: 'object',
      properties: {
        action: {
          type: 'string',
          enum: [...BASIC_ACTIONS, ...(more ? MORE_ACTIONS : []), ...(zooms ? ['zoom'] : [])],
        },
        coordinate: { ...pair, description: 'Where: x and y in pixels from the upper left corner; a drag ends there.' },
        text: {
          type: 'string',
          description:
            'type: the text. key, hold_key: the key or combination, such as Return or ctrl+s. Clicks and scroll: a key held meanwhile.',
        },
        ...(more
          ? {
              start_coordinate: { ...pair, description: 'left_click_drag: where it begins.' },
              scroll_direction: { type: 'string', enum: ['up', 'down', 'left', 'right'] },
              scroll_amount: { type: 'integer', description: 'scroll: how many clicks of the wheel.' },
              duration: { type: 'number', description: 'hold_key, wait: how long, in seconds.' },
            }
          : {}),
        ...(zooms
          ? {
              region: {
                ...pair,
                minItems: 4,
                maxItems: 4,
                description: 'zoom: x and y of the upper left and of the lower right corner of what to show.',
              },
            }
          : {}),
      },
      required: ['action'],
    },
  };
}
