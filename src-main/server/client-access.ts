import type { IncomingHttpHeaders } from 'node:http';
import { ProxyError } from '../../src-shared/errors.ts';

/** The client token that a string is, found in constant time; null where it is none of ours. */
export type FindToken = (presented: string) => { name: string } | null;

/** Who a request comes from. */
export interface ClientAccess {
  /** Name of the client token; null without one. */
  client: string | null;
  /** Alternating names and values of the credentials that are not ours: the client's own login. */
  clientCredentials: string[];
}

/**
 * Lets a request in when any of `x-cproxy-token`, `x-api-key` or `Authorization: Bearer` is a token of ours; empty ones
 * are ignored (clients whose key helper failed send those).
 *
 * @throws ProxyError `missing_token`, `wrong_token`
 */
export function checkAccess(headers: IncomingHttpHeaders, auth: 'token' | 'none', find: FindToken): ClientAccess {
  const bearer = /^Bearer\s+(.*)$/i.exec(headers.authorization ?? '')?.[1];
  const presented: { credential: string; name: string; value: string }[] = [];
  const present = (name: string, credential: string | string[] | undefined, value = credential): void => {
    if (typeof credential !== 'string' || typeof value !== 'string' || credential.trim() === '') return;
    presented.push({ credential: credential.trim(), name, value });
  };
  present('x-cproxy-token', headers['x-cproxy-token']);
  present('x-api-key', headers['x-api-key']);
  present('authorization', bearer, headers.authorization);
  // All are looked at, so that a token of ours is never taken for the client's own.
  const found = presented.map(({ credential }) => find(credential));
  const foreign = presented.filter((_, index) => found[index] === null);
  if (auth === 'token' && foreign.length === presented.length)
    throw ProxyError.of(presented.length > 0 ? 'wrong_token' : 'missing_token', undefined);
  return {
    client: found.find((token) => token !== null)?.name ?? null,
    clientCredentials: foreign.flatMap(({ name, value }) => (name === 'x-cproxy-token' ? [] : [name, value])),
  };
}
