import { describe, expect, it } from 'vitest';
import type { MessagesRequest, Tool } from '../../../src-main/protocols/canonical.ts';
import { assertToolsLeft, serverBlockText } from '../../../src-main/protocols/server-tools.ts';

describe('assertToolsLeft', () => {
  const request = (tools?: Tool[], tool_choice?: MessagesRequest['tool_choice']): MessagesRequest => ({
    model: 'm',
    messages: [],
    ...(tools === undefined ? {} : { tools }),
    ...(tool_choice === undefined ? {} : { tool_choice }),
  });
  const search = { type: 'web_search_20250305', name: 'web_search' };

  it('names the tools and the provider, and says what to do', () => {
    expect(() => assertToolsLeft(request([search, { type: 'mcp_toolset' } as Tool]), 0, 'local')).toThrow(
      "Provider 'local' has no counterpart for 'web_search', 'mcp_toolset', which run at the servers of another vendor, and the request brings no other tool. Route such requests",
    );
  });

  it('lets a request pass that has tools left, never had one, or wants none called', () => {
    assertToolsLeft(request([search]), 1, 'local');
    assertToolsLeft(request(), 0, 'local');
    assertToolsLeft(request([]), 0, 'local');
    assertToolsLeft(request([search], { type: 'none' }), 0, 'local');
  });
});

describe('serverBlockText', () => {
  it.each<[Record<string, unknown>, string]>([
    [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } },
      '[called web_search: {"query":"q"}]',
    ],
    [{ type: 'mcp_tool_use', id: 's', name: 'find', server_name: 'x' }, '[called find: {}]'],
    [
      {
        type: 'web_search_tool_result',
        content: [
          { type: 'web_search_result', url: 'https://a.test', title: 'A', encrypted_content: 'E' },
          { type: 'web_search_result', url: 'https://b.test', title: null },
        ],
      },
      '[result]\nA: https://a.test\nhttps://b.test',
    ],
    [
      {
        type: 'web_search_tool_result',
        content: { type: 'web_search_tool_result_error', error_code: 'max_uses_exceeded' },
      },
      '[error: max_uses_exceeded]',
    ],
    [
      {
        type: 'web_fetch_tool_result',
        content: {
          type: 'web_fetch_result',
          url: 'https://a.test',
          content: { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Page.' } },
        },
      },
      '[result]\nhttps://a.test\nPage.',
    ],
    [
      { type: 'bash_code_execution_tool_result', content: { stdout: 'out', stderr: '', return_code: 0, content: [] } },
      '[result]\nout\nexit code 0',
    ],
    [
      { type: 'code_execution_tool_result', content: { stdout: '', stderr: 'bad', return_code: 1 } },
      '[result]\nbad\nexit code 1',
    ],
    [
      { type: 'text_editor_code_execution_tool_result', content: { type: 'x_view_result', content: 'line' } },
      '[result]\nline',
    ],
    [
      {
        type: 'text_editor_code_execution_tool_result',
        content: { type: 'x_str_replace_result', lines: ['-a', '+b'] },
      },
      '[result]\n-a\n+b',
    ],
    [
      {
        type: 'tool_search_tool_result',
        content: { tool_references: [{ type: 'tool_reference', tool_name: 'Grep' }] },
      },
      '[result]\nGrep',
    ],
    [{ type: 'mcp_tool_result', is_error: true, content: [{ type: 'text', text: 'no' }] }, '[error]\nno'],
    [{ type: 'mcp_tool_result', content: 'yes' }, '[result]\nyes'],
    [{ type: 'container_upload', file_id: 'f1' }, '[file f1, not available]'],
    [{ type: 'web_search_tool_result' }, '[result]'],
  ])('reads %j', (block, text) => {
    expect(serverBlockText(block as { type: string })).toBe(text);
  });

  it('knows nothing of other blocks', () => {
    for (const type of ['text', 'tool_use', 'compaction', 'constructor']) expect(serverBlockText({ type })).toBeNull();
  });
});
