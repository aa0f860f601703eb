import { ProxyError } from '../../src-shared/errors.ts';
import type { MessagesRequest } from './canonical.ts';
import { isObject } from './is-object.ts';

/**
 * A request whose tools all run at its vendor's servers cannot be answered without them: sent on, the model would make
 * something up.
 * @param left how many of the request's tools the provider gets.
 * @throws ProxyError `server_tool_unsupported`
 */
export function assertToolsLeft({ tools, tool_choice }: MessagesRequest, left: number, provider: string): void {
  if (left > 0 || !tools?.length || tool_choice?.type === 'none') return;
  const names = tools.map((tool) => tool.name ?? tool.type ?? '');
  throw ProxyError.of('server_tool_unsupported', { provider, tools: names });
}

/**
 * What happened in a past turn at the servers of the provider that answered then, as text for one that knows nothing of such
 * blocks; null for every other block.
 */
export function serverBlockText(block: { type: string }): string | null {
  const { type, content, ...rest }: Record<string, unknown> = { ...block };
  switch (type) {
    case 'server_tool_use':
    case 'mcp_tool_use':
      return `[called ${String(rest.name)}: ${JSON.stringify(rest.input ?? {})}]`;
    case 'container_upload':
      return `[file ${String(rest.file_id)}, not available]`;
    case 'mcp_tool_result':
      return `[${rest.is_error === true ? 'error' : 'result'}]\n${textOf(content)}`;
    case 'web_search_tool_result':
    case 'web_fetch_tool_result':
    case 'code_execution_tool_result':
    case 'bash_code_execution_tool_result':
    case 'text_editor_code_execution_tool_result':
    case 'tool_search_tool_result':
    case 'advisor_tool_result':
      return resultText(content);
    default:
      return null;
  }
}

/**
 * What a block that no dialect translates is to a provider: text, or nothing.
 * @param warnings filled where it is nothing.
 */
export function otherBlockText(block: { type: string }, warnings: Set<string>): string | null {
  const text = serverBlockText(block);
  if (text === null) warnings.add(`A content block of type '${block.type}' has no counterpart and was left out.`);
  return text;
}

/** The content of a server tool's result block: each kind has its own shape. */
function resultText(content: unknown): string {
  if (isObject(content)) {
    if (typeof content.error_code === 'string') return `[error: ${content.error_code}]`;
    if (isObject(content.content) && typeof content.url === 'string')
      return `[result]\n${content.url}\n${textOf([content.content])}`;
    if (typeof content.stdout === 'string')
      return ['[result]', content.stdout, content.stderr, `exit code ${String(content.return_code)}`]
        .filter((line) => typeof line === 'string' && line !== '')
        .join('\n');
    if (Array.isArray(content.tool_references)) return `[result]\n${textOf(content.tool_references)}`;
    if (Array.isArray(content.lines)) return `[result]\n${content.lines.join('\n')}`;
    return `[result]\n${typeof content.content === 'string' ? content.content : textOf([content])}`.trimEnd();
  }
  return `[result]\n${textOf(content)}`.trimEnd();
}

/** What can be read in blocks of any kind, one a line. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const lines = content.filter(isObject).map((block) => {
    if (typeof block.text === 'string') return block.text;
    if (typeof block.tool_name === 'string') return block.tool_name;
    if (typeof block.url === 'string')
      return `${typeof block.title === 'string' ? `${block.title}: ` : ''}${block.url}`;
    if (isObject(block.source) && block.source.type === 'text') return `${block.source.data}`;
    return '';
  });
  return lines.filter((line) => line !== '').join('\n');
}
