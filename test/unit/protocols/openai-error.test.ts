import { describe, expect, it } from 'vitest';
import { encodeOpenaiError, openaiErrorBody, openaiEventError } from '../../../src-main/protocols/openai-error.ts';
import { ProxyError } from '../../../src-shared/errors.ts';

describe('errors as OpenAI names them', () => {
  it.each([
    [
      ProxyError.of('invalid_field', { field: 'messages[2].content', expected: 'is required' }),
      400,
      { type: 'invalid_request_error', param: 'messages[2].content', code: 'invalid_value' },
    ],
    [
      ProxyError.of('unsupported_content', { field: 'modalities', reason: 'no' }),
      400,
      { type: 'invalid_request_error', param: 'modalities', code: 'unsupported_content' },
    ],
    [
      ProxyError.of('invalid_json', { reason: 'x' }),
      400,
      { type: 'invalid_request_error', param: null, code: 'invalid_json' },
    ],
    [
      ProxyError.of('context_overflow', { provider: 'p', wording: 'prompt is too long' }),
      400,
      { type: 'invalid_request_error', code: 'context_length_exceeded' },
    ],
    [
      ProxyError.of('unknown_model', { model: 'm', near: [] }),
      404,
      { type: 'invalid_request_error', code: 'model_not_found' },
    ],
    [ProxyError.of('wrong_token', undefined), 401, { type: 'authentication_error', code: 'invalid_api_key' }],
    [ProxyError.of('missing_token', undefined), 401, { type: 'authentication_error', code: 'invalid_api_key' }],
    [
      ProxyError.of(
        'provider_error',
        { provider: 'p', status: 429, upstream: 'slow' },
        { status: 429, kind: 'rate_limit_error' },
      ),
      429,
      { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
    ],
    [
      ProxyError.of(
        'provider_error',
        { provider: 'p', status: 402, upstream: 'pay' },
        { status: 402, kind: 'billing_error' },
      ),
      402,
      { type: 'insufficient_quota', code: 'insufficient_quota' },
    ],
    [
      ProxyError.of(
        'provider_error',
        { provider: 'p', status: 503, upstream: 'x' },
        { status: 529, kind: 'overloaded_error' },
      ),
      503,
      { type: 'server_error', code: 'server_is_overloaded' },
    ],
    [
      ProxyError.of('provider_unreachable', { provider: 'p', reason: 'x' }),
      502,
      { type: 'server_error', code: 'provider_unreachable' },
    ],
  ])('%s', (error, status, body) => {
    const encoded = encodeOpenaiError(error, 'req_1');
    expect(encoded.status).toBe(status);
    expect(JSON.parse(encoded.body)).toMatchObject({ error: { ...body, message: error.message } });
    expect(JSON.parse(encoded.body)).toEqual(openaiErrorBody(error));
  });

  it('headers say whether to ask again, and when', () => {
    const passing = encodeOpenaiError(
      ProxyError.of('provider_error', { provider: 'p', status: 429, upstream: 'x' }, { retryAfter: 7 }),
      'req_1',
    );
    expect(passing.headers).toEqual({
      'content-type': 'application/json',
      'x-request-id': 'req_1',
      'retry-after': '7',
    });
    const final = encodeOpenaiError(ProxyError.of('wrong_token', undefined), 'req_2');
    expect(final.headers['x-should-retry']).toBe('false');
  });

  it("an error event by its type; one that nobody knows is a server's own", () => {
    expect(openaiEventError({ type: 'rate_limit_error', message: 'slow' })).toEqual({
      error: { message: 'slow', type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' },
    });
    expect(openaiEventError({ type: 'toString', message: 'x' }).error.type).toBe('server_error');
  });
});
