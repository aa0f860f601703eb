import type { ModelFacts } from '../protocols/codec.ts';
import type { AskedServer } from './ask-json.ts';

/** A model as its provider lists it; what is absent is unknown. */
export interface VendorModel extends Partial<ModelFacts> {
  id: string;
  displayName?: string;
}

/**
 * How a kind of server is asked which models it has.
 * @throws ProxyError in words that a user can act on, where the answer is no list.
 */
export type ModelListing = (server: AskedServer, signal: AbortSignal) => Promise<readonly VendorModel[]>;
