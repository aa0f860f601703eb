import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CompleteRequestSchema, SetLevelRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { jsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/types.js';
import { complete } from './complete.ts';
import { guardWith } from './guarded.ts';
import { instructions } from './instructions.ts';
import type { McpEngine } from './mcp-engine.ts';
import { servePrompts } from './serve-prompts.ts';
import { serveResources } from './serve-resources.ts';
import { serveTools } from './serve-tools.ts';
import { SessionNews } from './session-news.ts';
import type { Watch } from './watch.ts';

export interface SessionOptions {
  engine: McpEngine;
  watch: Watch;
  /** Name of the client token; null without one. */
  client: string | null;
  validator: jsonSchemaValidator;
  /** Told of what is a bug. */
  onInternalError: (error: unknown, what: string) => void;
}

/** The SDK's server for one session, not connected yet, and what it tells by itself. */
export function createSession(options: SessionOptions): { server: Server; news: SessionNews } {
  const { engine, watch, client, validator, onInternalError } = options;
  // The low-level server: the other one answers wrong calls with results, knows no subscriptions, and does not page.
  const server = new Server(
    { name: 'cproxy', title: 'CProxy', version: engine.version },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: {},
        completions: {},
        logging: {},
      },
      instructions,
      jsonSchemaValidator: validator,
    },
  );
  const news = new SessionNews({ server, engine, watch, onError: (error) => onInternalError(error, 'notification') });
  const guarded = guardWith(onInternalError);
  serveTools(server, engine, client, guarded);
  serveResources(server, engine, news, guarded);
  servePrompts(server, guarded);
  server.setRequestHandler(
    CompleteRequestSchema,
    guarded(async ({ params }) => await complete(engine, params)),
  );
  server.setRequestHandler(
    SetLevelRequestSchema,
    guarded(async ({ params }) => {
      await news.setLevel(params.level);
      return {};
    }),
  );
  return { server, news };
}
