import { z } from 'zod';

const whole = z.number().multipleOf(1, 'must be a whole number');

/** Traces and metrics that are sent to a collector (OTLP over HTTP), with the names of OpenTelemetry's GenAI conventions. */
export const telemetrySchema = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .optional()
    .describe('Base URL of a collector, such as http://127.0.0.1:4318; nothing is sent where absent'),
  headers: z
    .record(
      z.string(),
      z
        .string()
        .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keychain:.+)$/, 'must be env:NAME, file:PATH or keychain:NAME'),
    )
    .default({})
    .describe('Sent with it, such as a login; each by reference'),
  traces: z.boolean().default(true).describe('Send a trace of each request'),
  metrics: z.boolean().default(true).describe('Send metrics'),
  sample: z.number().min(0).max(1).default(1).describe('The part of the traces that begin here which is sent'),
  intervalMs: whole.positive().default(30_000).describe('Between two sendings of metrics'),
});
export type TelemetryConfig = z.output<typeof telemetrySchema>;

/** A Redis that several CProxies share, for limits and the response cache. */
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
