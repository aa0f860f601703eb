import { describe, expect, it } from 'vitest';
import type { ContentBlock, MessagesRequest } from '../../../src-main/protocols/canonical.ts';
import {
  estimateTokens,
  estimateTokensOfBody,
  estimateTokensOfBytes,
  estimateTokensOfRequest,
} from '../../../src-main/protocols/estimate-tokens.ts';

/** Of the body that holds nothing but these blocks. */
function estimate(...content: ContentBlock[]): number {
  const request: Pick<MessagesRequest, 'messages'> = { messages: [{ role: 'user', content }] };
  return estimateTokensOfRequest(JSON.stringify(request).length, request);
}

const text: ContentBlock = { type: 'text', text: 'x'.repeat(4000) };
const media = (type: 'image' | 'document', characters: number): ContentBlock => ({
  type,
  source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(characters) },
});

describe('the quick estimate of a request', () => {
  it('is a token for four bytes of text', () => {
    expect(estimate(text)).toBe(estimateTokensOfBytes(4000 + 67));
  });

  it('does not take base64 for text, wherever it stands', () => {
    const small = estimate(media('image', 4));
    expect(small).toBeLessThan(2000);
    expect(estimate(media('image', 2_000_000))).toBe(small);
    expect(estimate(media('document', 2_000_000))).toBe(estimate(media('document', 4)));
    const read: ContentBlock = { type: 'tool_result', tool_use_id: 't', content: [media('image', 2_000_000)] };
    expect(estimate(read)).toBeLessThan(2000);
    expect(estimate(read, text) - estimate(read)).toBeGreaterThan(1000);
  });

  it('counts each image', () => {
    expect(estimate(media('image', 4), media('image', 4))).toBeGreaterThan(3000);
  });
});

describe('the estimate from the bytes alone', () => {
  const data = Buffer.alloc(150_000, 'some bytes').toString('base64');
  const body = (content: unknown, spaces?: number): Buffer =>
    Buffer.from(JSON.stringify({ messages: [{ role: 'user', content }] }, null, spaces));
  const url = `data:image/png;base64,${data}`;

  it.each<[string, Buffer]>([
    ["Anthropic's", body([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }])],
    ['the same with spaces', body([{ type: 'image', source: { data, type: 'base64', media_type: 'image/png' } }], 1)],
    ["OpenAI's", body([{ type: 'image_url', image_url: { url } }])],
    ["Responses'", body([{ type: 'input_image', image_url: url }])],
  ])('does not take base64 for text: %s', (_, raw) => {
    expect(estimateTokensOfBody(raw)).toBeGreaterThan(1500);
    expect(estimateTokensOfBody(raw)).toBeLessThan(2000);
  });

  it('takes text for text, also where it is called data, quotes base64, or is cut off', () => {
    const words = 'some words '.repeat(2000);
    const text = body([{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: words } }]);
    expect(estimateTokensOfBody(text)).toBe(estimateTokensOfBytes(text.length));
    const chinese = '代码审查是一种系统性的检查过程，'.repeat(200);
    const document = body([{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: chinese } }]);
    expect(estimateTokensOfBody(document)).toBe(estimateTokensOfBytes(document.length));
    const quoted = body(`{"data":"${words}"} ;base64,${words}`);
    expect(estimateTokensOfBody(quoted)).toBe(estimateTokensOfBytes(quoted.length));
    const cut = text.subarray(0, 300);
    expect(estimateTokensOfBody(cut)).toBe(estimateTokensOfBytes(300));
  });

  it('counts each image', () => {
    const images = Array.from({ length: 3 }, () => ({ type: 'image_url', image_url: { url } }));
    expect(estimateTokensOfBody(body(images))).toBeGreaterThan(3 * 1500);
  });
});

describe('the estimate that counting asks for', () => {
  const words = 'words '.repeat(700);
  const base: Pick<MessagesRequest, 'messages'> = { messages: [{ role: 'user', content: 'Hi' }] };
  const withBlock = (block: ContentBlock) => ({ messages: [{ role: 'assistant' as const, content: [block] }] });

  // Left out, clients take a full window for a third of one (musistudio/claude-code-router issue 1202, decolua/9router 2337).
  it.each<[string, Parameters<typeof estimateTokens>[0]]>([
    ['the system prompt', { ...base, system: words }],
    ['tools', { ...base, tools: [{ name: 'A', description: words, input_schema: {} }] }],
    ['thinking', withBlock({ type: 'thinking', thinking: words, signature: '' })],
    ['calls', withBlock({ type: 'tool_use', id: 'a', name: 'A', input: { words } })],
    ['results', withBlock({ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: words }] })],
    ['images', withBlock(media('image', 4))],
    ['documents', withBlock({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: words } })],
  ])('holds %s', (_, request) => {
    expect(estimateTokens(request)).toBeGreaterThan(estimateTokens(base) + 1000);
  });
});
