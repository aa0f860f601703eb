import { expect, test } from 'vitest';
import { headerReference, telemetrySchema } from '../../../src-shared/telemetry-config.ts';

test.each([
  ['http://127.0.0.1:4318', true],
  ['https://collector.example/otlp/', true],
  ['http://user:password@collector.example', false],
  ['https://collector.example/?key=1', false],
  ['ftp://collector.example', false],
  ['collector.example', false],
])('an endpoint is an address alone: %s', (endpoint, isGood) => {
  const read = telemetrySchema.safeParse({ endpoint });
  expect(read.success).toBe(isGood);
  expect(read.error?.message ?? '').not.toContain('password');
});

test.each([
  ['env:TOKEN', { scheme: '', reference: 'env:TOKEN' }],
  ['Bearer env:TOKEN', { scheme: 'Bearer ', reference: 'env:TOKEN' }],
  ['Basic file:my secret', { scheme: 'Basic ', reference: 'file:my secret' }],
  ['file:my secret', { scheme: '', reference: 'file:my secret' }],
])('headers are references, with a scheme or without: %s', (header, made) => {
  expect(telemetrySchema.parse({ headers: { authorization: header } }).headers.authorization).toBe(header);
  expect(headerReference(header)).toEqual(made);
});

test.each(['secret', 'Bearer secret', 'Bearer  env:TOKEN', 'client'])('none holds a secret itself: %s', (header) => {
  expect(telemetrySchema.safeParse({ headers: { authorization: header } }).success).toBe(false);
});
