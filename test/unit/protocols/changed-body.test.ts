import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedMessages } from '../../../src-main/protocols/anthropic/changed-body.ts';
import { type ModelFacts, type Quirks, unknownModel } from '../../../src-main/protocols/codec.ts';
import { isBlank } from '../../../src-main/protocols/content-text.ts';
import { changedChat } from '../../../src-main/protocols/openai-chat/changed-body.ts';
import { changedResponses } from '../../../src-main/protocols/openai-responses/changed-body.ts';
import type { BodyChanges, ChangeTarget } from '../../../src-main/protocols/request-changes.ts';
import { defaultQuirks } from '../../../src-main/providers/quirks.ts';

const bodies = { anthropic: changedMessages, chat: changedChat, responses: changedResponses };

interface Given {
  model?: string;
  facts?: Partial<ModelFacts>;
  quirks?: Partial<Quirks>;
  refused?: string[];
  passesThrough?: boolean;
}

function targetOf({ model = 'some-model', facts, quirks, refused = [], passesThrough = true }: Given): ChangeTarget {
  return {
    model,
    facts: { ...unknownModel, ...facts },
    quirks: { ...defaultQuirks, ...quirks },
    refused: new Set(refused),
    passesThrough,
  };
}

function change(dialect: keyof typeof bodies, body: string | object, changes: BodyChanges, target: Given = {}) {
  const raw = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const before = Buffer.from(raw);
  const { bytes, told } = bodies[dialect](raw, changes, targetOf(target));
  expect(raw).toEqual(before);
  return { text: bytes.toString(), json: JSON.parse(bytes.toString()) as Record<string, unknown>, told };
}

describe('the most tokens of an answer', () => {
  it.each([
    ['anthropic', '{ "max_tokens": 32000, "messages":[] }', '{ "max_tokens": 4096, "messages":[] }'],
    ['anthropic', '{"messages":[]}', '{"messages":[],"max_tokens":4096}'],
    ['chat', '{"max_tokens":1e3,"messages":[]}', '{"max_tokens":4096,"messages":[]}'],
    ['chat', '{"max_completion_tokens":9,"x":1.0}', '{"max_completion_tokens":4096,"x":1.0}'],
    ['chat', '{"max_completion_tokens":null}', '{"max_completion_tokens":null,"max_tokens":4096}'],
    ['responses', '{"max_output_tokens":1,"input":""}', '{"max_output_tokens":4096,"input":""}'],
  ] as const)('%s: %s', (dialect, body, expected) => {
    expect(change(dialect, body, { maxTokens: 4096 }, { quirks: { maxTokensField: 'max_tokens' } }).text).toBe(
      expected,
    );
  });
  it('is said by the name that the server knows', () => {
    const { json } = change('chat', {}, { maxTokens: 5 }, { quirks: { maxTokensField: 'max_completion_tokens' } });
    expect(json).toEqual({ max_completion_tokens: 5 });
  });
  it('is no more than the model can write', () => {
    const { json, told } = change(
      'anthropic',
      { max_tokens: 32_000 },
      { maxTokens: 9000 },
      { facts: { maxOutput: 4096 } },
    );
    expect(json.max_tokens).toBe(4096);
    expect(told).toEqual(['max tokens 4,096 (the model writes no more) instead of 32,000']);
  });
  it('leaves a budget for thinking its part', () => {
    const body = { max_tokens: 32_000, thinking: { type: 'enabled', budget_tokens: 16_000 } };
    const target = { model: 'claude-sonnet-4-5' };
    expect(change('anthropic', body, { maxTokens: 8000 }, target).json.thinking).toEqual({
      type: 'enabled',
      budget_tokens: 6000,
    });
    expect(change('anthropic', body, { maxTokens: 1200 }, target).json.thinking).toEqual({ type: 'disabled' });
  });
  it('is at least what OpenAI takes', () => {
    expect(change('responses', {}, { maxTokens: 1 }).json).toEqual({ max_output_tokens: 16 });
  });
});

describe('effort, in Messages', () => {
  const effort = (body: object, wanted: BodyChanges['effort'], target: Given) =>
    change('anthropic', { max_tokens: 32_000, ...body }, { effort: wanted }, target);

  it('changes the effort alone where the model thinks as it should', () => {
    const raw =
      '{"thinking": {"type":"adaptive", "display":"omitted"},"max_tokens":9,"output_config": {"effort":"low" }}';
    expect(change('anthropic', raw, { effort: 'high' }, { model: 'claude-opus-5-5' }).text).toBe(
      raw.replace('"low"', '"high"'),
    );
  });
  it('is the nearest that the model takes', () => {
    const { json, told } = effort({ thinking: { type: 'adaptive' } }, 'xhigh', { model: 'claude-opus-4-6' });
    expect(json.output_config).toEqual({ effort: 'high' });
    expect(told).toEqual(['effort high (the model does not take xhigh)']);
  });
  it('is a budget where the model knows nothing else, within the limit', () => {
    const target = { model: 'claude-sonnet-4-5' };
    expect(effort({}, 'high', target).json.thinking).toEqual({ type: 'enabled', budget_tokens: 10_000 });
    expect(effort({ max_tokens: 4000 }, 'high', target).json.thinking).toEqual({
      type: 'enabled',
      budget_tokens: 3000,
    });
  });
  it('takes out what is refused beside thinking that was not asked for', () => {
    const { json, told } = effort({ temperature: 0.2, top_k: 5 }, 'medium', { model: 'claude-sonnet-4-6' });
    expect(json).toEqual({
      max_tokens: 32_000,
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'medium' },
    });
    expect(told).toEqual([
      'effort medium',
      'temperature left out: the model thinks',
      'top_k left out: the model thinks',
    ]);
  });
  it('none switches thinking off, with all that goes with it', () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: 's' };
    const call = { type: 'tool_use', id: 't', name: 'Bash', input: { id: '12345678901234567890' } };
    const messages = [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: [thinking, call] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'ok' }] },
    ];
    const context_management = { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] };
    const { json, told } = effort(
      { messages, thinking: { type: 'adaptive' }, output_config: { effort: 'max' }, context_management },
      'none',
      { model: 'claude-sonnet-4-6' },
    );
    expect(json).toEqual({
      max_tokens: 32_000,
      messages: [messages[0], { role: 'assistant', content: [call] }, messages[2]],
      thinking: { type: 'disabled' },
      output_config: { effort: 'high' },
    });
    expect(told).toEqual(['thinking off']);
  });
  it('none changes nothing else where there is no thinking', () => {
    expect(
      change('anthropic', '{"a":1.0,"thinking":{"type":"adaptive"}}', { effort: 'none' }, { model: 'claude-haiku-5-0' })
        .text,
    ).toBe('{"a":1.0,"thinking":{"type":"disabled"}}');
  });
  it('none is the least where the model always thinks', () => {
    const { json, told } = effort({ thinking: { type: 'adaptive' } }, 'none', { model: 'claude-opus-5-5' });
    expect(json).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } });
    expect(told).toContain('The model always thinks; it was asked for the least.');
  });
  it('is left out where a call is demanded', () => {
    const raw = { max_tokens: 9, tool_choice: { type: 'any' } };
    const { json, told } = change('anthropic', raw, { effort: 'high' }, { model: 'claude-sonnet-4-6' });
    expect(json).toEqual(raw);
    expect(told).toEqual(['effort left out: the model does not think where it must call a tool']);
  });
  it('is left out where a loop that was begun without thinking goes on', () => {
    const messages = [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'Bash', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'ok' }] },
    ];
    const { json, told } = effort({ messages }, 'high', { model: 'claude-sonnet-4-5' });
    expect(json).not.toHaveProperty('thinking');
    expect(told).toEqual([expect.stringContaining('came without thinking')]);
  });
  it('is said in words that every codec reads, where it is translated', () => {
    const { json } = effort({ thinking: { type: 'enabled', budget_tokens: 5000 } }, 'max', {
      passesThrough: false,
      facts: { efforts: ['low', 'high'] },
    });
    expect(json).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: 'high' } });
    expect(effort({}, 'none', { passesThrough: false }).json.thinking).toEqual({ type: 'disabled' });
  });
});

describe('effort, in Chat Completions', () => {
  it.each([
    ['{"messages":[]}', { reasoningFormat: 'reasoning_effort' }, '{"messages":[],"reasoning_effort":"high"}'],
    [
      '{"reasoning_effort": "low","a":1.0}',
      { reasoningFormat: 'reasoning_effort' },
      '{"reasoning_effort": "high","a":1.0}',
    ],
    [
      '{"reasoning":{"exclude":true,"max_tokens":5}}',
      { reasoningFormat: 'reasoning' },
      '{"reasoning":{"exclude":true,"effort":"high"}}',
    ],
    ['{"reasoning_effort":"low"}', { reasoningFormat: 'thinking' }, '{"thinking":{"type":"enabled"}}'],
    [
      '{"chat_template_kwargs":{"x":1}}',
      { reasoningFormat: 'chat_template_kwargs' },
      '{"chat_template_kwargs":{"x":1,"enable_thinking":true}}',
    ],
    ['{"reasoning_effort":"low"}', { reasoningFormat: 'none' }, '{"reasoning_effort":"high"}'],
    ['{"a":1.0}', { reasoningFormat: 'none' }, '{"a":1.0}'],
  ] as const)('%s, told by %o', (body, quirks, expected) => {
    expect(change('chat', body, { effort: 'high' }, { quirks }).text).toBe(expected);
  });
  it('none beside tools is all that newer GPTs take', () => {
    const { json, told } = change(
      'chat',
      { tools: [{ type: 'function', function: { name: 'f' } }] },
      { effort: 'high' },
      { model: 'gpt-5.4', quirks: { isOpenai: true, reasoningFormat: 'reasoning_effort' }, facts: { reasoning: true } },
    );
    expect(json.reasoning_effort).toBe('none');
    expect(told).toContain('effort none (the model does not take high)');
  });
  it('is left out where the model cannot think', () => {
    const { json, told } = change('chat', {}, { effort: 'high' }, { facts: { reasoning: false } });
    expect(json).toEqual({});
    expect(told).toEqual(['effort left out: the model cannot think']);
  });
});

describe('effort, in Responses', () => {
  it('keeps what else is said of reasoning', () => {
    const raw = '{"reasoning": {"summary":"auto"},"input":[ ]}';
    expect(change('responses', raw, { effort: 'minimal' }).text).toBe(
      '{"reasoning": {"summary":"auto","effort":"minimal"},"input":[ ]}',
    );
  });
  it('is left out of what cannot think at OpenAI', () => {
    const target = { model: 'gpt-4.1', quirks: { isOpenai: true } };
    expect(change('responses', {}, { effort: 'low' }, target).json).toEqual({});
  });
});

describe('temperature', () => {
  it.each(['anthropic', 'chat', 'responses'] as const)('is changed in place, in %s', (dialect) => {
    const { text, told } = change(dialect, '{"b": 2e0,"temperature" :1,"a":[]}', { temperature: 0.5 });
    expect(text).toBe('{"b": 2e0,"temperature" :0.5,"a":[]}');
    expect(told).toEqual(['temperature 0.5 instead of 1']);
  });
  it.each([
    ['anthropic', { thinking: { type: 'adaptive' } }, { model: 'claude-sonnet-4-6' }, 'the model thinks'],
    ['anthropic', {}, { model: 'claude-opus-5-5' }, 'the model does not take it'],
    ['anthropic', {}, { refused: ['temperature'] }, 'the model has refused it before'],
    ['chat', {}, { model: 'gpt-5.4', quirks: { isOpenai: true } }, 'the model takes none while it thinks'],
    ['responses', {}, { model: 'o3', quirks: { isOpenai: true } }, 'the model takes none while it thinks'],
    ['responses', {}, { refused: ['temperature'] }, 'the model has refused it before'],
  ] as const)('is left out of %s %o for %o', (dialect, body, target, why) => {
    const given = { ...target, ...('refused' in target ? { refused: [...target.refused] } : {}) };
    const { json, told } = change(dialect, body, { temperature: 0.5 }, given as Given);
    expect(json).toEqual(body);
    expect(told).toEqual([`temperature left out: ${why}`]);
  });
  it('stands alone where the model takes only one, and is no more than there is', () => {
    const { json } = change('anthropic', { top_p: 0.9 }, { temperature: 1.5 }, { model: 'claude-sonnet-4-5' });
    expect(json).toEqual({ temperature: 1 });
  });
});

describe('text after the system prompt', () => {
  it.each([
    ['anthropic', '{"messages":[]}', '{"messages":[],"system":"Be kind."}'],
    ['anthropic', '{"system":" ","messages":[]}', '{"system":"Be kind.","messages":[]}'],
    [
      'anthropic',
      '{"system":"Old \\u00e9"}',
      '{"system":[{"type":"text","text":"Old \\u00e9"},{"type":"text","text":"Be kind."}]}',
    ],
    [
      'anthropic',
      '{"system":[ {"type":"text","text":"Old","cache_control":{"type":"ephemeral"}} ],"z":1.0}',
      '{"system":[ {"type":"text","text":"Old","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Be kind."} ],"z":1.0}',
    ],
    [
      'chat',
      '{"messages":[{"role":"user","content":"hi"}]}',
      '{"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}]}',
    ],
    ['chat', '{"messages":[]}', '{"messages":[{"role":"system","content":"Be kind."}]}'],
    [
      'chat',
      '{"messages": [ {"role":"system","content":"A"}, {"content":"B","role":"developer"},{"role":"user","content":"hi"},{"role":"system","content":"late"}]}',
      '{"messages": [ {"role":"system","content":"A"}, {"content":"B\\n\\nBe kind.","role":"developer"},{"role":"user","content":"hi"},{"role":"system","content":"late"}]}',
    ],
    [
      'chat',
      '{"messages":[{"role":"system","content":[{"type":"text","text":"A"}]}]}',
      '{"messages":[{"role":"system","content":[{"type":"text","text":"A"},{"type":"text","text":"Be kind."}]}]}',
    ],
    ['responses', '{"instructions":"A","input":"hi"}', '{"instructions":"A\\n\\nBe kind.","input":"hi"}'],
    ['responses', '{"instructions":null,"input":"hi"}', '{"instructions":"Be kind.","input":"hi"}'],
    ['responses', '{"input":"hi"}', '{"input":"hi","instructions":"Be kind."}'],
  ] as const)('%s: %s', (dialect, body, expected) => {
    expect(change(dialect, body, { system: 'Be kind.' }).text).toBe(expected);
  });
});

describe('whatever the request', () => {
  const text = fc.string({ unit: 'grapheme' });
  const blocks = fc.array(fc.record({ type: fc.constant('text'), text }), { minLength: 1, maxLength: 3 });
  const changes = fc.record(
    {
      maxTokens: fc.integer({ min: 16, max: 100_000 }),
      temperature: fc.constantFrom(0, 0.3, 1),
      system: text.filter((one) => one !== ''),
    },
    { requiredKeys: [] },
  );
  const rest = fc.dictionary(
    fc.string().filter((name) => name.startsWith('x')),
    fc.jsonValue({ depthSize: 'small' }),
  );

  it('what is meant is changed, what is before it keeps its bytes, and nothing else changes', () => {
    fc.assert(
      fc.property(
        rest,
        fc.option(fc.oneof(text, blocks, fc.constantFrom(' ', '\n', '')), { nil: undefined }),
        fc.array(fc.record({ role: fc.constantFrom('user', 'assistant'), content: text })),
        changes,
        fc.nat(2),
        (others, system, messages, wanted, indent) => {
          const body = { ...others, messages, max_tokens: 77, ...(system === undefined ? {} : { system }) };
          const raw = JSON.stringify(body, null, indent);
          const { text: changed, json } = change('anthropic', raw, wanted);
          const { system: now, max_tokens, temperature, ...left } = json;
          const { system: _, max_tokens: __, ...before } = JSON.parse(raw) as Record<string, unknown>;
          expect(left).toEqual(before);
          expect(max_tokens).toBe(wanted.maxTokens ?? 77);
          expect(temperature).toBe(wanted.temperature);
          // Messages are what a cache is made of.
          expect(changed).toContain(JSON.stringify({ messages }, null, indent).slice(1, -1).trim());
          if (wanted.system === undefined) expect(now).toEqual(system);
          else if (system === undefined || (typeof system === 'string' && isBlank(system)))
            expect(now).toBe(wanted.system);
          else {
            const old = typeof system === 'string' ? [{ type: 'text', text: system }] : system;
            expect(now).toEqual([...old, { type: 'text', text: wanted.system }]);
          }
        },
      ),
    );
  });
  it('a conversation of Chat Completions keeps every message but the one that instructs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ role: fc.constantFrom('user', 'assistant', 'system', 'developer'), content: text })),
        text.filter((one) => one !== ''),
        (messages, system) => {
          const { json } = change('chat', { messages }, { system });
          const end = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
          const leading = end === -1 ? messages.length : end;
          const last = messages[leading - 1];
          const expected =
            last === undefined
              ? [{ role: 'system', content: system }, ...messages]
              : messages.with(leading - 1, {
                  ...last,
                  content: last.content === '' ? system : `${last.content}\n\n${system}`,
                });
          expect(json.messages).toEqual(expected);
        },
      ),
    );
  });
});
