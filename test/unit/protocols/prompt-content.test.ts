import { describe, expect, it } from 'vitest';
import type { ContentBlock, MessagesRequest } from '../../../src-main/protocols/canonical.ts';
import { promptContent } from '../../../src-main/protocols/prompt-content.ts';

type Prompt = Parameters<typeof promptContent>[0];
const user: Prompt = { messages: [{ role: 'user', content: 'Hi' }] };
const said = (...content: ContentBlock[]): Prompt => ({ messages: [{ role: 'assistant', content }] });
const all = (prompt: Prompt): string => {
  const { texts, tools } = promptContent(prompt);
  return [...texts, ...tools].join('\n');
};

describe('what a model reads of a request', () => {
  // Left out, clients take a full window for a third of one (musistudio/claude-code-router issue 1202, decolua/9router 2337).
  it.each<[string, Prompt]>([
    ['a system prompt', { ...user, system: 'WORD' }],
    ['one in blocks', { ...user, system: [{ type: 'text', text: 'WORD' }] }],
    ['a message', { messages: [{ role: 'user', content: 'WORD' }] }],
    ['a text', said({ type: 'text', text: 'WORD' })],
    ['thinking', said({ type: 'thinking', thinking: 'WORD', signature: '' })],
    ["a call's name", said({ type: 'tool_use', id: 't', name: 'WORD', input: {} })],
    ["a call's input", said({ type: 'tool_use', id: 't', name: 'A', input: { path: ['WORD'] } })],
    ['a call of a server tool', said({ type: 'server_tool_use', id: 't', name: 'A', input: { query: 'WORD' } })],
    ['a result', said({ type: 'tool_result', tool_use_id: 't', content: 'WORD' })],
    ['one in blocks', said({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'WORD' }] })],
    [
      'a found page',
      said({ type: 'search_result', source: 's', title: 't', content: [{ type: 'text', text: 'WORD' }] }),
    ],
    [
      'what a search has found',
      said({
        type: 'web_search_tool_result',
        tool_use_id: 't',
        content: [{ type: 'web_search_result', url: 'u', title: 'WORD', encrypted_content: 'secret', page_age: null }],
      }),
    ],
    ['the name of a tool that was found', said({ type: 'tool_reference', tool_name: 'WORD' })],
    [
      'a document in text',
      said({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'WORD' } }),
    ],
    [
      'one of blocks',
      said({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'WORD' }] } }),
    ],
    ["a document's title", said({ type: 'document', title: 'WORD', source: { type: 'url', url: 'u' } })],
    ['a block that nobody knows', said({ type: 'of_tomorrow', inside: 'WORD' } as unknown as ContentBlock)],
    ["a tool's name", { ...user, tools: [{ name: 'WORD', input_schema: {} }] }],
    ["a tool's description", { ...user, tools: [{ name: 'a', description: 'WORD', input_schema: {} }] }],
    ["a tool's schema", { ...user, tools: [{ name: 'a', input_schema: { properties: { WORD: {} } } }] }],
    [
      'a tool of the provider',
      { ...user, tools: [{ name: 'search', type: 'web_search_20250305', filters: 'WORD' }] as never },
    ],
    [
      "a free-text tool's grammar",
      { ...user, tools: [{ name: 'a', openai: { custom: { format: { definition: 'WORD' } } } }] },
    ],
    ["the answer's form", { ...user, output_config: { format: { type: 'json_schema', schema: { title: 'WORD' } } } }],
    [
      'the same in the words of OpenAI',
      { ...user, openai: { format: { type: 'json_schema', name: 'n', schema: { title: 'WORD' } } } },
    ],
  ])('holds %s', (_, prompt) => {
    expect(all(prompt)).toContain('WORD');
  });

  it.each<[string, Prompt]>([
    ['signatures', said({ type: 'thinking', thinking: 'x', signature: 'WORD' })],
    ['encrypted thinking', said({ type: 'redacted_thinking', data: 'WORD' })],
    [
      'encrypted pages',
      said({
        type: 'web_search_tool_result',
        tool_use_id: 't',
        content: [{ type: 'web_search_result', url: 'u', title: 't', encrypted_content: 'WORD', page_age: null }],
      }),
    ],
    ['cache marks', said({ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: 'WORD' as '1h' } })],
    ["Claude Code's billing block", { ...user, system: [{ type: 'text', text: 'x-anthropic-billing-header: WORD' }] }],
    ['media', said({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'WORD' } })],
  ])('holds no %s', (_, prompt) => {
    expect(all(prompt)).not.toContain('WORD');
  });

  it('gives images and documents, those in results too', () => {
    const image: ContentBlock = { type: 'image', source: { type: 'url', url: 'u' } };
    const pdf: ContentBlock = {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
    };
    const { images, documents } = promptContent(
      said(image, { type: 'tool_result', tool_use_id: 't', content: [image, pdf] }),
    );
    expect(images).toHaveLength(2);
    expect(documents).toEqual([pdf]);
  });

  it('counts messages, calls and results', () => {
    const prompt: Pick<MessagesRequest, 'messages'> = {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'A', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't' }] },
      ],
    };
    expect(promptContent(prompt)).toMatchObject({ messages: 3, steps: 2 });
  });

  it('takes null for what may be left out', () => {
    const prompt = { messages: [{ role: 'user', content: null }], system: null, tools: null } as unknown as Prompt;
    expect(promptContent(prompt)).toMatchObject({ texts: [], tools: [], images: [], documents: [] });
  });

  it('tells a model without the schemas of typed tools what it is told of them', () => {
    expect(all({ ...user, tools: [{ name: 'bash', type: 'bash_20250124' }] })).toContain('command');
  });
});
