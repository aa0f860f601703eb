import { describe, expect, it } from 'vitest';
import type { MessagesRequest, Tool } from '../../../../src-main/protocols/canonical.ts';
import type { EncodeTarget, Quirks } from '../../../../src-main/protocols/codec.ts';
import { encodeRequest } from '../../../../src-main/protocols/openai-chat/request.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

type Changes = Partial<Omit<EncodeTarget, 'quirks'>> & { quirks?: Partial<Quirks> };

function encode(fields: Partial<MessagesRequest>, changes: Changes = {}) {
  const request: MessagesRequest = { model: 'asked', messages: [{ role: 'user', content: 'hi' }], ...fields };
  const { body, warnings } = encodeRequest(request, encodeTarget(changes));
  return { body: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>, warnings };
}

describe('equal tools for several targets', () => {
  const tools: readonly Tool[] = Object.freeze([
    {
      name: '1st',
      input_schema: { type: 'object', properties: { a: { const: 'x' } } },
      cache_control: { type: 'ephemeral' },
    },
    { name: '2nd', input_schema: { type: 'object', properties: {} } },
  ] as const);
  const toolsFor = (changes: Changes) => encode({ tools: tools as Tool[] }, changes).body.tools;

  it('are translated for each as it takes them, in whatever order they come', () => {
    const full = toolsFor({});
    expect(toolsFor({ quirks: { toolSchema: 'gemini' } })).toMatchObject([
      { function: { name: '_1st', parameters: { properties: { a: { enum: ['x'] } } } } },
      { function: { name: '_2nd' } },
    ]);
    expect(toolsFor({ quirks: { toolLimit: 1 } })).toHaveLength(1);
    const marked = { quirks: { cacheMarks: 'cache_control' as const } };
    expect(toolsFor(marked)).toMatchObject([{ cache_control: { type: 'ephemeral' } }, {}]);
    expect(toolsFor({ ...marked, refused: new Set(['cache_control']) })).toEqual(full);
    expect(toolsFor({})).toEqual(full);
    expect(JSON.stringify(full)).not.toContain('cache_control');
  });
});

describe('what a model has refused', () => {
  it('is a mark on any part where it was one', () => {
    const content: MessagesRequest['messages'][number]['content'] = [
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
    ];
    const quirks = { cacheMarks: 'prompt_cache_breakpoint' as const };
    const messages: MessagesRequest['messages'] = [{ role: 'user', content }];
    expect(JSON.stringify(encode({ messages }, { quirks }).body)).toContain('prompt_cache_breakpoint');
    const refused = new Set(['prompt_cache_breakpoint']);
    expect(encode({ messages }, { quirks, refused }).body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
    ]);
  });

  it('is the length of the answer under both names', () => {
    const refused = new Set(['max_tokens', 'max_completion_tokens']);
    expect(Object.keys(encode({ max_tokens: 5 }, { refused }).body)).toEqual(['model', 'messages']);
    expect(
      encode(
        { max_tokens: 5 },
        { refused: new Set(['max_completion_tokens']), quirks: { maxTokensField: 'max_completion_tokens' } },
      ).body,
    ).toHaveProperty('max_tokens', 5);
  });

  it('leaves stop sequences to be found in the answer', () => {
    const request: MessagesRequest = { model: 'm', messages: [], stop_sequences: ['a', 'b'] };
    const { body, stopSequences } = encodeRequest(request, encodeTarget({ refused: new Set(['stop']) }));
    expect(Buffer.from(body).toString()).not.toContain('stop');
    expect(stopSequences).toEqual(['a', 'b']);
  });
});

describe('web search', () => {
  const search = {
    type: 'web_search_20250305',
    name: 'web_search',
    user_location: { type: 'approximate', city: 'Ulm' },
  };

  it("is OpenAI's own with its models that search, and missing with others", () => {
    const openai = { quirks: { isOpenai: true, searchesWeb: true } };
    expect(encode({ tools: [search] }, { ...openai, model: 'gpt-4o-search-preview' }).body).toMatchObject({
      web_search_options: { user_location: { type: 'approximate', approximate: { city: 'Ulm' } } },
    });
    expect(() => encode({ tools: [search] }, { ...openai, model: 'gpt-5.6-sol' })).toThrow(
      expect.objectContaining({ code: 'server_tool_unsupported' }),
    );
  });

  it("is OpenRouter's plugin beside other tools, also where OpenAI's is asked for", () => {
    const builtin: Tool = { name: 'web_search', type: 'openai_builtin', openai: { builtin: { type: 'web_search' } } };
    const { body, warnings } = encode(
      { tools: [builtin, { name: 'Read', input_schema: { type: 'object' } }] },
      { quirks: { searchesWeb: true } },
    );
    expect(body).toMatchObject({ plugins: [{ id: 'web' }], tools: [{ function: { name: 'Read' } }] });
    expect(warnings).toEqual([]);
  });
});

describe('who asks', () => {
  it('is told in the words of the client, where it has some', () => {
    const fields = { metadata: { user_id: 'u' }, openai: { shared: { user: 'u', prompt_cache_key: 'k' } } };
    expect(encode(fields, { quirks: { isOpenai: true }, session: 's' }).body).toMatchObject({
      user: 'u',
      prompt_cache_key: 'k',
    });
    expect(encode(fields, { quirks: { isOpenai: true } }).body).not.toHaveProperty('safety_identifier');
  });

  it('is no conversation where the id only looks like one', () => {
    for (const user_id of ['{"session_id":', '{"session_id":7}', '{}', 'plain'])
      expect(encode({ metadata: { user_id } }, { quirks: { isOpenai: true } }).body).not.toHaveProperty(
        'prompt_cache_key',
      );
    const long = 'x'.repeat(65);
    expect(encode({}, { session: long, quirks: { isOpenai: true } }).body.prompt_cache_key).toMatch(/^[0-9a-f]{64}$/);
  });
});
