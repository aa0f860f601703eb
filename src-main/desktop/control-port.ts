import { type IpcMainEvent, ipcMain, MessageChannelMain, type WebContents } from 'electron';
import type { ControlRouter } from '../control/control-router.ts';
import { serveControlPort } from '../control/message-port.ts';
import type { Logger } from '../observability/logger.ts';
import { askForControlPort, handOverControlPort } from './control-channels.ts';
import { isOwnPage } from './ui-origin.ts';

/** Gives our own window a port to the control API whenever its page is loaded, and takes the last one back. */
export function handOutControlPorts(window: WebContents, router: () => Promise<ControlRouter>, log: Logger): void {
  let closeLast: () => void = () => undefined;
  const handOut = async () => {
    const control = await router();
    closeLast();
    const { port1, port2 } = new MessageChannelMain();
    closeLast = serveControlPort(control, port1, log);
    // The window may be gone by now.
    if (!window.isDestroyed()) window.postMessage(handOverControlPort, null, [port2]);
  };
  ipcMain.on(askForControlPort, (event) => {
    if (isOwnMainFrame(event, window))
      handOut().catch((error: unknown) => log.error('The window got no control port', { reason: String(error) }));
    else
      log.warn('Something other than our window asked for the control port; it got none', {
        address: event.senderFrame?.url ?? 'unknown',
      });
  });
  window.once('destroyed', () => closeLast());
}

const isOwnMainFrame = (event: IpcMainEvent, window: WebContents): boolean =>
  event.sender === window && event.senderFrame === window.mainFrame && isOwnPage(event.senderFrame.url);
