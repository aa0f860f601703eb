import type {
  CallToolResult,
  ContentBlock,
  Tool as ListedTool,
  ToolAnnotations,
} from '@modelcontextprotocol/sdk/types.js';
import { ORPCError } from '@orpc/client';
import { z } from 'zod';
import { type ErrorCode, errorTable, ProxyError } from '../../../src-shared/errors.ts';
import type { McpEngine } from '../mcp-engine.ts';
import { type RpcCode, rpcCodeOf, rpcCodes } from '../rpc-codes.ts';

/** Who calls, for the log. */
export interface Caller {
  userAgent: string;
  /** Name of the client token; null without one. */
  client: string | null;
}

/** What a tool is called with. */
export interface ToolContext extends Caller {
  readonly engine: McpEngine;
  /** Aborted when the client cancels the call, or its session ends. */
  readonly signal: AbortSignal;
  /** Tells how far it is, of `total` where that is known; null: the client has not asked for it. */
  readonly progress: ((done: number, message: string, total?: number) => void) | null;
}

/** What came of a call. */
export interface ToolAnswer<Value> {
  value: Value;
  /** The same for a model to read. */
  text: string;
  /** What else there is to see. */
  content?: ContentBlock[];
}

interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> {
  name: string;
  title: string;
  description: string;
  input: Input;
  output: Output;
  annotations: Required<Pick<ToolAnnotations, 'readOnlyHint' | 'openWorldHint'>> & ToolAnnotations;
  /** Whether it changes something of CProxy itself, and is there only while `mcp.allowChanges` is on. */
  changes?: boolean;
  call: (input: z.output<Input>, context: ToolContext) => Promise<ToolAnswer<z.input<Output>>>;
}

/** A tool, as the server lists and calls it. */
export interface Tool {
  readonly name: string;
  readonly changes: boolean;
  listed(): ListedTool;
  /** What a model can react to is in the result. @throws what is a bug, or comes of the call being cancelled */
  run(given: unknown, context: ToolContext): Promise<CallToolResult>;
}

/** Something that the model is told, and can react to. */
export class ToolError extends Error {
  readonly rpcCode: RpcCode;
  /** Of the errors table; null where it is none of these. */
  readonly code: ErrorCode | null;

  constructor(message: string, code: ErrorCode | null = null, rpcCode?: RpcCode) {
    super(message);
    this.name = 'ToolError';
    this.code = code;
    this.rpcCode = rpcCode ?? (code === null ? rpcCodes.invalidParams : rpcCodeOf(code, errorTable[code].kind));
  }
}

export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { name, title, description, input, output, annotations, changes = false, call } = definition;
  let listed: ListedTool | null = null;
  return {
    name,
    changes,
    listed: () => {
      listed ??= {
        name,
        title,
        description,
        inputSchema: objectSchema(input, 'input'),
        outputSchema: objectSchema(output, 'output'),
        annotations: { title, ...annotations },
      };
      return listed;
    },
    async run(given, context) {
      try {
        const read = input.safeParse(given ?? {});
        if (!read.success) throw new ToolError(`The arguments are not right.\n${z.prettifyError(read.error)}`);
        const { value, text, content = [] } = await call(read.data, context);
        return { content: [{ type: 'text', text }, ...content], structuredContent: { ...output.parse(value) } };
      } catch (error) {
        const known = toolErrorOf(error);
        if (known === null || context.signal.aborted) throw error;
        return errorResult(known, context.engine.redact);
      }
    },
  };
}

/** A result that says what went wrong. Its code is that of JSON-RPC, its name that of the errors table. */
function errorResult({ message, rpcCode, code }: ToolError, redact: (text: string) => string): CallToolResult {
  return {
    isError: true,
    content: [{ type: 'text', text: redact(message) }],
    _meta: { 'cproxy/error': { code: rpcCode, ...(code === null ? {} : { name: code }) } },
  };
}

/** null: a bug. */
function toolErrorOf(error: unknown): ToolError | null {
  if (error instanceof ToolError) return error;
  if (error instanceof ProxyError)
    return error.code === 'internal'
      ? null
      : new ToolError(error.message, error.code, rpcCodeOf(error.code, error.kind));
  if (!(error instanceof ORPCError)) return null;
  const code = errorCodeOf(error.code);
  return code === null || code === 'internal' ? null : new ToolError(error.message, code);
}

const errorCodeOf = (code: string): ErrorCode | null =>
  Object.keys(errorTable).find((known): known is ErrorCode => known === code) ?? null;

function objectSchema(schema: z.ZodObject, io: 'input' | 'output'): ListedTool['inputSchema'] {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, reused: 'inline', unrepresentable: 'any' });
  return { ...made, type: 'object' } as ListedTool['inputSchema'];
}
