import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Guard } from './guarded.ts';
import type { McpEngine } from './mcp-engine.ts';
import { pageOf } from './page.ts';
import type { McpResource } from './resources/resource.ts';
import { listResources, resourceAt, resourceTemplates } from './resources/resources.ts';
import { rpcCodes } from './rpc-codes.ts';
import { RpcError } from './rpc-error.ts';
import type { SessionNews } from './session-news.ts';

const mimeType = 'application/json';

/** Lists, reads and watches resources. */
export function serveResources(server: Server, engine: McpEngine, news: SessionNews, guarded: Guard): void {
  server.setRequestHandler(
    ListResourcesRequestSchema,
    guarded(async ({ params }) => {
      const { page, ...next } = pageOf(await listResources(engine), params?.cursor);
      const listed = page.map(({ uri, name, title, description }) => ({ uri, name, title, description, mimeType }));
      return { resources: listed, ...next };
    }),
  );
  server.setRequestHandler(
    ListResourceTemplatesRequestSchema,
    guarded(async ({ params }) => {
      const { page, ...next } = pageOf(resourceTemplates, params?.cursor);
      const listed = page.map(({ uriTemplate, name, title, description }) => ({
        uriTemplate,
        name,
        title,
        description,
      }));
      return { resourceTemplates: listed.map((template) => ({ ...template, mimeType })), ...next };
    }),
  );
  server.setRequestHandler(
    ReadResourceRequestSchema,
    guarded(async ({ params: { uri } }) => {
      const value = await existing(uri).read(engine);
      return { contents: [{ uri, mimeType, text: JSON.stringify(value, null, 2) }] };
    }),
  );
  server.setRequestHandler(
    SubscribeRequestSchema,
    guarded(async ({ params }) => {
      await news.subscribe(existing(params.uri));
      return {};
    }),
  );
  server.setRequestHandler(
    UnsubscribeRequestSchema,
    guarded(async ({ params }) => {
      news.unsubscribe(params.uri);
      return {};
    }),
  );
}

/** @throws RpcError for an address that is none of ours */
function existing(uri: string): McpResource {
  const found = resourceAt(uri);
  if (found === null) throw new RpcError(rpcCodes.invalidParams, `There is no resource '${uri}'.`);
  return found;
}
