import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openaiChatClientCodec } from '../../../../src-main/protocols/openai-chat/client-codec.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';

const folder = path.join(import.meta.dirname, '../../../fixtures/openai-chat-client/requests');
const decode = openaiChatClientCodec.decodeRequest;
const user = { role: 'user', content: 'x' };

describe('a Chat Completions request in the canonical form', () => {
  it.each(readdirSync(folder))('%s', (name) => {
    const { chat, canonical } = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Record<string, unknown>;
    expect(decode(chat)).toEqual(canonical);
  });

  it('is the same, and in the same order, each time', () => {
    for (const name of readdirSync(folder)) {
      const { chat } = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Record<string, unknown>;
      const before = JSON.stringify(chat);
      expect(JSON.stringify(decode(chat))).toBe(JSON.stringify(decode(chat)));
      expect(JSON.stringify(chat)).toBe(before);
    }
  });

  it('decodes a list of tools once, and gives what it may not change as what it may not change', () => {
    const tools = Object.freeze([{ type: 'function', function: { name: 'A' } }]);
    const [one, other] = [
      decode({ model: 'm', messages: [user], tools }),
      decode({ model: 'm', messages: [user], tools }),
    ];
    expect(one.tools).toBe(other.tools);
    expect(Object.isFrozen(one.tools)).toBe(true);
  });
});

describe('what cannot be read is refused, naming the field as OpenAI does', () => {
  const content = (part: unknown) => ({ messages: [user, { role: 'user', content: [part] }] });
  const call = (entry: unknown) => ({ messages: [user, { role: 'assistant', tool_calls: [entry] }] });

  it.each([
    [{ messages: undefined }, 'messages: is required'],
    [{ messages: {} }, 'messages: must be an array'],
    [{ messages: [] }, 'messages: at least one message is required'],
    [{ messages: [5] }, 'messages[0]: must be an object'],
    [{ messages: [{ content: 'x' }] }, 'messages[0].role: is required'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role: must be '],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content: is required'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content: must be a string or an array'],
    [
      { messages: [{ role: 'system', content: [{ type: 'image_url' }] }] },
      "messages[0].content[0].type: must be 'text'",
    ],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id: is required'],
    [content({ type: 'text' }), 'messages[1].content[0].text: is required'],
    [content({ type: 'image_url', image_url: 'x' }), 'messages[1].content[0].image_url: must be an object'],
    [content({ type: 'image_url', image_url: {} }), 'messages[1].content[0].image_url.url: is required'],
    [
      content({ type: 'image_url', image_url: { url: 'data:image/tiff;base64,AA' } }),
      "messages[1].content[0].image_url.url: must be a JPEG, PNG, GIF or WebP image, not 'image/tiff'",
    ],
    [
      content({ type: 'image_url', image_url: { url: 'data:image/png,AA' } }),
      'image_url.url: must be a data URL in base64',
    ],
    [content({ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }), 'must be a data URL or an http(s) URL'],
    [content({ type: 'file', file: {} }), 'messages[1].content[0].file.file_data: is required'],
    [call({ function: { name: 'x' } }), 'messages[1].tool_calls[0].id: is required'],
    [call({ id: 'a' }), 'messages[1].tool_calls[0].function: is required'],
    [call({ id: 'a', function: {} }), 'messages[1].tool_calls[0].function.name: is required'],
    [call({ id: 'a', type: 'custom', custom: { name: 'x' } }), 'messages[1].tool_calls[0].custom.input: is required'],
    [{ tools: {} }, 'tools: must be an array'],
    [{ tools: [{ function: { name: 'x' } }] }, 'tools[0].type: is required'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name: is required'],
    [
      { tools: [{ type: 'function', function: { name: 'x', parameters: 5 } }] },
      'tools[0].function.parameters: must be an object',
    ],
    [{ tool_choice: 'sometimes' }, 'tool_choice: must be '],
    [{ tool_choice: { type: 'function' } }, 'tool_choice.function: is required'],
    [
      { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'any' } } },
      'tool_choice.allowed_tools.mode: must be ',
    ],
    [{ response_format: { type: 'xml' } }, 'response_format.type: must be '],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema: is required'],
    [{ stop: [1] }, 'stop: must be a string or an array of strings'],
    [{ max_tokens: '5' }, 'max_tokens: must be a number'],
    [{ reasoning_effort: 5 }, 'reasoning_effort: must be a string'],
    [{ temperature: 'hot' }, 'temperature: must be a number'],
    [{ stream: 'yes' }, 'stream: must be a boolean'],
  ] as [Record<string, unknown>, string][])('%j', (fields, message) => {
    const error = thrownBy({ model: 'm', messages: [user], ...fields });
    expect(error).toMatchObject({ code: 'invalid_field', message: expect.stringContaining(message) });
    expect(error.message.startsWith(`${error.field}: `)).toBe(true);
  });

  it.each([
    [content({ type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } }), 'messages[1].content[0].type'],
    [
      content({ type: 'file', file: { file_data: 'data:application/msword;base64,AA' } }),
      'messages[1].content[0].file.file_data',
    ],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
  ] as [Record<string, unknown>, string][])('%j has no counterpart', (fields, field) => {
    expect(thrownBy({ model: 'm', messages: [user], ...fields })).toMatchObject({ code: 'unsupported_content', field });
  });
});

function thrownBy(body: unknown): ProxyError {
  try {
    decode(body);
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
