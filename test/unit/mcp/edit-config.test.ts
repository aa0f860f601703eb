import { describe, expect, it } from 'vitest';
import type { ControlCalls, McpEngine } from '../../../src-main/mcp/mcp-engine.ts';
import { editConfig, listAt, placeOf } from '../../../src-main/mcp/tools/edit-config.ts';
import type { ConfigSavedView } from '../../../src-shared/control.ts';

/** An engine whose file says something, and which answers an edit so. */
function engineWith(text: string, saved: ConfigSavedView) {
  const edits: unknown[] = [];
  const config = {
    file: async () => ({ file: '/c.yaml', exists: true, format: 'yaml', text, version: 'v1' }),
    edit: async (edit: unknown) => {
      edits.push(edit);
      return saved;
    },
  };
  const engine = { control: async () => ({ config }) as unknown as ControlCalls } as McpEngine;
  return { engine, edits };
}

const saved: ConfigSavedView = { state: 'saved', version: 'v2', merged: false, warnings: ['w'], afterRestart: ['r'] };
const file = { file: '/c.yaml', exists: true, format: 'yaml' as const, text: '', version: 'v9' };

describe('an edit of the configuration', () => {
  it('looks at the file as it is written, and names what it was made from', async () => {
    const { engine, edits } = engineWith('routing:\n  rules: [{ id: a }, { id: b }] # two\n', saved);
    const edited = await editConfig({ engine }, (written) => [
      { path: ['routing', 'rules', placeOf(listAt(written, 'routing', 'rules'), 'b')] },
    ]);
    expect(edited).toEqual({ version: 'v2', warnings: ['w', 'r'] });
    expect(edits).toEqual([{ changes: [{ path: ['routing', 'rules', 1] }], base: 'v1' }]);
  });

  it('tells who else has changed the same, and what is refused', async () => {
    const conflict: ConfigSavedView = {
      state: 'conflict',
      conflicts: [{ path: 'aliases.default', before: null, theirs: '"x"', ours: '"y"' }],
      file,
    };
    const change = [{ path: ['aliases', 'default'], value: 'y' }];
    await expect(editConfig({ engine: engineWith('', conflict).engine }, () => change)).rejects.toThrow(
      /aliases\.default is "x" now/,
    );
    const refused: ConfigSavedView = { state: 'refused', problems: ['line 3: no'] };
    await expect(editConfig({ engine: engineWith('', refused).engine }, () => change)).rejects.toThrow(/line 3: no/);
  });

  it('takes a file that cannot be read for empty: the edit itself is refused then', async () => {
    const { engine } = engineWith('{', saved);
    await editConfig({ engine }, (written) => {
      expect(listAt(written, 'providers')).toBeNull();
      expect(placeOf(null, 'a')).toBe(-1);
      return [{ path: ['x'] }];
    });
  });
});
