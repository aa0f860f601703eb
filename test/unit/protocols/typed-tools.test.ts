import { describe, expect, it } from 'vitest';
import type { Tool } from '../../../src-main/protocols/canonical.ts';
import { toolDefinition } from '../../../src-main/protocols/typed-tools.ts';

type Properties = Record<string, { enum?: string[] }>;

const propertiesOf = (tool: object): Properties => toolDefinition(tool as Tool)?.schema.properties as Properties;

describe('toolDefinition', () => {
  it('is what the client says of a tool of its own', () => {
    const schema = { type: 'object', properties: {} };
    expect(toolDefinition({ name: 'a', description: 'd', input_schema: schema })).toEqual({ description: 'd', schema });
    expect(toolDefinition({ name: 'a' })).toEqual({ description: undefined, schema: {} });
    expect(toolDefinition({ name: 'a', type: 'custom', description: 'd' })).toEqual({ description: 'd', schema: {} });
    expect(toolDefinition({ name: 'a', input_schema: null } as unknown as Tool)?.schema).toEqual({});
  });

  it('is one text for a free-text tool', () => {
    expect(toolDefinition({ name: 'a', openai: { custom: {} } })?.schema).toEqual({
      type: 'object',
      properties: { input: { type: 'string' } },
      required: ['input'],
    });
  });

  it("is the documented one for Anthropic's client tools", () => {
    expect(Object.keys(propertiesOf({ type: 'bash_20250124', name: 'bash' }))).toEqual(['command', 'restart']);
    expect(propertiesOf({ type: 'memory_20250818', name: 'memory' }).command?.enum).toEqual([
      'view',
      'create',
      'str_replace',
      'insert',
      'delete',
      'rename',
    ]);
    const editor = propertiesOf({ type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' });
    expect(editor).toHaveProperty('insert_text');
  });

  it('tells how large the screen is, and only of actions that the version has', () => {
    const screen = { name: 'computer', display_width_px: 1024, display_height_px: 768 };
    const newest = { type: 'computer_20251124', enable_zoom: true, ...screen };
    expect(toolDefinition(newest as unknown as Tool)?.description).toContain('1024×768');
    expect(propertiesOf(newest).action?.enum).toContain('zoom');
    expect(propertiesOf(newest)).toHaveProperty('region');
    expect(propertiesOf({ ...newest, enable_zoom: false })).not.toHaveProperty('region');
    expect(propertiesOf({ ...newest, type: 'computer_20250124' }).action?.enum).not.toContain('zoom');
    const oldest = propertiesOf({ type: 'computer_20241022', ...screen });
    expect(oldest.action?.enum).not.toContain('scroll');
    expect(oldest).not.toHaveProperty('scroll_direction');
  });

  it.each([
    'web_search_20250305',
    'web_fetch_20260318',
    'code_execution_20250825',
    'tool_search_tool_bm25_20251119',
    'computer_toolset_20260801',
    'openai_builtin',
    'mcp_toolset',
  ])('is unknown for %s', (type) => {
    expect(toolDefinition({ type, name: type })).toBeNull();
  });
});
