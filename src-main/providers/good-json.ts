import { ProxyError } from '../../src-shared/errors.ts';
import { isObject } from '../protocols/is-object.ts';
import { decodeError } from '../protocols/upstream-error.ts';
import type { AskedServer, JsonAnswer, JsonQuestion } from './ask-json.ts';
import { httpFailure, retryAfterSeconds } from './http-failure.ts';

/** A server's error to a question, in its own words. */
export const errorOf = (provider: string, { status, headers, text }: JsonAnswer): ProxyError =>
  httpFailure(provider, status, decodeError(text), retryAfterSeconds(headers), '');

/**
 * The JSON object of a good answer.
 * @throws ProxyError `provider_key_refused`, `provider_error`, `provider_garbage`
 */
export async function goodJson(server: AskedServer, question: JsonQuestion): Promise<Record<string, unknown>> {
  return goodAnswer(server.provider, question.path, await server.ask(question));
}

/** The same, of an answer that is there. @throws ProxyError as `goodJson` */
export function goodAnswer(provider: string, path: string, answer: JsonAnswer): Record<string, unknown> {
  if (answer.status >= 400) throw errorOf(provider, answer);
  if (isObject(answer.json)) return answer.json;
  const found = answer.text.trimStart().startsWith('<')
    ? 'a page of HTML'
    : `${JSON.stringify(answer.text.slice(0, 80))}`;
  throw ProxyError.of('provider_garbage', {
    provider,
    reason: `${path.replace('//', '/')} should be a JSON object, but is ${found}. Does baseUrl lead to the right server?`,
  });
}

/** The list in a field of a server's answer. @throws ProxyError `provider_garbage` where there is none. */
export function listIn(provider: string, json: Record<string, unknown>, field: string): Record<string, unknown>[] {
  const list = json[field];
  // Ollama writes null for a list without entries.
  if (list === null) return [];
  if (!Array.isArray(list))
    throw ProxyError.of('provider_garbage', { provider, reason: `its list of models has no list named '${field}'` });
  return list.filter(isObject);
}

/** A number of tokens that means something: servers write 0 where they do not know. */
export const tokens = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : null;
