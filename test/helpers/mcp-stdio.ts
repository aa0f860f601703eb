import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { McpClient } from './mcp-client.ts';
import { noBackground } from './no-background.ts';

export const cli = path.resolve(import.meta.dirname, '../../src-main/cli.ts');

/** An environment of its own: nothing of the surrounding one decides what happens. */
export function mcpEnvironment(home: string, env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', SystemRoot = '' } = process.env;
  return { ...noBackground, PATH, SystemRoot, HOME: home, USERPROFILE: home, CPROXY_HOME: home, ...env };
}

/** A client of `cproxy mcp`, a process of its own. */
export interface StdioClient extends Omit<McpClient, 'transport'> {
  readonly pid: number;
  /** What it has written to standard error. */
  log(): string;
}

/** @param home `CPROXY_HOME`, with the configuration in it */
export async function connectStdio(
  home: string,
  options: { env?: Readonly<Record<string, string>>; args?: readonly string[] } = {},
): Promise<StdioClient> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [cli, ...(options.args ?? ['mcp'])],
    env: mcpEnvironment(home, options.env),
    stderr: 'pipe',
  });
  let said = '';
  transport.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const client = new Client({ name: 'test-client', version: '1.2.3' });
  const notifications: StdioClient['notifications'] = [];
  client.fallbackNotificationHandler = async (notification) => {
    notifications.push(notification);
  };
  await client.connect(transport);
  const { pid } = transport;
  const call = async (name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> =>
    (await client.callTool({ name, arguments: args })) as CallToolResult;
  return {
    client,
    pid: pid ?? 0,
    notifications,
    log: () => said,
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
    [Symbol.asyncDispose]: () => client.close(),
  };
}
