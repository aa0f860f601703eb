import { describe, expect, it } from 'vitest';
import { refusals } from '../../helpers/strict-anthropic.ts';

const base = { model: 'claude-opus-5-5', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] };
const user = (...content: object[]) => ({ role: 'user', content });
const assistant = (...content: object[]) => ({ role: 'assistant', content });
const call = { type: 'tool_use', id: 'a', name: 'A', input: {} };
const result = { type: 'tool_result', tool_use_id: 'a', content: 'ok' };
const tools = [{ name: 'A', input_schema: { type: 'object' } }];
const mark = { cache_control: { type: 'ephemeral' } };
const text = { type: 'text', text: 'Hi' };
const old = { model: 'claude-sonnet-4-5' };

describe('the strict API', () => {
  it.each<[string, object]>([
    ['a plain question', {}],
    ['a finished tool call', { tools, messages: [user(text), assistant(call), user(result, text)] }],
    ['a system message behind the user', { messages: [user(text), { role: 'system', content: 'x' }] }],
    ['the beginning of an answer', { ...old, messages: [user(text), assistant(text)] }],
    ['manual thinking', { ...old, max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 1024 } }],
  ])('takes %s', (_what, changes) => {
    expect(refusals({ ...base, ...changes })).toEqual([]);
  });

  it.each<[string, object]>([
    ['extra inputs', { openai: {} }],
    ['extra inputs deep inside', { messages: [user({ ...text, openai: {} })] }],
    ['no limit', { max_tokens: 0 }],
    ['no messages', { messages: [] }],
    ['an answer first', { messages: [assistant(text), user(text)] }],
    ['an unknown role', { messages: [{ role: 'developer', content: 'x' }] }],
    ['a blank text', { messages: [user({ type: 'text', text: ' \n' })] }],
    ['an empty message', { messages: [user(text), assistant(), user(text)] }],
    ['a blank system prompt', { system: '' }],
    ['a call without a result', { tools, messages: [user(text), assistant(call), user(text)] }],
    ['a call at the end', { tools, messages: [user(text), assistant(call)] }],
    ['a result without a call', { tools, messages: [user(result)] }],
    ['two results', { tools, messages: [user(text), assistant(call), user(result, result)] }],
    ['a result behind a text', { tools, messages: [user(text), assistant(call), user(text, result)] }],
    ['a late result', { tools, messages: [user(text), assistant(call), user(text), assistant(text), user(result)] }],
    [
      'an id used twice',
      { tools, messages: [user(text), assistant(call), user(result), assistant(call), user(result)] },
    ],
    [
      'an odd id',
      { tools, messages: [user(text), assistant({ ...call, id: 'a:1' }), user({ ...result, tool_use_id: 'a:1' })] },
    ],
    ['an odd name', { tools: [{ name: 'a b', input_schema: { type: 'object' } }] }],
    ['an input that is no object', { tools, messages: [user(text), assistant({ ...call, input: 'x' }), user(result)] }],
    [
      'an empty error',
      { tools, messages: [user(text), assistant(call), user({ ...result, content: '', is_error: true })] },
    ],
    ['calls without tools', { messages: [user(text), assistant(call), user(result)] }],
    ['a choice without tools', { tool_choice: { type: 'auto' } }],
    ['two tools of one name', { tools: [...tools, ...tools] }],
    ['a tool without a schema', { tools: [{ name: 'A' }] }],
    ['a union as a schema', { tools: [{ name: 'A', input_schema: { type: 'object', anyOf: [] } }] }],
    [
      'a parameter with an odd name',
      { tools: [{ name: 'A', input_schema: { type: 'object', properties: { $x: {} } } }] },
    ],
    ['a forced tool', { tools, tool_choice: { type: 'any' } }],
    ['a forced tool with thinking', { model: 'claude-sonnet-5', tools, tool_choice: { type: 'any' } }],
    ['a choice of what is not there', { ...old, tools, tool_choice: { type: 'tool', name: 'B' } }],
    ['the beginning of an answer', { messages: [user(text), assistant(text)] }],
    [
      'the beginning of an answer that ends blank',
      { ...old, messages: [user(text), assistant({ type: 'text', text: 'Hi ' })] },
    ],
    [
      'thinking without a signature',
      { messages: [user(text), assistant({ type: 'thinking', thinking: '', signature: '' }, text), user(text)] },
    ],
    [
      'foreign thinking',
      {
        messages: [user(text), assistant({ type: 'thinking', thinking: '', signature: 'cproxy1.x' }, text), user(text)],
      },
    ],
    [
      'redacted foreign thinking',
      { messages: [user(text), assistant({ type: 'redacted_thinking', data: 'cproxy1.x' }, text), user(text)] },
    ],
    [
      'thinking at the end of an answer',
      { messages: [user(text), assistant({ type: 'thinking', thinking: '', signature: 'x' }), user(text)] },
    ],
    ['a system message first', { messages: [{ role: 'system', content: 'x' }, user(text)] }],
    ['a system message before the user', { messages: [user(text), { role: 'system', content: 'x' }, user(text)] }],
    ['a system message', { ...old, messages: [user(text), { role: 'system', content: 'x' }] }],
    ['five marks', { system: Array(5).fill({ ...text, ...mark }) }],
    [
      'an hour behind five minutes',
      {
        system: [
          { ...text, ...mark },
          { ...text, cache_control: { type: 'ephemeral', ttl: '1h' } },
        ],
      },
    ],
    ['a budget', { thinking: { type: 'enabled', budget_tokens: 1024 } }],
    ['a budget above the limit', { ...old, max_tokens: 1024, thinking: { type: 'enabled', budget_tokens: 1024 } }],
    [
      'a call without thinking',
      {
        ...old,
        max_tokens: 2000,
        thinking: { type: 'enabled', budget_tokens: 1024 },
        tools,
        messages: [user(text), assistant(call), user(result)],
      },
    ],
    ['adaptive thinking', { ...old, thinking: { type: 'adaptive' } }],
    ['no thinking', { thinking: { type: 'disabled' } }],
    ['bound thinking without its header', { thinking: { type: 'adaptive', block_binding: {} } }],
    ['a temperature', { temperature: 1 }],
    ['a temperature above 1', { ...old, temperature: 1.5 }],
    [
      'a temperature with thinking',
      { ...old, max_tokens: 2000, temperature: 1, thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    ['temperature and top_p', { ...old, temperature: 1, top_p: 1 }],
    ['a blank stop sequence', { stop_sequences: ['\n'] }],
    ['an effort', { ...old, output_config: { effort: 'low' } }],
    [
      'much effort without thinking',
      { model: 'claude-opus-5', thinking: { type: 'disabled' }, output_config: { effort: 'max' } },
    ],
    ['an open schema', { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } }],
    ['a tier of OpenAI', { service_tier: 'flex' }],
    ['a long user id', { metadata: { user_id: 'u'.repeat(300) } }],
    [
      'an image of another kind',
      { messages: [user({ type: 'image', source: { type: 'base64', media_type: 'image/bmp', data: '' } })] },
    ],
    ["another vendor's file", { messages: [user({ type: 'document', source: { type: 'file', file_id: 'file-1' } })] }],
  ])('refuses %s', (_what, changes) => {
    expect(refusals({ ...base, ...changes })).not.toEqual([]);
  });

  it('wants its version', () => {
    expect(refusals(base, { headers: {} })).not.toEqual([]);
    expect(refusals(base, { headers: { 'anthropic-version': '2023-06-01' } })).toEqual([]);
  });
});
