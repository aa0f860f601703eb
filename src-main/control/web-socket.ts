import type { WebSocket } from 'ws';
import type { Logger } from '../observability/logger.ts';
import type { AdminSession, AdminSessions } from './admin-sessions.ts';
import { openChannel } from './channel.ts';
import type { ControlRouter } from './control-router.ts';

/** Between two looks at an open socket, in ms: is the other side still there, and its session? */
const checkMs = 30_000;
/** For the closing handshake, in ms. */
const closingMs = 500;

/** Close codes of our own (4000 to 4999 are free for applications); the renderer knows them. */
const sessionEnded = 4401;
const goingAway = 1001;
const unreadable = 1007;

/** Serves the control API over an accepted WebSocket for as long as its session lasts. Returns how to end it. */
export function serveWebSocket(
  socket: WebSocket,
  options: {
    router: ControlRouter;
    session: AdminSession;
    sessions: AdminSessions;
    logger: Logger;
    onClose: () => void;
  },
): () => void {
  const { router, session, sessions, logger } = options;
  const end = (code: number) => {
    socket.close(code);
    setTimeout(() => socket.terminate(), closingMs).unref();
  };
  const channel = openChannel({
    router,
    // Waiting until the bytes are out keeps a slow reader's stream from piling up here.
    send: (data) =>
      new Promise((resolve, reject) => {
        socket.send(data, (error) => (error ? reject(error) : resolve()));
      }),
    onError: (error) => {
      logger.warn('A control WebSocket sent what cannot be read and is closed', { reason: String(error) });
      end(unreadable);
    },
  });

  let alive = true;
  const check = setInterval(() => {
    if (!alive) socket.terminate();
    else if (sessions.touch(session)) socket.ping();
    alive = false;
  }, checkMs);
  const onSessionEnd = () => end(sessionEnded);
  session.ended.addEventListener('abort', onSessionEnd);

  socket.on('pong', () => {
    alive = true;
  });
  socket.on('message', (data, isBinary) => {
    alive = true;
    if (sessions.touch(session)) channel.receive(isBinary ? data : data.toString());
  });
  socket.on('error', (error) => logger.debug('A control WebSocket broke', { reason: error.message }));
  socket.on('close', () => {
    clearInterval(check);
    session.ended.removeEventListener('abort', onSessionEnd);
    channel.close();
    options.onClose();
  });
  if (session.ended.aborted) onSessionEnd();
  return () => end(goingAway);
}
