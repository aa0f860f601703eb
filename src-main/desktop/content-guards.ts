import { app, type Session, shell, type WebContents } from 'electron';
import { externalAddress, isOwnPage } from './ui-origin.ts';

/** Keeps every page of this application at our own origin, without permissions, frames of others or new windows. */
export function guardContents(): void {
  app.on('web-contents-created', (_event, contents) => guard(contents));
}

function guard(contents: WebContents): void {
  contents.on('will-navigate', (event) => {
    if (!isOwnPage(event.url)) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!isOwnPage(event.url)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    const address = externalAddress(url);
    if (address !== null) void shell.openExternal(address);
    return { action: 'deny' };
  });
}

/** Electron grants every permission unless told otherwise. The page needs one: to copy text when asked to. */
export function guardPermissions(session: Session): void {
  const mayCopy = (permission: string, requester: string) =>
    permission === 'clipboard-sanitized-write' && isOwnPage(requester);
  session.setPermissionRequestHandler((_contents, permission, answer, details) =>
    answer(mayCopy(permission, details.requestingUrl)),
  );
  session.setPermissionCheckHandler((_contents, permission, origin) => mayCopy(permission, origin));
  session.setDevicePermissionHandler(() => false);
}
