import type { ProviderProtocol } from '../../src-shared/requests.ts';
import { isObject } from './is-object.ts';

/**
 * What a provider must be given back of its own reasoning, and nobody else may be given: `encrypted_content`,
 * `reasoning_details`, `thought_signature`. It travels through the client in the place of an Anthropic signature, which
 * clients send back as they got it, and says itself whose it is.
 */
interface ReasoningState {
  dialect: ProviderProtocol;
  /** Id of the provider that made it; null where a client brought it and did not say. */
  provider: string | null;
  /** Name of the model there; null as above. */
  model: string | null;
  /** As the provider's dialect has it. */
  data: unknown;
}

/** No vendor's signature begins like this: it is not base64. */
export const STATE_MARK = 'cproxy1.';

/** Text of `[A-Za-z0-9._-]`. */
export function packState({ dialect, provider, model, data }: ReasoningState): string {
  const json = JSON.stringify([dialect, provider, model, data]);
  return `${STATE_MARK}${Buffer.from(json).toString('base64url')}`;
}

/** Null for what is no packed state: a vendor's own signature, or something that was cut. */
export function unpackState(text: string): ReasoningState | null {
  if (!text.startsWith(STATE_MARK)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(text.slice(STATE_MARK.length), 'base64url').toString());
    if (!Array.isArray(value) || value.length !== 4) return null;
    const [dialect, provider, model, data] = value;
    if (typeof dialect !== 'string') return null;
    return {
      dialect: dialect as ProviderProtocol,
      provider: typeof provider === 'string' ? provider : null,
      model: typeof model === 'string' ? model : null,
      data,
    };
  } catch {
    return null;
  }
}

/**
 * The state in a thinking or redacted_thinking block, where this target made it (or may have: nobody said); else null.
 * Vendors bind it to the account and the model.
 */
export function stateFor(
  block: unknown,
  target: { dialect: ProviderProtocol; provider: string; model: string },
): ReasoningState | null {
  if (!isObject(block)) return null;
  const text = block.type === 'thinking' ? block.signature : block.type === 'redacted_thinking' ? block.data : null;
  const state = typeof text === 'string' ? unpackState(text) : null;
  if (state === null || state.dialect !== target.dialect) return null;
  const { provider, model } = state;
  return (provider ?? target.provider) === target.provider && (model ?? target.model) === target.model ? state : null;
}
