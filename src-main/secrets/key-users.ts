import type { Config } from '../../src-shared/config.ts';
import { REDIS_ORIGIN } from '../../src-shared/redis-config.ts';
import { headerReference } from '../../src-shared/telemetry-config.ts';
import { usualAddressOf } from '../../src-shared/vendors.ts';
import type { KeyUser } from './stored-keys.ts';

/** The providers of a configuration as users of keys, the collector that telemetry goes to, and Redis. */
export function keyUsersOf({ providers, telemetry, redis }: Config): KeyUser[] {
  const users = providers.map(({ id, type, key, keys, baseUrl }): KeyUser => {
    const address = baseUrl ?? usualAddressOf(type);
    return { id, type, key, keys, origin: address === null ? null : new URL(address).origin };
  });
  // Its whole address is the secret, so that the entry is bound to no other one.
  users.push({ id: 'redis', type: 'redis', keys: [{ key: redis.url }], origin: REDIS_ORIGIN });
  const { endpoint, headers } = telemetry;
  if (endpoint === undefined) return users;
  const keys = Object.values(headers).map((value) => ({ key: headerReference(value).reference }));
  return [...users, { id: 'telemetry', type: 'collector', keys, origin: new URL(endpoint).origin }];
}
