import { describe, expect, it } from 'vitest';
import { combinedFailure } from '../../../src-main/pipeline/failure-of-all.ts';
import { canTryNext } from '../../../src-main/pipeline/upstream-failure.ts';
import { ProxyError } from '../../../src-shared/errors.ts';

const unsupported = (provider: string) => ProxyError.of('server_tool_unsupported', { provider, tools: ['web_search'] });
const overflow = ProxyError.of('context_overflow', { provider: 'a', wording: 'prompt is too long' });

describe('a request that one target cannot take', () => {
  it('goes to the next where that may take it', () => {
    expect(canTryNext(unsupported('a'))).toBe(true);
    expect(canTryNext(overflow)).toBe(true);
    expect(canTryNext(ProxyError.of('provider_silent', { provider: 'a', ms: 1 }))).toBe(true);
    expect(canTryNext(ProxyError.of('invalid_field', { field: 'x', expected: 'y' }))).toBe(false);
  });

  it('fails as it did at the last one where all say the same', () => {
    expect(combinedFailure(['a/m', 'b/m'], [unsupported('a'), unsupported('b')])).toMatchObject({
      code: 'server_tool_unsupported',
      status: 400,
    });
    expect(combinedFailure(['a/m', 'b/m'], [overflow, overflow])).toBe(overflow);
    expect(combinedFailure(['a/m', 'b/m'], [overflow, unsupported('b')])).toMatchObject({
      code: 'all_targets_failed',
      retryable: false,
    });
  });
});
