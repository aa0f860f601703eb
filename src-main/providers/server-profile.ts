import type { ProviderProtocol } from '../../src-shared/requests.ts';
import type { Quirks } from '../protocols/codec.ts';

/** At least one, the preferred first. */
export type Protocols = readonly [ProviderProtocol, ...ProviderProtocol[]];

/** What is known of a server before anyone configures it. */
export interface ServerProfile {
  /** What it speaks. */
  protocols?: Protocols;
  /** Whose models it serves, as the model catalogue names it. */
  catalogue?: string;
  quirks?: Partial<Quirks>;
  /** The dialect in which it counts tokens; absent where it is not known to do so. */
  countsIn?: ProviderProtocol;
  /** Takes prompts that are larger than its window, without saying what became of them. */
  takesTooMuch?: boolean;
  /** Its user runs it, so that tokens cost nothing while it is in the user's own network. */
  selfHosted?: boolean;
  /** Where some of its models differ: the first that matches a name counts. */
  models?: readonly ModelProfile[];
}

export interface ModelProfile {
  matches: (model: string) => boolean;
  quirks: Partial<Quirks>;
}
