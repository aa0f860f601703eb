import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessagesRequest } from '../../../../src-main/protocols/canonical.ts';
import {
  decodeResponsesRequest,
  refuseKeptState,
} from '../../../../src-main/protocols/openai-responses/client-request.ts';
import { RequestBody } from '../../../../src-main/protocols/request-body.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';
import { requestFixtures } from './client-fixtures.ts';

const errorOf = (decode: () => unknown): ProxyError => {
  try {
    decode();
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
const decodeInput = (input: unknown): MessagesRequest => decodeResponsesRequest({ model: 'm', input });

describe('a Responses request in the canonical form', () => {
  it.each(requestFixtures)('$name: $about', ({ request, canonical }) => {
    // Exactly, undefined fields too: what is made of it is JSON.
    expect(decodeResponsesRequest(request)).toStrictEqual(canonical);
  });

  it('equal tools of several requests are translated once', () => {
    const tools = Object.freeze([{ type: 'function', name: 'f', parameters: {}, strict: false }]);
    const first = decodeResponsesRequest({ model: 'm', input: 'a', tools });
    const second = decodeResponsesRequest({ model: 'm', input: 'b', tools });
    expect(second.tools).toBe(first.tools);
    expect(Object.isFrozen(first.tools)).toBe(true);
    const other = decodeResponsesRequest({ model: 'm', input: 'a', tools: [...tools] });
    expect(other.tools).toEqual(first.tools);
    expect(other.tools).not.toBe(first.tools);
  });

  it('what was sent stays the same when the conversation grows', () => {
    const item = fc.oneof(
      fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.string({ minLength: 1 }) }),
      fc.record({
        type: fc.constant('reasoning'),
        id: fc.constant('rs_1'),
        summary: fc.constant([]),
        encrypted_content: fc.constant('gAAAA'),
      }),
      fc.record({
        type: fc.constant('function_call'),
        call_id: fc.constantFrom('a', 'b'),
        name: fc.constant('f'),
        arguments: fc.constantFrom('', '{}', '{"x":1}', 'x'),
      }),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 12 }), fc.array(item, { maxLength: 12 }), (before, after) => {
        const start = [{ role: 'user', content: 'a' }, ...before, { role: 'user', content: 'b' }];
        const { messages } = decodeInput(start);
        const grown = decodeInput([...start, { role: 'assistant', content: 'c' }, ...after]).messages;
        expect(JSON.stringify(grown.slice(0, messages.length))).toBe(JSON.stringify(messages));
      }),
    );
  });
});

describe('what cannot be translated is refused by its name', () => {
  it.each([
    ['body', 5],
    ['model', { input: 'a' }],
    ['input', { model: 'm' }],
    ['input', { model: 'm', input: ' ' }],
    ['input', { model: 'm', input: [] }],
    ['input', { model: 'm', input: { role: 'user' } }],
    ['input[0]', { model: 'm', input: ['a'] }],
    ['instructions', { model: 'm', input: 'a', instructions: ['a'] }],
    ['tools', { model: 'm', input: 'a', tools: {} }],
    ['tools[0].type', { model: 'm', input: 'a', tools: [{ name: 'f' }] }],
    ['tools[0].name', { model: 'm', input: 'a', tools: [{ type: 'function' }] }],
    ['tools[0].parameters', { model: 'm', input: 'a', tools: [{ type: 'function', name: 'f', parameters: 'x' }] }],
    [
      'tools[0].tools[1]',
      { model: 'm', input: 'a', tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'custom', name: 'c' }, 1] }] },
    ],
    ['tool_choice', { model: 'm', input: 'a', tool_choice: 'any' }],
    ['tool_choice.name', { model: 'm', input: 'a', tool_choice: { type: 'function' } }],
    ['tool_choice.tools[0]', { model: 'm', input: 'a', tool_choice: { type: 'allowed_tools', tools: ['f'] } }],
    ['max_output_tokens', { model: 'm', input: 'a', max_output_tokens: '1' }],
    ['reasoning.effort', { model: 'm', input: 'a', reasoning: { effort: 1 } }],
    ['text.format.type', { model: 'm', input: 'a', text: { format: { type: 'xml' } } }],
    ['text.format.name', { model: 'm', input: 'a', text: { format: { type: 'json_schema', schema: {} } } }],
  ])('%s', (field, body) => {
    expect(errorOf(() => decodeResponsesRequest(body))).toMatchObject({ code: 'invalid_field', field, status: 400 });
  });

  it.each([
    ['input[1].role', { role: 'tool', content: 'x' }],
    ['input[1].content', { role: 'user' }],
    ['input[1].content[0].text', { role: 'user', content: [{ type: 'input_text' }] }],
    ['input[1].content[0].image_url', { role: 'user', content: [{ type: 'input_image', image_url: 'file:///a' }] }],
    [
      'input[1].content[0].image_url',
      { role: 'user', content: [{ type: 'input_image', image_url: 'data:image/tiff;base64,AA' }] },
    ],
    ['input[1].content', { role: 'assistant', content: [{ type: 'input_image', image_url: 'https://example.com/a' }] }],
    ['input[1].content', { role: 'developer', content: [{ type: 'input_image', image_url: 'https://example.com/a' }] }],
    ['input[1].arguments', { type: 'function_call', call_id: 'a', name: 'f' }],
    ['input[1].name', { type: 'function_call', call_id: 'a', arguments: '{}' }],
    ['input[1].call_id', { type: 'function_call', call_id: '', name: 'f', arguments: '{}' }],
    ['input[1].call_id', { type: 'function_call_output', output: 'x' }],
    ['input[1].output', { type: 'function_call_output', call_id: 'a' }],
    ['input[1].input', { type: 'custom_tool_call', call_id: 'a', name: 'f' }],
  ])('%s of %j', (field, item) => {
    expect(errorOf(() => decodeInput([{ role: 'user', content: 'a' }, item]))).toMatchObject({
      code: 'invalid_field',
      field,
    });
  });

  it.each([
    ['input[0].content[0].file_id', { role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }],
    ['input[0].content[0].file_id', { role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }],
    ['input[0].content[0].type', { role: 'user', content: [{ type: 'input_audio' }] }],
    ['input[0]', { type: 'item_reference', id: 'msg_1' }],
    ['input[0]', { id: 'msg_1' }],
    ['input[0]', { type: 'compaction', encrypted_content: 'x' }],
    ['input[0]', { type: 'mcp_approval_response', approval_request_id: 'x', approve: true }],
    ['input[0].type', { type: 'something_new' }],
  ])('%s of %j: it would be lost without a word', (field, item) => {
    expect(errorOf(() => decodeInput([item]))).toMatchObject({ code: 'unsupported_content', field, status: 400 });
  });

  it('a reference is answered with what to do', () => {
    expect(errorOf(() => decodeInput([{ id: 'rs_1' }])).message).toContain('store: false and the whole items');
  });
});

describe('state that nobody keeps', () => {
  const body = (fields: object): RequestBody => new RequestBody(Buffer.from(JSON.stringify({ model: 'm', ...fields })));

  it.each([
    ['previous_response_id', 'resp_1'],
    ['conversation', { id: 'conv_1' }],
    ['background', true],
    ['prompt', { id: 'pmpt_1' }],
  ])('%s is refused, before and after decoding', (field, value) => {
    const refused = { code: 'state_not_kept', field, status: 400, retryable: false };
    expect(errorOf(() => refuseKeptState(body({ input: 'a', [field]: value })))).toMatchObject(refused);
    expect(errorOf(() => decodeResponsesRequest({ model: 'm', input: 'a', [field]: value }))).toMatchObject(refused);
  });
  it('says what to do instead', () => {
    expect(errorOf(() => refuseKeptState(body({ previous_response_id: 'resp_1' }))).message).toBe(
      'previous_response_id: CProxy keeps no answers. Send the whole conversation as input, with store: false.',
    );
  });
  it('fields that say nothing pass', () => {
    const nothing = {
      input: 'a',
      previous_response_id: null,
      conversation: null,
      background: false,
      prompt: null,
      store: true,
    };
    expect(() => refuseKeptState(body(nothing))).not.toThrow();
    expect(() => decodeResponsesRequest({ model: 'm', ...nothing })).not.toThrow();
  });
});
