import { ORPCError } from '@orpc/client';
import { ProxyError } from '../../src-shared/errors.ts';
import { type RpcCode, rpcCodeOf, rpcCodes } from './rpc-codes.ts';
import { ToolError } from './tools/tool.ts';

/** An answer that is an error of JSON-RPC. */
export class RpcError extends Error {
  readonly code: RpcCode;

  constructor(code: RpcCode, message: string) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
  }
}

/** What a client is told; null: a bug, of which it is told nothing but that. */
export function rpcErrorOf(error: unknown): RpcError | null {
  if (error instanceof RpcError) return error;
  if (error instanceof ToolError) return new RpcError(error.rpcCode, error.message);
  if (error instanceof ProxyError && error.code !== 'internal')
    return new RpcError(rpcCodeOf(error.code, error.kind), error.message);
  if (error instanceof ORPCError && error.status < 500) return new RpcError(rpcCodes.invalidParams, error.message);
  return null;
}
