import { describe, expect, it } from 'vitest';
import { keyFault } from '../../../src-main/providers/key-fault.ts';

const now = Date.parse('2026-11-23T10:00:00Z');
const faultOf = (
  status: number,
  message: string,
  code: string | null = null,
  headers: Record<string, string> = {},
  body = '',
) => {
  const fault = keyFault(status, { message, code }, headers, body, now);
  return fault === null ? null : [fault.kind, fault.scope, fault.until === null ? null : fault.until - now];
};

describe('what an error says of the key', () => {
  it.each([
    [401, 'invalid x-api-key', null, {}, ['refused', 'key', null]],
    [400, 'API key not valid. Please pass a valid API key.', 'INVALID_ARGUMENT', {}, ['refused', 'key', null]],
    [403, 'Your API key does not have permission to use this resource', null, {}, ['forbidden', 'model', null]],
    [403, 'Key limit exceeded (total limit).', null, {}, ['exhausted', 'key', null]],
    [402, 'Insufficient Balance', null, {}, ['exhausted', 'key', null]],
    [
      400,
      'Your credit balance is too low to access the Anthropic API.',
      'invalid_request_error',
      {},
      ['exhausted', 'key', null],
    ],
    [
      429,
      'You exceeded your current quota, please check your plan',
      'insufficient_quota',
      {},
      ['exhausted', 'key', null],
    ],
    [429, 'Rate limit reached', 'rate_limit_exceeded', { 'retry-after': '7' }, ['limited', 'model', 7_000]],
    [429, 'slow down', null, {}, ['limited', 'model', null]],
    [429, 'slow down', null, { 'retry-after': '99999999' }, ['limited', 'model', null]],
    // Gemini speaks of the quota at every limit, and tells the wait in its text.
    [
      429,
      'You exceeded your current quota. Please retry in 23.4s.',
      'RESOURCE_EXHAUSTED',
      {},
      ['limited', 'model', 23_400],
    ],
    [
      429,
      'limit',
      null,
      { 'anthropic-ratelimit-unified-status': 'rejected', 'retry-after': '3600' },
      ['limited', 'key', 3_600_000],
    ],
    [
      429,
      'limit',
      null,
      { 'x-ratelimit-limit-requests': '3', 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '20s' },
      ['limited', 'model', 20_000],
    ],
  ] as const)('%i %s', (status, message, code, headers, expected) => {
    expect(faultOf(status, message, code, headers)).toEqual(expected);
  });

  it('is a quota by the day where Gemini names one, whatever wait it tells', () => {
    const body =
      '{"error":{"details":[{"violations":[{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}';
    const words = 'You exceeded your current quota. Please retry in 23.4s.';
    expect(faultOf(429, words, 'RESOURCE_EXHAUSTED', {}, body)).toEqual(['exhausted', 'model', null]);
  });

  it.each([
    [400, 'messages: roles must alternate'],
    [403, 'The model `gpt-9` does not exist or you do not have access to it.'],
    [403, 'Your input was flagged by our moderation'],
    [404, 'not found'],
    [500, 'Internal server error'],
    [529, 'Overloaded'],
  ])('is nothing: %i %s', (status, message) => {
    expect(faultOf(status, message)).toBeNull();
  });
});
