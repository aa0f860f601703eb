import type { Logger } from '../observability/logger.ts';
import { openChannel } from './channel.ts';
import type { ControlRouter } from './control-router.ts';

/** What Electron's `MessagePortMain` (whose messages are events) and Node's `MessagePort` have in common. */
export interface ControlPort {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  postMessage(message: unknown): void;
  start(): void;
  close(): void;
}

/**
 * Serves the control API over a message port. Having the port is the admin session: hand it only to our own window.
 * Returns the function that closes it.
 */
export function serveControlPort(router: ControlRouter, port: ControlPort, logger: Logger): () => void {
  const channel = openChannel({
    router,
    send: (data) => port.postMessage(data),
    onError: (error) => {
      logger.warn('The window sent a message that cannot be read; its port is closed', { reason: String(error) });
      port.close();
    },
  });
  port.on('message', (message) => channel.receive(isMessageEvent(message) ? message.data : message));
  port.on('close', () => channel.close());
  port.start();
  return () => {
    channel.close();
    port.close();
  };
}

function isMessageEvent(message: unknown): message is { data: unknown } {
  return typeof message === 'object' && message !== null && 'data' in message && !ArrayBuffer.isView(message);
}
