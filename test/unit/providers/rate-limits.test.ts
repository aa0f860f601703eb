import { describe, expect, it } from 'vitest';
import { rateLimitsIn, resetOfSpent, resetTime } from '../../../src-main/providers/rate-limits.ts';

const now = Date.parse('2026-11-23T10:00:00Z');

describe('limits in headers', () => {
  it("are Anthropic's, each with its reset", () => {
    const headers = {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': '2026-11-23T10:00:30Z',
      'anthropic-ratelimit-input-tokens-limit': '30000',
      'anthropic-ratelimit-input-tokens-remaining': '0',
      'anthropic-ratelimit-input-tokens-reset': '2026-11-23T10:01:00Z',
      'request-id': 'req_1',
    };
    expect(rateLimitsIn(headers, now)).toEqual([
      { name: 'requests', limit: 50, remaining: 49, used: expect.closeTo(0.02), resetsAt: now + 30_000 },
      { name: 'input-tokens', limit: 30_000, remaining: 0, used: 1, resetsAt: now + 60_000 },
    ]);
    expect(resetOfSpent(headers, now)).toBe(now + 60_000);
  });

  it('are the windows of a subscription', () => {
    const headers = {
      'anthropic-ratelimit-unified-status': 'allowed',
      'anthropic-ratelimit-unified-5h-status': 'allowed',
      'anthropic-ratelimit-unified-5h-utilization': '0.62',
      'anthropic-ratelimit-unified-5h-reset': String((now + 7_200_000) / 1000),
      'anthropic-ratelimit-unified-7d-utilization': '0.1',
    };
    expect(rateLimitsIn(headers, now)).toEqual([
      { name: '5h', limit: null, remaining: null, used: 0.62, resetsAt: now + 7_200_000 },
      { name: '7d', limit: null, remaining: null, used: 0.1, resetsAt: null },
    ]);
    expect(resetOfSpent(headers, now)).toBeNull();
  });

  it("are OpenAI's and OpenRouter's", () => {
    expect(
      rateLimitsIn(
        {
          'x-ratelimit-limit-tokens': '1000',
          'x-ratelimit-remaining-tokens': '250',
          'x-ratelimit-reset-tokens': '6m0s',
        },
        now,
      ),
    ).toEqual([{ name: 'tokens', limit: 1000, remaining: 250, used: 0.75, resetsAt: now + 360_000 }]);
    expect(
      rateLimitsIn(
        { 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 9_000) },
        now,
      ),
    ).toEqual([{ name: 'requests', limit: 20, remaining: 0, used: 1, resetsAt: now + 9_000 }]);
  });

  it('are nothing where nothing is said, or what is said is no number', () => {
    expect(rateLimitsIn({ 'content-type': 'text/event-stream' }, now)).toEqual([]);
    expect(rateLimitsIn({ 'x-ratelimit-remaining-tokens': 'many', 'x-ratelimit-reset-tokens': 'soon' }, now)).toEqual(
      [],
    );
  });
});

describe('a reset', () => {
  it.each([
    ['1s', now + 1_000],
    ['20ms', now + 20],
    ['2m59.56s', now + 179_560],
    ['1d2h', now + 93_600_000],
    ['12.5', now + 12_500],
    ['0', now],
    ['2026-11-23T11:00:00Z', now + 3_600_000],
    ['later', null],
    ['', null],
    ['-5', null],
    // No limit lasts for years: this counts in another unit, or is wrong.
    ['99999999999', null],
    ['2099-01-01T00:00:00Z', null],
  ])('written %s', (text, time) => {
    expect(resetTime(text, now)).toBe(time);
  });
});
