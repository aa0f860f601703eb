import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { McpEngine } from '../../../src-main/mcp/mcp-engine.ts';
import { McpProxyServer, type McpProxyServerOptions } from '../../../src-main/mcp/mcp-proxy-server.ts';
import { waitUntil } from '../../helpers/wait-until.ts';

/** An engine that fails at everything with what nobody should see. */
const broken: McpEngine = {
  version: '0.0.0',
  control: () => Promise.reject(new Error('insides')),
  complete: () => Promise.reject(new Error('insides')),
  countTokens: () => Promise.reject(new Error('insides')),
  batches: () => Promise.reject(new Error('insides')),
  onChange: () => () => undefined,
  settings: () => ({ enabled: true, allowChanges: true }),
  redact: (text) => text,
};

const bugs: { what: string; message: string }[] = [];
let server: McpProxyServer;

async function connect(options: Partial<McpProxyServerOptions> = {}): Promise<Client> {
  server = new McpProxyServer({
    engine: broken,
    onInternalError: (error, what) => bugs.push({ what, message: String(error) }),
    ...options,
  });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(ours, { client: null });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(theirs);
  return client;
}

afterEach(async () => {
  await server.close();
  bugs.length = 0;
});

describe('an MCP server', () => {
  it('logs a bug, and tells no more of it than that there is one', async () => {
    const client = await connect();
    for (const call of [
      () => client.callTool({ name: 'list_models' }),
      () => client.callTool({ name: 'proxy_completion', arguments: { prompt: 'x', model: 'm' } }),
      () => client.readResource({ uri: 'cproxy://health' }),
      () => client.subscribeResource({ uri: 'cproxy://health' }),
    ])
      await expect(call()).rejects.toMatchObject({
        code: -32603,
        message: expect.not.stringContaining('insides'),
      });
    const methods = bugs.map(({ what }) => what);
    expect(methods).toEqual(expect.arrayContaining(['tools/call', 'resources/read', 'resources/subscribe']));
    expect(bugs.every(({ message }) => message === 'Error: insides')).toBe(true);
    expect(server.watched).toBeLessThanOrEqual(1);
  });

  it('forgets a session that ends', async () => {
    const client = await connect();
    expect(server.sessions).toBe(1);
    await client.close();
    await waitUntil('it is gone', () => server.sessions === 0 && server.watched === 0);
  });

  it('can be added to', async () => {
    const client = await connect({
      prepare: (one) =>
        one.setRequestHandler(CallToolRequestSchema, async () => ({ content: [], structuredContent: { mine: 1 } })),
    });
    expect((await client.callTool({ name: 'anything' })).structuredContent).toEqual({ mine: 1 });
  });
});
