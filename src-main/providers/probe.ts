import type { AskedServer } from './ask-json.ts';
import type { KeyLease } from './key-pool.ts';

/** What a probe found: the server is there and takes the key, or it is there and not ready yet. */
export type ProbeResult = { state: 'ready' } | { state: 'loading'; reason: string };

/**
 * A question that costs nothing and shows whether a server is there and takes a key.
 * @throws ProxyError that says what is wrong.
 */
export type Probe = (server: AskedServer, key: KeyLease, signal: AbortSignal) => Promise<ProbeResult>;
