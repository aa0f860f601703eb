import type { ProviderProtocol } from '../../src-shared/requests.ts';

/** Alternating names and values of the headers that carry a key in a dialect. */
export type KeyHeaders = (key: string, protocol: ProviderProtocol) => string[];

export const bearer: KeyHeaders = (key) => ['authorization', `Bearer ${key}`];

/** Servers that copy Anthropic's dialect are divided over the two forms there; sending both opens all of them. */
export const bothKeyHeaders: KeyHeaders = (key, protocol) =>
  protocol === 'anthropic' ? ['x-api-key', key, ...bearer(key, protocol)] : bearer(key, protocol);

/** Azure's. */
export const apiKeyHeader: KeyHeaders = (key) => ['api-key', key];
