import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import { ProxyError } from '../../src-shared/errors.ts';
import { rpcCodes } from './rpc-codes.ts';
import { RpcError, rpcErrorOf } from './rpc-error.ts';

/** What comes with a request, besides its parameters. */
export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

type Handler<Asked, Result> = (asked: Asked, extra: Extra) => Promise<Result>;
/** Makes a handler one whose bugs are logged, and told as no more than that. */
export type Guard = <Asked extends { method: string }, Result>(
  handle: Handler<Asked, Result>,
) => Handler<Asked, Result>;

/** @param onInternalError told of what is a bug, and of the method that it came with. */
export const guardWith =
  (onInternalError: (error: unknown, what: string) => void): Guard =>
  (handle) =>
  async (asked, extra) => {
    try {
      return await handle(asked, extra);
    } catch (error) {
      // Nobody is told of what comes of a cancelled request.
      if (extra.signal.aborted) throw error;
      const known = rpcErrorOf(error);
      if (known !== null) throw known;
      onInternalError(error, asked.method);
      const { message } = ProxyError.of('internal', { requestId: String(extra.requestId) });
      throw new RpcError(rpcCodes.internalError, message);
    }
  };
