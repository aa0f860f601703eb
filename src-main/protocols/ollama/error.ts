import type { UpstreamError } from '../codec.ts';
import { decodeError as decodeEnvelope } from '../upstream-error.ts';

/** What Ollama's words tell, for it gives no codes. */
const CODES: readonly [RegExp, string][] = [
  [/^model .* not found/i, 'not_found'],
  [/server busy|maximum pending requests/i, 'overloaded'],
  [/unauthorized|sign ?in/i, 'authentication'],
  [/does not support|is not supported|invalid|is required/i, 'invalid_request'],
];

/** An error answer, `{"error":"…"}`, or what stands in front of the server: another vendor's envelope, text, HTML. */
export function decodeError(body: string): UpstreamError {
  return named(decodeEnvelope(body));
}

/** The error with what its words tell. */
export function named(error: UpstreamError): UpstreamError {
  if (error.code !== null) return error;
  return { ...error, code: CODES.find(([words]) => words.test(error.message))?.[1] ?? null };
}
