import { ProxyError } from '../../src-shared/errors.ts';
import { isObject } from './is-object.ts';

/**
 * Checks of what translation reads in a request of OpenAI's dialects. Written by hand, not as schemas: they are on the path
 * of every translated request. Fields are named as OpenAI names them: `messages[2].content[0].image_url.url`.
 */

/** @throws ProxyError `invalid_field` */
export function invalid(field: string, expected: string): never {
  throw ProxyError.of('invalid_field', { field, expected });
}

const missing = (value: unknown): value is undefined | null => value === undefined || value === null;

/** @throws ProxyError `invalid_field` */
export function stringAt(value: unknown, field: string): string {
  if (typeof value !== 'string') invalid(field, missing(value) ? 'is required' : 'must be a string');
  return value;
}

/** @throws ProxyError `invalid_field` */
export function objectAt(value: unknown, field: string): Record<string, unknown> {
  if (!isObject(value)) invalid(field, missing(value) ? 'is required' : 'must be an object');
  return value;
}

/** @throws ProxyError `invalid_field` */
export function arrayAt(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) invalid(field, missing(value) ? 'is required' : 'must be an array');
  return value;
}

/** Undefined where the field is absent or null. @throws ProxyError `invalid_field` */
export function optionalString(value: unknown, field: string): string | undefined {
  return missing(value) ? undefined : stringAt(value, field);
}

/** Undefined where the field is absent or null. @throws ProxyError `invalid_field` */
export function optionalObject(value: unknown, field: string): Record<string, unknown> | undefined {
  return missing(value) ? undefined : objectAt(value, field);
}

/** Undefined where the field is absent or null. @throws ProxyError `invalid_field` */
export function optionalArray(value: unknown, field: string): readonly unknown[] | undefined {
  return missing(value) ? undefined : arrayAt(value, field);
}

/** Undefined where the field is absent or null. @throws ProxyError `invalid_field` */
export function optionalNumber(value: unknown, field: string): number | undefined {
  if (missing(value)) return undefined;
  if (typeof value !== 'number') invalid(field, 'must be a number');
  return value;
}

/** Undefined where the field is absent or null. @throws ProxyError `invalid_field` */
export function optionalBoolean(value: unknown, field: string): boolean | undefined {
  if (missing(value)) return undefined;
  if (typeof value !== 'boolean') invalid(field, 'must be a boolean');
  return value;
}
