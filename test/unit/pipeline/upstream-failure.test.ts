import { describe, expect, it } from 'vitest';
import { combinedFailure } from '../../../src-main/pipeline/failure-of-all.ts';
import { canTryNext, streamFailure } from '../../../src-main/pipeline/upstream-failure.ts';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import { openaiChatCodec } from '../../../src-main/protocols/openai-chat/codec.ts';
import { httpFailure, retryAfterSeconds } from '../../../src-main/providers/http-failure.ts';
import type { ProxyError } from '../../../src-shared/errors.ts';

const failure = (status: number, message = 'why', code: string | null = null, retryAfter?: number): ProxyError =>
  httpFailure('p', status, { message, code }, retryAfter, '{}');

/** As an Anthropic client sees it. */
const shown = (error: ProxyError) => {
  const { status, headers, body } = anthropicClientCodec.encodeError(error, 'req_1');
  const { type, message } = (JSON.parse(body) as { error: { type: string; message: string } }).error;
  return { status, type, message, final: headers['x-should-retry'] === 'false', after: headers['retry-after'] };
};

describe('an HTTP error of a provider', () => {
  it.each([
    [400, 400, 'invalid_request_error', true],
    [402, 402, 'billing_error', true],
    [404, 404, 'not_found_error', true],
    [405, 405, 'invalid_request_error', true],
    [408, 408, 'timeout_error', false],
    [409, 409, 'conflict_error', false],
    [413, 413, 'request_too_large', true],
    [422, 422, 'invalid_request_error', true],
    [429, 429, 'rate_limit_error', false],
    [500, 500, 'api_error', false],
    [502, 502, 'api_error', false],
    [503, 529, 'overloaded_error', false],
    [504, 504, 'timeout_error', false],
    [529, 529, 'overloaded_error', false],
  ])('%i is shown as %i %s, final: %s', (status, as, type, final) => {
    expect(shown(failure(status))).toMatchObject({ status: as, type, final });
    expect(shown(failure(status)).message).toContain('why');
  });

  it.each([401, 403])('%i is about our key: never a 401 or 403 of the client’s', (status) => {
    const error = failure(status, 'Incorrect API key provided');
    expect(error.code).toBe('provider_key_refused');
    expect(shown(error)).toMatchObject({ status: 502, type: 'api_error', final: true });
    expect(shown(error).message).toMatch(/'p' refused its API key.*Incorrect API key provided/);
    expect(canTryNext(error)).toBe(true);
  });

  it('keeps how long to wait', () => {
    expect(shown(failure(429, 'slow down', null, 7))).toMatchObject({ status: 429, after: '7', final: false });
  });

  it('is final where the money is spent: no waiting helps', () => {
    const error = failure(429, 'You exceeded your current quota, please check your plan', 'insufficient_quota', 20);
    expect(error).toMatchObject({ status: 429, kind: 'billing_error', retryable: false });
    expect(shown(error).final).toBe(true);
    expect(canTryNext(error)).toBe(true);
    expect(failure(429, 'Resource has been exhausted (e.g. check quota).', 'RESOURCE_EXHAUSTED').retryable).toBe(true);
  });

  it.each([
    [
      'OpenAI',
      404,
      '{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","code":"model_not_found"}}',
    ],
    [
      'OpenAI',
      403,
      '{"error":{"message":"Project `proj_1` does not have access to model `gpt-4o-mini`","type":"invalid_request_error","param":null,"code":"model_not_found"}}',
    ],
    ['OpenRouter', 400, '{"error":{"message":"foo/bar is not a valid model ID","code":400}}'],
    [
      'DeepSeek',
      400,
      '{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}',
    ],
    [
      'Mistral',
      400,
      '{"object":"error","message":"Invalid model: mistral-huge","type":"invalid_model","param":null,"code":"1500"}',
    ],
    ['Ollama', 404, '{"error":"model \\"nope\\" not found, try pulling it first"}'],
  ])('%s: a model that is not there (%i) is a 404, and another target may have it', (_vendor, status, body) => {
    const error = httpFailure('p', status, openaiChatCodec.decodeError(body), undefined, '{}');
    expect(error).toMatchObject({ code: 'provider_error', status: 404, kind: 'not_found_error', retryable: false });
    expect(canTryNext(error)).toBe(true);
  });

  it.each([
    ['OpenRouter', 403, 'Your chosen model requires moderation and your input was flagged for "violence"', null],
    [
      'Azure',
      400,
      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
      'content_filter',
    ],
    ['OpenAI', 403, 'Your request was rejected as a result of our safety system.', 'content_policy_violation'],
  ])(
    '%s: a text against the rules (%i) is the request’s fault, in the vendor’s words',
    (_vendor, status, message, code) => {
      const error = failure(status, message, code);
      expect(error).toMatchObject({
        code: 'content_refused',
        status: 400,
        kind: 'invalid_request_error',
        retryable: false,
      });
      expect(shown(error).message).toContain(message);
      expect(canTryNext(error)).toBe(false);
    },
  );

  it('takes nothing else for a missing model or a rule', () => {
    expect(failure(403, 'Your account has been flagged').code).toBe('provider_key_refused');
    expect(failure(403, 'Country, region, or territory not supported').code).toBe('provider_key_refused');
    expect(failure(400, 'messages.2: `tool_use` ids were found without `tool_result` blocks').status).toBe(400);
    expect(failure(400, 'No tool call found for function call output with call_id x').status).toBe(400);
  });

  it('says in Anthropic’s words that the request is too long, and another target may have room', () => {
    const error = failure(
      400,
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    );
    expect(shown(error)).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      message: 'prompt is too long: 9000 tokens > 8192 maximum',
      final: true,
    });
    expect(canTryNext(error)).toBe(true);
  });
});

describe('how long to wait', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  it.each([
    [{}, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after': '0.2' }, 1],
    [{ 'retry-after': '-3' }, 0],
    [{ 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30],
    [{ 'retry-after-ms': '1500' }, 2],
    [{ 'retry-after-ms': 'x' }, undefined],
    [{ 'retry-after': '9', 'retry-after-ms': '1500' }, 9],
  ])('%j is %s s', (headers, seconds) => {
    expect(retryAfterSeconds(headers, now)).toBe(seconds);
  });
});

describe('an error inside an answer', () => {
  it.each([
    ['authentication_error', 502, false],
    ['permission_error', 502, false],
    ['billing_error', 402, false],
    ['rate_limit_error', 429, true],
    ['overloaded_error', 529, true],
    ['invalid_request_error', 400, false],
    [null, 502, true],
  ])('%s is shown as %i', (code, status, retryable) => {
    expect(streamFailure('p', { message: 'why', code })).toMatchObject({ status, retryable });
  });
});

describe('the error of several targets', () => {
  it('can be retried when one of them can, after the shortest wait', () => {
    const error = combinedFailure(
      ['a', 'b', 'c'],
      [failure(429, 'a', null, 9), failure(503, 'b', null, 4), failure(401, 'c')],
    );
    expect(error).toMatchObject({ status: 529, kind: 'overloaded_error', retryable: true, retryAfter: 4 });
    expect(combinedFailure(['a', 'b'], [failure(401), failure(402)])).toMatchObject({ status: 502, retryable: false });
  });
});
