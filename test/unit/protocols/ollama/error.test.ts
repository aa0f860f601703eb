import { describe, expect, it } from 'vitest';
import { contextOverflow } from '../../../../src-main/protocols/context-overflow.ts';
import { ollamaCodec } from '../../../../src-main/protocols/ollama/codec.ts';
import { refusedParameter } from '../../../../src-main/protocols/refused-parameter.ts';

const decode = (error: string) => ollamaCodec.decodeError(JSON.stringify({ error }));

describe('an error answer', () => {
  it.each([
    ["model 'qwen9' not found", 'not_found'],
    ['"llama3.1:8b" does not support thinking', 'invalid_request'],
    ['"gemma:2b" does not support tools', 'invalid_request'],
    ['invalid think value: "xhigh" (must be "high", "medium", "low", "max", true, or false)', 'invalid_request'],
    ['server busy, please try again.  maximum pending requests exceeded', 'overloaded'],
    ['unauthorized', 'authentication'],
    ['model requires more system memory (48.1 GiB) than is available (15.2 GiB)', null],
  ])('%s', (message, code) => {
    expect(decode(message)).toEqual({ message, code });
  });

  it('is read from whatever stands in front of the server, too', () => {
    expect(ollamaCodec.decodeError('<html><title>502 Bad Gateway</title></html>')).toEqual({
      message: '502 Bad Gateway',
      code: null,
    });
    expect(ollamaCodec.decodeError('{"error":{"message":"no such key","type":"authentication_error"}}')).toEqual({
      message: 'no such key',
      code: 'authentication_error',
    });
  });

  it.each([
    ['"llama3.1:8b" does not support thinking'],
    // charmbracelet/crush issue 2623
    ['think value "medium" is not supported for this model'],
  ])('tells which parameter the model has refused: %s', (message) => {
    const sent = Buffer.from('{"model":"m","messages":[],"think":true}');
    expect(refusedParameter(400, decode(message), sent)).toBe('think');
  });

  it.each([
    ['the input length exceeds the context length', 'prompt is too long: the input length exceeds the context length'],
    [
      'the prompt is longer than the context length currently available to the model; shorten the prompt',
      'prompt is too long: the prompt is longer than the context length currently available to the model; shorten the prompt',
    ],
    [
      "input length (5000 tokens) exceeds the model's maximum context length (4096 tokens)",
      'prompt is too long: 5000 tokens > 4096 maximum',
    ],
  ])('says that the conversation does not fit: %s', (message, wanted) => {
    expect(contextOverflow(decode(message))).toBe(wanted);
  });
});
