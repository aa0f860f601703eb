import { describe, expect, it } from 'vitest';
import { openaiChatCodec } from '../../../src-main/protocols/openai-chat/codec.ts';
import { errorEvent } from '../../../src-main/protocols/upstream-error.ts';

describe('decodeError', () => {
  it.each<[string, unknown, string, string | null]>([
    [
      'OpenAI',
      { error: { message: 'Bad key', type: 'invalid_request_error', param: null, code: 'invalid_api_key' } },
      'Bad key',
      'invalid_api_key',
    ],
    ['OpenAI without a code', { error: { message: 'Down', type: 'server_error', code: null } }, 'Down', 'server_error'],
    ['OpenRouter', { error: { code: 402, message: 'No credits' }, user_id: 'u' }, 'No credits', '402'],
    [
      "OpenRouter with the vendor's own error",
      {
        error: {
          code: 400,
          message: 'Provider returned error',
          metadata: { provider_name: 'X', raw: '{"error":{"message":"too hot"}}' },
        },
      },
      'Provider returned error: too hot',
      '400',
    ],
    [
      'OpenRouter with raw text and its own word',
      {
        error: { code: 429, message: 'Slow down', metadata: { error_type: 'rate_limit_exceeded', raw: 'wait a bit' } },
      },
      'Slow down: wait a bit',
      'rate_limit_exceeded',
    ],
    [
      'vLLM',
      { object: 'error', message: 'Too long', type: 'BadRequestError', param: null, code: 400 },
      'Too long',
      'BadRequestError',
    ],
    ['FastAPI', { detail: 'Not Found' }, 'Not Found', null],
    [
      'FastAPI validation',
      {
        detail: [
          { loc: ['body', 'messages', 0, 'role'], msg: 'Input should be user', type: 'enum' },
          { msg: 'also' },
          3,
        ],
      },
      'messages.0.role: Input should be user; also; 3',
      null,
    ],
    ['a detail that is an object', { detail: { message: 'inner' } }, 'inner', null],
    ['a detail that is another object', { detail: { a: 1 } }, '{"a":1}', null],
    ['Ollama', { error: 'model "x" not found' }, 'model "x" not found', null],
    [
      'Gemini',
      [{ error: { code: 400, message: 'Bad field', status: 'INVALID_ARGUMENT' } }],
      'Bad field',
      'INVALID_ARGUMENT',
    ],
    ['an unknown word beside a status', { error: { message: 'm', type: 'strange', code: 503 } }, 'm', '503'],
    ['Mistral', { message: 'Unauthorized', request_id: 'r' }, 'Unauthorized', null],
    ['an error without a message', { error: { code: 'weird' } }, 'no reason given', 'weird'],
    ['an error event', { type: 'error', message: '' }, 'no reason given', null],
    ['something else', { hello: 1 }, '{"hello":1}', null],
    ['a JSON string', 'just words', 'just words', null],
  ])('reads %s', (_, body, message, code) => {
    expect(openaiChatCodec.decodeError(JSON.stringify(body))).toEqual({ message, code });
  });

  it.each([
    ['upstream connect error\n', 'upstream connect error'],
    ['', 'no reason given'],
    ['<!DOCTYPE html><html><head><title> 502 Bad\nGateway </title></head><body>x</body></html>', '502 Bad\nGateway'],
    [
      '<html><head><style>b{}</style><script>1<2</script></head><body><h1>Sorry</h1> <p>Down</p></body></html>',
      'Sorry Down',
    ],
    ['<html></html>', 'no reason given'],
    ['{"error":', '{"error":'],
  ])('reads %j', (body, message) => {
    expect(openaiChatCodec.decodeError(body)).toEqual({ message, code: null });
  });

  it.each<[string, unknown, string | undefined]>([
    ['OpenAI', { error: { message: 'm', param: 'max_tokens' } }, 'max_tokens'],
    ['OpenAI, of nothing', { error: { message: 'm', param: null } }, undefined],
    ['vLLM', { object: 'error', message: 'm', param: 'top_k' }, 'top_k'],
    ['Mistral', { message: 'm', param: 'n' }, 'n'],
    [
      'a vendor behind OpenRouter',
      { error: { message: 'm', code: 400, metadata: { raw: '{"error":{"message":"x","param":"stop"}}' } } },
      'stop',
    ],
    ['a vendor behind OpenRouter, of nothing', { error: { message: 'm', metadata: { raw: 'busy' } } }, undefined],
    ['FastAPI', { detail: [{ loc: ['body', 'seed'], msg: 'no' }] }, 'seed'],
    ['FastAPI, of something inside', { detail: [{ loc: ['body', 'messages', 0], msg: 'no' }] }, undefined],
    ['FastAPI, of the path', { detail: [{ loc: ['path', 'id'], msg: 'no' }] }, undefined],
  ])('knows the parameter that %s complains about', (_, body, param) => {
    expect(openaiChatCodec.decodeError(JSON.stringify(body)).param).toBe(param);
  });

  it('keeps it short', () => {
    expect(openaiChatCodec.decodeError('x'.repeat(5000)).message).toHaveLength(1001);
  });
});

describe('errorEvent', () => {
  it.each([
    ['400', 'invalid_request_error'],
    ['401', 'authentication_error'],
    ['402', 'billing_error'],
    ['403', 'permission_error'],
    ['404', 'not_found_error'],
    ['429', 'rate_limit_error'],
    ['500', 'api_error'],
    ['503', 'overloaded_error'],
    ['504', 'timeout_error'],
    ['insufficient_quota', 'billing_error'],
    ['RESOURCE_EXHAUSTED', 'rate_limit_error'],
    ['provider_overloaded', 'overloaded_error'],
    ['UNAVAILABLE', 'overloaded_error'],
    ['invalid_api_key', 'authentication_error'],
    ['AuthenticationError', 'authentication_error'],
    ['PERMISSION_DENIED', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['BadRequestError', 'invalid_request_error'],
    ['DEADLINE_EXCEEDED', 'timeout_error'],
    ['server_error', 'api_error'],
    [null, 'api_error'],
  ])('names %s %s', (code, type) => {
    expect(errorEvent({ message: 'm', code })).toEqual({ type, message: 'm' });
  });
});
