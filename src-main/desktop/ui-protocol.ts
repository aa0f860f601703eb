import type { Session } from 'electron';
import { readUiFile } from '../control/ui-files.ts';
import { uiOrigin } from './ui-origin.ts';

/** For the page and everything it loads: nothing from anywhere else, no inline script or style. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Answers everything that a session asks over https itself: with the files of the built page at our own origin, with a
 * refusal elsewhere. Compared with a scheme of our own, this gives the page an ordinary secure origin without any
 * privilege, does not depend on being registered before Electron is ready, and cuts the window off from the network.
 */
export function serveUi(session: Session, folder: string): void {
  session.protocol.handle('https', async (request) => {
    const url = new URL(request.url);
    if (url.origin !== uiOrigin || request.method !== 'GET') return new Response(null, { status: 403, headers });
    const file = await readUiFile(folder, url.pathname.slice(1) || 'index.html');
    if (file === null) return new Response('Not found', { status: 404, headers });
    return new Response(new Uint8Array(file.content), { headers: { ...headers, 'content-type': file.contentType } });
  });
  // Other schemes that lead out of this machine, or past the answer above.
  session.webRequest.onBeforeRequest(
    { urls: ['http://*/*', 'ws://*/*', 'wss://*/*', 'ftp://*/*'] },
    (_details, answer) => answer({ cancel: true }),
  );
}
