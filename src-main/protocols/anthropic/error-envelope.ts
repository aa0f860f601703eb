import type { UpstreamError } from '../codec.ts';
import { isObject } from '../is-object.ts';

/** Anthropic's error envelope, wherever it stands, or vLLM's; null where it is something else. */
export function readError(value: unknown): UpstreamError | null {
  if (!isObject(value)) return null;
  const error = isObject(value.error) ? value.error : value.object === 'error' ? value : {};
  const { message, type } = error;
  if (typeof message !== 'string') return null;
  return { message, code: typeof type === 'string' ? type : null };
}

/** What an error answer says, whatever it is made of. */
export function decodeError(body: string): UpstreamError {
  try {
    const error = readError(JSON.parse(body));
    if (error !== null) return error;
  } catch {
    // Not JSON: what it says is shown as it is.
  }
  const text = body.trim();
  return { message: text.startsWith('<') ? 'an HTML page' : text.slice(0, 500) || 'no message', code: null };
}
