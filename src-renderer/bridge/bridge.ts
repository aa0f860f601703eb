import { createORPCClient } from '@orpc/client';
import { RPCLink as MessagePortLink } from '@orpc/client/message-port';
import { RPCLink as WebSocketLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import type { ControlContract } from '../../src-shared/control.ts';

export type ControlClient = ContractRouterClient<ControlContract>;

/** How the page reaches the engine, as it changes. */
export type Link =
  | { state: 'connecting' }
  | { state: 'connected'; client: ControlClient; transport: 'message-port' | 'websocket' }
  /** Tried again by itself (over a message port: when the application hands over a new one). */
  | { state: 'disconnected' }
  /** The session has ended; logging in again is the only way on. */
  | { state: 'signed-out' };

export interface Bridge {
  /** Tries at once instead of after the pause. */
  retry(): void;
}

/** The engine closes a WebSocket with this when its session has ended. */
const sessionEnded = 4401;
const firstPauseMs = 500;
const longestPauseMs = 5000;

/**
 * Connects the page: over the port that the desktop application's preload script hands over, else, where the page came
 * over HTTP, over a WebSocket to where it came from. Calls look the same over both.
 */
export function openBridge(onChange: (link: Link) => void): Bridge {
  let port: MessagePort | null = null;
  let socket: WebSocket | null = null;
  let timer: number | undefined;
  let pauseMs = firstPauseMs;

  const takePort = (handedOver: MessagePort) => {
    port = handedOver;
    clearTimeout(timer);
    const replaced = socket;
    socket = null;
    const client: ControlClient = createORPCClient(new MessagePortLink({ port: handedOver }));
    handedOver.addEventListener('close', () => {
      if (port === handedOver) onChange({ state: 'disconnected' });
    });
    handedOver.start();
    onChange({ state: 'connected', client, transport: 'message-port' });
    // Not at once: what ran over it is being called off, which still has to be sent.
    setTimeout(() => replaced?.close());
  };

  const openSocket = () => {
    clearTimeout(timer);
    const address = new URL('/api/ws', window.location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const opened = new WebSocket(address);
    socket = opened;
    // Made before our own listeners, so that it has given up its calls when they hear that the socket has closed.
    const client: ControlClient = createORPCClient(new WebSocketLink({ websocket: opened }));
    opened.addEventListener('open', () => {
      if (socket !== opened) return;
      pauseMs = firstPauseMs;
      onChange({ state: 'connected', client, transport: 'websocket' });
    });
    opened.addEventListener('close', async ({ code }) => {
      if (socket !== opened) return;
      // A browser does not say why a WebSocket was refused, so this asks in a way that has an answer.
      const signedOut = code === sessionEnded || (await isSignedOut());
      if (socket !== opened) return;
      onChange({ state: signedOut ? 'signed-out' : 'disconnected' });
      if (signedOut) return;
      timer = window.setTimeout(openSocket, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    });
  };

  window.addEventListener('message', (event) => {
    const fromPreload = event.source === window && event.origin === window.location.origin;
    const [handedOver] = event.ports;
    if (fromPreload && event.data?.type === 'cproxy:control-port' && handedOver !== undefined) takePort(handedOver);
  });
  onChange({ state: 'connecting' });
  // The desktop application serves the page from an address of its own, where no engine listens.
  const cameOverHttp = window.location.pathname.startsWith('/ui/');
  if (cameOverHttp) openSocket();

  return {
    retry() {
      if (port === null && cameOverHttp && socket?.readyState === WebSocket.CLOSED) openSocket();
    },
  };
}

async function isSignedOut(): Promise<boolean> {
  try {
    return (await fetch('/api/status')).status === 401;
  } catch {
    // Nobody answers: that is no word about the session.
    return false;
  }
}
