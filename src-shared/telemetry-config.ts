import { z } from 'zod';

const whole = z.number().multipleOf(1, 'must be a whole number');

/** It stands in logs and is shown, and paths are added to it. */
function isBase(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { username, password, search, hash } = new URL(url);
  return username + password + search + hash === '';
}

/** Traces and metrics that are sent to a collector (OTLP over HTTP), with the names of OpenTelemetry's GenAI conventions. */
export const telemetrySchema = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .refine(isBase, 'must be an address alone: a login goes into headers, and /v1/traces and the like are added')
    .optional()
    .describe('Base URL of a collector, such as http://127.0.0.1:4318; nothing is sent where absent'),
  headers: z
    .record(
      z.string(),
      z
        .string()
        .regex(
          /^([A-Za-z]+ )?(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keychain:.+)$/,
          'must be env:NAME, file:PATH or keychain:NAME, with a scheme before it where one is wanted: Bearer env:NAME',
        ),
    )
    .default({})
    .describe('Sent with it, such as a login; each by reference: env:NAME, or Bearer env:NAME'),
  traces: z.boolean().default(true).describe('Send a trace of each request'),
  metrics: z.boolean().default(true).describe('Send metrics'),
  sample: z.number().min(0).max(1).default(1).describe('The part of the traces that begin here which is sent'),
  intervalMs: whole.min(100).max(3_600_000).default(30_000).describe('Between two sendings of metrics'),
});
export type TelemetryConfig = z.output<typeof telemetrySchema>;

/** What a header of it is made of: `Bearer env:NAME` is a scheme with its space, or none, and a reference. */
export function headerReference(value: string): { scheme: string; reference: string } {
  const scheme = /^[A-Za-z]+ /.exec(value)?.[0] ?? '';
  return { scheme, reference: value.slice(scheme.length) };
}
