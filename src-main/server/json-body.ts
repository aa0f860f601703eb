import { ProxyError } from '../../src-shared/errors.ts';
import { isObject } from '../protocols/anthropic/request.ts';

/**
 * Decodes a request body, once.
 * @throws ProxyError `invalid_json`, `invalid_field`
 */
export function decodeJsonBody(raw: Buffer): Record<string, unknown> {
  if (raw.length === 0) throw ProxyError.of('invalid_json', { reason: 'it is empty' });
  let value: unknown;
  try {
    value = JSON.parse(raw.toString());
  } catch (error) {
    throw ProxyError.of('invalid_json', { reason: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
  if (!isObject(value)) throw ProxyError.of('invalid_field', { field: 'body', expected: 'must be a JSON object' });
  return value;
}

/** @throws ProxyError `invalid_field` */
export function readModel(body: Record<string, unknown>): string {
  const { model } = body;
  if (model === undefined) throw ProxyError.of('invalid_field', { field: 'model', expected: 'is required' });
  if (typeof model !== 'string' || model === '') throw ProxyError.of('invalid_field', { field: 'model', expected: 'must be a non-empty string' });
  return model;
}
