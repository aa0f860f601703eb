import type { JSONRPCNotification, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Backend } from './backend.ts';
import type { RelaySession } from './relay-session.ts';

/** From this level on, a client is told that its session has moved. */
const LEVELS_TOLD = ['debug', 'info', 'notice'];

/** What a client has asked its server to keep in mind, so that another server can be asked the same. */
export class ClientState {
  readonly #subscriptions = new Set<string>();
  #level: string | null = null;

  /** The server has done what was asked. */
  granted({ method, params }: JSONRPCRequest): void {
    const { uri, level } = params ?? {};
    if (method === 'resources/subscribe' && typeof uri === 'string') this.#subscriptions.add(uri);
    if (method === 'resources/unsubscribe' && typeof uri === 'string') this.#subscriptions.delete(uri);
    if (method === 'logging/setLevel' && typeof level === 'string') this.#level = level;
  }

  /** Asks it of a server that knows nothing of the client yet. @param onRefused told in words what it does not do. */
  async restoreAt(session: RelaySession, onRefused: (text: string) => void): Promise<void> {
    await session.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const ask = (method: string, params: JSONRPCRequest['params']): Promise<unknown> =>
      session.call(method, params).catch((error: unknown) => {
        if (session.isEnded) throw error;
        onRefused(`${method}: ${error instanceof Error ? error.message : String(error)}`);
      });
    if (this.#level !== null) await ask('logging/setLevel', { level: this.#level });
    for (const uri of this.#subscriptions) await ask('resources/subscribe', { uri });
  }

  /** What a client is told whose session has moved: whatever it has seen may be another there. */
  newsAt({ name }: Backend): JSONRPCNotification[] {
    const told: JSONRPCNotification[] = ['tools', 'resources'].map((list) => ({
      jsonrpc: '2.0',
      method: `notifications/${list}/list_changed`,
    }));
    for (const uri of this.#subscriptions)
      told.push({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });
    if (this.#level !== null && LEVELS_TOLD.includes(this.#level)) {
      const params = { level: 'notice', logger: 'cproxy', data: `This session is at ${name} now.` };
      told.push({ jsonrpc: '2.0', method: 'notifications/message', params });
    }
    return told;
  }
}
