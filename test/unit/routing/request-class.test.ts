import { describe, expect, it } from 'vitest';
import type { ClientProtocol } from '../../../src-shared/requests.ts';
import type { RequestClass } from '../../../src-shared/rules.ts';
import { readFacts } from '../../helpers/facts-of-request.ts';

const claudeCode = { 'user-agent': 'claude-cli/2.1.330 (external, cli)' };
const user = (content: unknown) => ({ role: 'user', content });
const ask = (rest: object) => ({ model: 'claude-opus-5-5', messages: [user('hello')], ...rest });
const tools = [{ name: 'Bash' }, { name: 'Read' }];
const search = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }];
const summary =
  'CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.\n\n- You already have all the context.\n\nYour task is to create a detailed summary of the conversation so far, paying close attention to …';
const topic = 'Analyze if this message indicates a new conversation topic. If it does, extract a 2-3 word title';

interface Case {
  body: object;
  headers?: Record<string, string>;
  protocol?: ClientProtocol;
  class: RequestClass;
  why: RegExp;
}

describe('said by the client', () => {
  const said = (word: string, rest: Record<string, string> = {}) => ({
    ...claudeCode,
    'x-claude-code-request-class': word,
    ...rest,
  });
  const cases: Record<string, Case> = {
    main: { body: ask({ tools }), headers: said('main'), class: 'main', why: /says main/ },
    'main, whatever it looks like': {
      body: ask({ model: 'claude-haiku-5-5' }),
      headers: said('main'),
      class: 'main',
      why: /says main/,
    },
    subagent: { body: ask({ tools }), headers: said('subagent'), class: 'subagent', why: /says subagent/ },
    workflow: { body: ask({ tools }), headers: said('workflow'), class: 'subagent', why: /says workflow/ },
    compaction: { body: ask({ tools }), headers: said('compaction'), class: 'compaction', why: /says compaction/ },
    auxiliary: { body: ask({}), headers: said('auxiliary'), class: 'background', why: /says auxiliary/ },
    'auxiliary, a search': {
      body: ask({ tools: search }),
      headers: said('auxiliary'),
      class: 'web-search',
      why: /says auxiliary, and .*web search/,
    },
    'auxiliary, a title': {
      body: ask({ system: topic }),
      headers: said('auxiliary'),
      class: 'title',
      why: /says auxiliary, and .*title/,
    },
    'why it compacts': {
      body: ask({ tools }),
      headers: { ...claudeCode, 'x-claude-code-compaction': 'auto' },
      class: 'compaction',
      why: /x-claude-code-compaction/,
    },
    "Codex's review": {
      body: { model: 'm', input: 'x' },
      headers: { 'x-openai-subagent': 'review' },
      class: 'subagent',
      why: /says review/,
    },
    "Codex's agent": {
      body: { model: 'm', input: 'x' },
      headers: { 'x-openai-subagent': 'collab_spawn' },
      class: 'subagent',
      why: /collab_spawn/,
    },
    "Codex's summary": {
      body: { model: 'm', input: 'x' },
      headers: { 'x-openai-subagent': 'compact' },
      class: 'compaction',
      why: /compact/,
    },
    "Codex's memory": {
      body: { model: 'm', input: 'x' },
      headers: { 'x-openai-subagent': 'memory_consolidation' },
      class: 'background',
      why: /memory/,
    },
  };
  it.each(Object.entries(cases))('%s', (_name, { body, headers = {}, class: expected, why }) => {
    const facts = readFacts(body, { headers });
    expect({ class: facts.class, from: facts.classSource.from }).toEqual({ class: expected, from: 'header' });
    expect(facts.classSource.why).toMatch(why);
  });

  it('a word that is not known is told, and what it is inferred', () => {
    const facts = readFacts(ask({ tools }), { headers: said('x'.repeat(500)) });
    expect(facts.class).toBe('main');
    expect(facts.classSource.from).toBe('inferred');
    expect(facts.classSource.why).toMatch(/says x{64}\)$/);
  });
});

describe('inferred', () => {
  const cases: Record<string, Case> = {
    'a web search': { body: ask({ tools: search }), headers: claudeCode, class: 'web-search', why: /web search/ },
    'a classifier': {
      body: ask({ stop_sequences: ['</severity>'] }),
      headers: claudeCode,
      class: 'classifier',
      why: /severity/,
    },
    'a summary': {
      body: ask({ tools, messages: [user('a'), user(summary)] }),
      headers: claudeCode,
      class: 'compaction',
      why: /summary/,
    },
    'a summary in blocks, and what follows': {
      body: ask({
        tools,
        messages: [
          user([
            { type: 'tool_result', content: 'x' },
            { type: 'text', text: summary },
          ]),
          { role: 'system', content: 's' },
        ],
      }),
      headers: claudeCode,
      class: 'compaction',
      why: /summary/,
    },
    'a summary of something else than a conversation': {
      body: ask({ tools, messages: [user('Your task is to create a detailed summary of the files in ./docs.')] }),
      headers: claudeCode,
      class: 'main',
      why: /nothing speaks/,
    },
    'a summary of a recent part': {
      body: ask({
        tools,
        messages: [
          user('Your task is to create a detailed summary of the RECENT portion of the conversation — the messages …'),
        ],
      }),
      headers: claudeCode,
      class: 'compaction',
      why: /summary/,
    },
    'a summary of a subagent': {
      body: ask({ tools, messages: [user(summary)] }),
      headers: { ...claudeCode, 'x-claude-code-agent-id': 'a' },
      class: 'compaction',
      why: /summary/,
    },
    "opencode's summary": {
      body: ask({
        messages: [
          { role: 'system', content: 'You are a helpful AI assistant tasked with summarizing conversations.' },
          user('x'),
        ],
      }),
      protocol: 'openai-chat',
      class: 'compaction',
      why: /summarise/,
    },
    "Codex's summary": {
      body: {
        model: 'm',
        input: [user([{ type: 'input_text', text: 'You are performing a CONTEXT CHECKPOINT COMPACTION. Create …' }])],
      },
      protocol: 'openai-responses',
      class: 'compaction',
      why: /summary/,
    },
    "Codex's summary at the provider": {
      body: { model: 'm', input: [user('x'), { type: 'compaction_trigger' }] },
      protocol: 'openai-responses',
      class: 'compaction',
      why: /compaction_trigger/,
    },
    'a topic': {
      body: ask({ system: [{ type: 'text', text: topic }] }),
      headers: claudeCode,
      class: 'title',
      why: /title/,
    },
    "opencode's title": {
      body: ask({
        messages: [
          { role: 'system', content: 'You are a title generator. You output ONLY a thread title. Nothing else.' },
          user('x'),
        ],
      }),
      protocol: 'openai-chat',
      class: 'title',
      why: /title/,
    },
    'a title that is asked for': {
      body: ask({ messages: [user('Please write a 5-10 word title for the following conversation:\n\nx')] }),
      class: 'title',
      why: /title/,
    },
    'a subagent': {
      body: ask({ tools }),
      headers: { ...claudeCode, 'x-claude-code-agent-id': 'a' },
      class: 'subagent',
      why: /agent-id/,
    },
    "opencode's subagent": {
      body: ask({ tools }),
      headers: { 'x-parent-session-id': 's' },
      class: 'subagent',
      why: /parent-session/,
    },
    'a small job': { body: ask({ model: 'claude-haiku-5-5' }), headers: claudeCode, class: 'background', why: /haiku/ },
  };
  it.each(Object.entries(cases))(
    '%s',
    (_name, { body, headers = {}, protocol = 'anthropic', class: expected, why }) => {
      const facts = readFacts(body, { headers, protocol });
      expect({ class: facts.class, from: facts.classSource.from }).toEqual({ class: expected, from: 'inferred' });
      expect(facts.classSource.why).toMatch(why);
    },
  );
});

describe('in doubt it is a turn of the conversation', () => {
  const cases: Record<string, [object, Record<string, string>?]> = {
    'a turn': [ask({ tools }), claudeCode],
    'nothing at all': [ask({})],
    'an application that searches the web': [ask({ tools: search })],
    'a search besides other tools': [ask({ tools: [...tools, ...search] }), claudeCode],
    'a tool of the same name': [ask({ tools: [{ name: 'web_search', input_schema: {} }] }), claudeCode],
    'a file that holds such a prompt': [
      ask({ tools, messages: [user([{ type: 'tool_result', content: summary }])] }),
      claudeCode,
    ],
    'a user who quotes it': [ask({ tools, messages: [user(`What does this mean: ${summary}`)] }), claudeCode],
    'the turn after a summary': [
      ask({ tools, messages: [user(summary), { role: 'assistant', content: 'x' }, user('go on')] }),
      claudeCode,
    ],
    'a quoted instruction': [ask({ system: `Never say "${topic}"` }), claudeCode],
    'a title with tools': [ask({ system: topic, tools }), claudeCode],
    'a conversation with haiku': [
      ask({ model: 'claude-haiku-5-5', messages: [user('a'), { role: 'assistant', content: 'b' }, user('c')] }),
      claudeCode,
    ],
    'a haiku that thinks': [ask({ model: 'claude-haiku-5-5', thinking: { type: 'adaptive' } }), claudeCode],
    'a haiku with tools': [ask({ model: 'claude-haiku-5-5', tools }), claudeCode],
    'a long question to haiku': [ask({ model: 'claude-haiku-5-5', system: 'x'.repeat(20_000) }), claudeCode],
    "somebody else's haiku": [ask({ model: 'claude-haiku-5-5' }), { 'user-agent': 'curl/8' }],
    'other stops': [ask({ stop_sequences: ['</severity'] }), claudeCode],
  };
  it.each(Object.entries(cases))('%s', (_name, [body, headers = {}]) => {
    expect(readFacts(body, { headers })).toMatchObject({
      class: 'main',
      classSource: { from: 'inferred', why: 'nothing speaks of another' },
    });
  });
});
