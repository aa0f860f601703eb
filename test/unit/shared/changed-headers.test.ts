import { describe, expect, it } from 'vitest';
import { changesSchema } from '../../../src-shared/rules.ts';

describe('headers that a rule sets', () => {
  it.each([
    'Authorization',
    'x-api-key',
    'Cookie',
    'host',
    'Content-Type',
    'content-length',
    'X-CProxy-Hops',
    'connection',
  ])('are none of the login, the body, the connection or CProxy itself: %s', (name) => {
    const parsed = changesSchema.safeParse({ headers: { 'x-fine': 'yes', [name]: 'no' } });
    expect(parsed.error?.issues).toMatchObject([
      { path: ['headers', name], message: expect.stringContaining('cannot be set by a rule') as unknown },
    ]);
  });
  it.each(['anthropic-beta', 'user-agent', 'x-team', 'openai-organization'])('may be others: %s', (name) => {
    expect(changesSchema.safeParse({ headers: { [name]: 'value' } }).success).toBe(true);
  });
});
