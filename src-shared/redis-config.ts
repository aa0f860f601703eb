import { z } from 'zod';

/** What an address of Redis in the keychain is bound to, as keys are to their provider's. */
export const REDIS_ORIGIN = 'redis:';

/** A Redis that several CProxies share, for the response cache. */
export const redisSchema = z.strictObject({
  url: z
    .string()
    .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keychain:.+|rediss?:\/\/[^@\s]+)$/, {
      error: 'must be redis:// or rediss:// without a password, or env:NAME, file:PATH, keychain:NAME for one with',
    })
    .default('redis://127.0.0.1:6379')
    .describe(
      'Its address; for one with a password env:NAME, file:PATH, or keychain:redis with `cproxy keys set redis`',
    ),
  prefix: z.string().default('cproxy:').describe('Before each of its keys there'),
});
export type RedisConfig = z.output<typeof redisSchema>;
