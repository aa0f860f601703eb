import { describe, expect, it } from 'vitest';
import type { MessagesRequest } from '../../../../src-main/protocols/canonical.ts';
import { type ModelFacts, type Quirks, unknownModel } from '../../../../src-main/protocols/codec.ts';
import { reasoningSettings } from '../../../../src-main/protocols/openai-chat/reasoning-settings.ts';
import { isOpenaiReasoner } from '../../../../src-main/protocols/openai-models.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

interface Given {
  model?: string;
  quirks?: Partial<Quirks>;
  facts?: Partial<ModelFacts>;
  tools?: boolean;
  forced?: boolean;
  limit?: number;
}

function settings(
  format: Quirks['reasoningFormat'],
  fields: Partial<MessagesRequest>,
  { model = 'm', quirks, facts, tools = false, forced = false, limit }: Given = {},
) {
  const warnings = new Set<string>();
  const target = encodeTarget({
    model,
    quirks: { reasoningFormat: format, ...quirks },
    facts: { ...unknownModel, ...facts },
  });
  const request: MessagesRequest = { model: 'm', messages: [], ...fields };
  return { ...reasoningSettings(request, target, { tools, forced }, limit, warnings), warnings: warnings.size };
}

const off = { thinking: { type: 'disabled' as const } };
const adaptive = { thinking: { type: 'adaptive' as const } };
const budget = (budget_tokens: number) => ({ thinking: { type: 'enabled' as const, budget_tokens } });
const effort = (value: 'low' | 'high' | 'max') => ({ output_config: { effort: value } });

describe('how hard a model is to think', () => {
  it.each<[Quirks['reasoningFormat'], Partial<MessagesRequest>, object]>([
    ['none', effort('high'), {}],
    ['reasoning_effort', {}, {}],
    ['reasoning_effort', adaptive, {}],
    ['reasoning_effort', off, { reasoning_effort: 'none' }],
    ['reasoning_effort', { ...budget(1024), ...effort('high') }, { reasoning_effort: 'high' }],
    ['reasoning_effort', { ...effort('low'), openai: { effort: 'minimal' } }, { reasoning_effort: 'minimal' }],
    ['reasoning', {}, {}],
    ['reasoning', adaptive, { reasoning: { enabled: true } }],
    ['reasoning', off, { reasoning: { effort: 'none' } }],
    ['reasoning', budget(2000), { reasoning: { max_tokens: 2000 } }],
    ['reasoning', { ...budget(2000), ...effort('high') }, { reasoning: { effort: 'high' } }],
    ['reasoning', { openai: { effort: 'high', summary: 'auto' } }, { reasoning: { effort: 'high', summary: 'auto' } }],
    ['reasoning', { openai: { summary: 'auto' } }, { reasoning: { summary: 'auto' } }],
    ['thinking', {}, {}],
    ['thinking', adaptive, { thinking: { type: 'enabled' } }],
    ['thinking', off, { thinking: { type: 'disabled' } }],
    ['thinking', effort('low'), { thinking: { type: 'enabled' } }],
    ['enable_thinking', {}, {}],
    ['enable_thinking', adaptive, { enable_thinking: true }],
    ['enable_thinking', off, { enable_thinking: false }],
    ['chat_template_kwargs', {}, {}],
    ['chat_template_kwargs', adaptive, { chat_template_kwargs: { enable_thinking: true } }],
    ['chat_template_kwargs', off, { chat_template_kwargs: { enable_thinking: false } }],
    ['chat_template_kwargs', effort('low'), { chat_template_kwargs: { enable_thinking: true } }],
  ])('is told as %s: %j', (format, fields, wanted) => {
    expect(settings(format, fields)).toEqual({ ...wanted, warnings: 0 });
  });

  it('is not told to a model that cannot think', () => {
    for (const format of [
      'reasoning_effort',
      'reasoning',
      'thinking',
      'enable_thinking',
      'chat_template_kwargs',
    ] as const)
      expect(settings(format, effort('high'), { facts: { reasoning: false } })).toEqual({ warnings: 0 });
  });

  it('is the nearest that the model has', () => {
    const facts: Partial<ModelFacts> = { reasoning: true, efforts: ['low', 'high'] };
    expect(settings('reasoning_effort', effort('max'), { facts })).toMatchObject({ reasoning_effort: 'high' });
    expect(settings('reasoning_effort', off, { facts })).toMatchObject({ reasoning_effort: 'low' });
    expect(settings('reasoning', off, { facts })).toMatchObject({ reasoning: { effort: 'low' } });
    expect(settings('thinking', effort('max'), { facts })).toMatchObject({
      thinking: { type: 'enabled' },
      reasoning_effort: 'high',
    });
  });

  it('leaves room for the answer, and is an effort where the budget would be too small', () => {
    expect(settings('reasoning', budget(31_999), { limit: 10_000 })).toMatchObject({ reasoning: { max_tokens: 8000 } });
    expect(settings('reasoning', budget(4000), { limit: 1200 })).toMatchObject({ reasoning: { effort: 'low' } });
  });

  it('is not at all where DeepSeek must call a tool', () => {
    expect(settings('thinking', {}, { forced: true })).toEqual({ thinking: { type: 'disabled' }, warnings: 0 });
    expect(settings('thinking', adaptive, { forced: true })).toEqual({ thinking: { type: 'disabled' }, warnings: 1 });
  });

  it('is none where OpenAI refuses it beside tools, and nothing where the model does not reason', () => {
    const openai = { quirks: { isOpenai: true }, tools: true };
    expect(settings('reasoning_effort', effort('high'), { ...openai, model: 'openai/gpt-6.1-sol' })).toEqual({
      reasoning_effort: 'none',
      warnings: 1,
    });
    expect(settings('reasoning_effort', {}, { ...openai, model: 'gpt-5.4' })).toMatchObject({
      reasoning_effort: 'none',
    });
    expect(settings('reasoning_effort', effort('high'), { ...openai, model: 'gpt-5.3-codex' })).toMatchObject({
      reasoning_effort: 'high',
    });
    expect(settings('reasoning_effort', effort('high'), { ...openai, tools: false, model: 'gpt-6-sol' })).toMatchObject(
      {
        reasoning_effort: 'high',
      },
    );
    expect(settings('reasoning_effort', effort('high'), { ...openai, model: 'gpt-4.1' })).toEqual({ warnings: 0 });
  });

  it.each([
    ['o4-mini', true],
    ['gpt-5', true],
    ['gpt-10-sol', true],
    ['gpt-5-chat-latest', false],
    ['gpt-4o', false],
  ])('knows %s by its name where the catalogue does not', (model, reasons) => {
    expect(isOpenaiReasoner(encodeTarget({ model, quirks: { isOpenai: true } }))).toBe(reasons);
    expect(isOpenaiReasoner(encodeTarget({ model }))).toBe(false);
    const facts = { ...unknownModel, reasoning: !reasons };
    expect(isOpenaiReasoner(encodeTarget({ model, quirks: { isOpenai: true }, facts }))).toBe(!reasons);
  });
});
