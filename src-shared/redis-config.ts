import { z } from 'zod';

/** A Redis that several CProxies share, for the response cache. */
export const redisSchema = z.strictObject({
  url: z
    .string()
    .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keychain:.+|rediss?:\/\/[^@\s]+)$/, {
      error: 'must be redis:// or rediss:// without a password, or env:NAME, file:PATH, keychain:NAME for one with',
    })
    .default('redis://127.0.0.1:6379')
    .describe('Its address; env:NAME, file:PATH or keychain:NAME for one with a password'),
  prefix: z.string().default('cproxy:').describe('Before each of its keys there'),
});
export type RedisConfig = z.output<typeof redisSchema>;
