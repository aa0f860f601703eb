import type { Config } from '../../src-shared/config.ts';
import { usualAddressOf } from '../../src-shared/vendors.ts';
import type { KeyUser } from './stored-keys.ts';

/** The providers of a configuration as users of keys. */
export function keyUsersOf({ providers }: Config): KeyUser[] {
  return providers.map(({ id, type, key, keys, baseUrl }) => {
    const address = baseUrl ?? usualAddressOf(type);
    return { id, type, key, keys, origin: address === null ? null : new URL(address).origin };
  });
}
