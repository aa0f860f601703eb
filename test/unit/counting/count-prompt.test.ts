import { describe, expect, it } from 'vitest';
import { countPrompt } from '../../../src-main/counting/count-prompt.ts';
import { TextCounter } from '../../../src-main/counting/count-text.ts';
import type { PromptFeatures } from '../../../src-main/counting/prompt-features.ts';
import type { ContentBlock, MessagesRequest } from '../../../src-main/protocols/canonical.ts';
import { pngOf } from '../../helpers/counting-accuracy.ts';

const count = (
  content: string | ContentBlock[],
  rest: Partial<MessagesRequest> = {},
  model = 'gpt-6',
): PromptFeatures =>
  countPrompt({ model: 'm', messages: [{ role: 'user', content }], ...rest }, model, new TextCounter());
const image = (data: string, detail?: string): ContentBlock => ({
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data },
  ...(detail === undefined ? {} : { openai: { detail } }),
});
const pdf = (pages: number): ContentBlock => ({
  type: 'document',
  source: {
    type: 'base64',
    media_type: 'application/pdf',
    data: Buffer.from('<< /Type /Page >>'.repeat(pages)).toString('base64'),
  },
});

describe('what a prompt is made of', () => {
  it('tells words, numbers and other scripts apart', () => {
    const features = count('There are 12345 of them: 数据库连接');
    expect(features).toMatchObject({ numbers: 2, tools: 0, media: 0 });
    expect(features.text).toBeGreaterThan(3);
    expect(features.foreign).toBeGreaterThan(1);
  });

  it('counts tools by themselves, and that there are any', () => {
    const tools = [{ name: 'Read', description: 'Reads a file.', input_schema: { type: 'object' } }];
    const without = count('Hi');
    const withTools = count('Hi', { tools });
    expect(withTools).toMatchObject({ text: without.text });
    expect(withTools.tools).toBeGreaterThan(10);
    // Anthropic, "Pricing": 346 tokens for Claude 4.
    expect(count('Hi', { tools }, 'claude-opus-4-6').frame - without.frame).toBe(346);
    expect(withTools.frame).toBeGreaterThan(without.frame);
  });

  it('counts images by their size and the model, and pages of documents', () => {
    expect(count([image(pngOf(1024, 1024))]).media).toBe(1229);
    expect(count([image(pngOf(1024, 1024))], {}, 'claude-opus-5-5').media).toBe(1369);
    expect(count([image(pngOf(4032, 3024), 'high')]).media).toBe(2942);
    expect(count([image('AAAA')]).media).toBe(1600);
    expect(count([{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }]).media).toBe(1600);
    expect(count([pdf(3)]).media).toBe(9000);
    expect(count([{ type: 'document', source: { type: 'file', file_id: 'f' } }]).media).toBe(3000);
  });

  it('counts what stands around messages, calls and results', () => {
    const call: ContentBlock = { type: 'tool_use', id: 't', name: 'A', input: {} };
    expect(count([call]).frame).toBeGreaterThan(count([{ type: 'text', text: 'A' }]).frame);
    const two = {
      messages: [
        { role: 'user' as const, content: 'a' },
        { role: 'user' as const, content: 'b' },
      ],
    };
    expect(count('', two).frame).toBeGreaterThan(count('a').frame);
  });
});
