import type { IncomingHttpHeaders } from 'node:http';
import { ProxyError } from '../../src-shared/errors.ts';

/** Tells whether a string is one of our client tokens, in constant time. */
export type TokenMatcher = (presented: string) => boolean;

/**
 * Lets a request in when any of `x-cproxy-token`, `x-api-key` or `Authorization: Bearer` is a token of ours; empty ones
 * are ignored (clients whose key helper failed send those).
 *
 * @returns alternating names and values of the credentials that are not ours: the client's own login.
 * @throws ProxyError `missing_token`, `wrong_token`
 */
export function checkAccess(headers: IncomingHttpHeaders, auth: 'token' | 'none', matches: TokenMatcher): string[] {
  const own: string[] = [];
  let admitted = auth === 'none';
  let presented = false;
  const present = (value: string | string[] | undefined, prefix: string, name: string | null): void => {
    if (typeof value !== 'string') return;
    const credential =
      value.startsWith(prefix) || value.toLowerCase().startsWith(prefix.toLowerCase())
        ? value.slice(prefix.length).trim()
        : '';
    if (credential === '') return;
    presented = true;
    if (matches(credential)) admitted = true;
    else if (name !== null) own.push(name, value);
  };
  present(headers['x-cproxy-token'], '', null);
  present(headers['x-api-key'], '', 'x-api-key');
  present(headers.authorization, 'Bearer ', 'authorization');
  if (!admitted) throw ProxyError.of(presented ? 'wrong_token' : 'missing_token', undefined);
  return own;
}
