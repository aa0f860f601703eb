import type { EngineChange, McpEngine } from '../mcp-engine.ts';

/** Something that can be read, and that a client can be told of when it changes. All of them are JSON. */
export interface McpResource {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** What may change it. */
  readonly changesWith: readonly EngineChange[];
  read(engine: McpEngine): Promise<unknown>;
  /** What of it says that it has changed; all of it where absent. */
  watched?(value: unknown): unknown;
}

/** Many of one kind. */
export interface McpResourceTemplate {
  readonly uriTemplate: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The one of an address; null where that is none of these. */
  at(uri: string): McpResource | null;
  /** Values of its variable that begin so, for completion. */
  complete(engine: McpEngine, begin: string): Promise<string[]>;
  /** Those that are listed. */
  listed(engine: McpEngine): Promise<McpResource[]>;
}

/** The variable part of an address, decoded; null where it is another's. */
export function variableOf(uri: string, prefix: string): string | null {
  const rest = uri.startsWith(prefix) ? uri.slice(prefix.length) : '';
  if (rest === '' || rest.includes('/')) return null;
  try {
    return decodeURIComponent(rest);
  } catch {
    // No address of ours is written like that.
    return null;
  }
}
