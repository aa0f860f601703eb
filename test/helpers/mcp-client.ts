import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { RunningEngine } from './running-engine.ts';

/** An MCP client at an engine's `/mcp`, over HTTP. */
export interface McpClient extends AsyncDisposable {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** Methods of the notifications that have come, in their order, each with its parameters. */
  readonly notifications: { method: string; params?: Record<string, unknown> | undefined }[];
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult>;
  /** The same of a tool that must succeed: what it gives for programs. */
  value(name: string, args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** What a resource says. */
  read(uri: string): Promise<unknown>;
}

/** @param options `token`: another than the engine's first one; null for none. */
export async function connectMcp(
  { url, token }: Pick<RunningEngine, 'url' | 'token'>,
  options: { token?: string | null; fetch?: typeof fetch } = {},
): Promise<McpClient> {
  const credential = options.token === undefined ? token : options.token;
  const transport = new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: credential === null ? {} : { authorization: `Bearer ${credential}` } },
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
    reconnectionOptions: {
      initialReconnectionDelay: 10,
      maxReconnectionDelay: 50,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 5,
    },
  });
  const client = new Client({ name: 'test-client', version: '1.2.3' });
  const notifications: McpClient['notifications'] = [];
  client.fallbackNotificationHandler = async (notification) => {
    notifications.push(notification);
  };
  // Its type does not take `undefined` where the interface has an optional member.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  const call = async (name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> =>
    (await client.callTool({ name, arguments: args })) as CallToolResult;
  return {
    client,
    transport,
    notifications,
    call,
    async value(name, args) {
      const { structuredContent, isError, content } = await call(name, args);
      if (isError === true || structuredContent === undefined)
        throw new Error(`${name} failed: ${JSON.stringify(content)}`);
      return structuredContent;
    },
    async read(uri) {
      const { contents } = await client.readResource({ uri });
      const [first] = contents;
      if (first === undefined || !('text' in first)) throw new Error(`${uri} has no text`);
      return JSON.parse(first.text);
    },
    async [Symbol.asyncDispose]() {
      await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}

/** The text of a tool's result. */
export const textOf = ({ content }: Pick<CallToolResult, 'content'>): string =>
  content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
