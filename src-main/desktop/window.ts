import path from 'node:path';
import { BrowserWindow, type Session } from 'electron';
import { preloadFile, resourcesFolder } from './locations.ts';
import { uiOrigin } from './ui-origin.ts';

/** The one window. Closing it hides it, until `mayClose` says that the application ends. */
export function createWindow(session: Session, mayClose: () => boolean): BrowserWindow {
  const window = new BrowserWindow({
    title: 'CProxy',
    width: 1120,
    height: 760,
    minWidth: 480,
    minHeight: 400,
    show: false,
    autoHideMenuBar: true,
    icon: path.join(resourcesFolder, 'icon.png'),
    webPreferences: {
      session,
      preload: preloadFile,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => window.show());
  window.on('close', (event) => {
    if (mayClose()) return;
    event.preventDefault();
    window.hide();
  });
  void window.loadURL(`${uiOrigin}/`);
  return window;
}

/** Shows the window in front of others, wherever it was. */
export function bringToFront(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
