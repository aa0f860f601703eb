import { RPCHandler } from '@orpc/server/websocket';
import type { ControlRouter } from './control-router.ts';

export interface Channel {
  /** A message of the other side. */
  receive(message: unknown): void;
  /** The other side has gone: everything it asked for is aborted. */
  close(): void;
}

/**
 * Serves the control API to one peer over anything that carries messages, in the wire form that oRPC uses for WebSockets
 * and message ports alike. `send` may return a promise, which holds streams back until it settles. Its own adapters are
 * not used because they leave a message that cannot be read as an unhandled rejection, which would end the process.
 */
export function openChannel(options: {
  router: ControlRouter;
  send: (data: string | Uint8Array) => void | Promise<void>;
  /** The peer sent what cannot be read, or cannot be reached: give it up. */
  onError: (error: unknown) => void;
}): Channel {
  const handler = new RPCHandler(options.router);
  const peer = { send: options.send as WebSocket['send'], addEventListener: () => undefined };
  let open = true;
  const fail = (error: unknown) => {
    if (!open) return;
    open = false;
    handler.close(peer);
    options.onError(error);
  };
  return {
    receive(message) {
      if (!open) return;
      if (typeof message === 'string' || message instanceof ArrayBuffer || message instanceof Uint8Array)
        handler.message(peer, message as string | ArrayBuffer, { context: {} }).catch(fail);
      else fail(new TypeError('A control message must be text or bytes.'));
    },
    close() {
      open = false;
      handler.close(peer);
    },
  };
}
