import { describe, expect, it } from 'vitest';
import { conversationOf, isFirstTurn } from '../../../src-main/pipeline/conversation.ts';

const key = (
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
  clientCredentials: string[] = [],
): string => conversationOf({ header: (name) => headers[name] ?? null, clientCredentials }, body);

const asked = { messages: [{ role: 'user', content: 'Fix it' }] };
const grown = {
  messages: [...asked.messages, { role: 'assistant', content: 'Done' }, { role: 'user', content: 'And that' }],
};
const other = { messages: [{ role: 'user', content: 'Break it' }] };

describe('a conversation', () => {
  it('of Claude Code is its session and agent, whatever is said', () => {
    const session = { 'x-claude-code-session-id': 's1' };
    expect(key(asked, session)).toBe(key(other, session));
    expect(key(asked, session)).not.toBe(key(asked, { 'x-claude-code-session-id': 's2' }));
    const agent = { ...session, 'x-claude-code-agent-id': 'a1' };
    expect(key(asked, agent)).not.toBe(key(asked, session));
    expect(key(asked, agent)).toBe(key(other, agent));
  });

  it("of Codex is its thread: a subagent's has the session and cache key of another", () => {
    const body = { input: 'Fix it', prompt_cache_key: 's1' };
    const main = key(body, { 'session-id': 's1', 'thread-id': 't1' });
    expect(key(body, { 'session-id': 's1', 'thread-id': 't2' })).not.toBe(main);
    expect(key({ input: 'Summary' }, { 'session-id': 's1', 'thread-id': 't1' })).toBe(main);
  });

  it.each(['x-opencode-session', 'x-session-affinity', 'x-session-id', 'session-id', 'session_id', 'conversation_id'])(
    'is what the header %s names',
    (header) => {
      expect(key(asked, { [header]: 'a' })).toBe(key(other, { [header]: 'a' }));
      expect(key(asked, { [header]: 'a' })).not.toBe(key(asked, { [header]: 'b' }));
    },
  );

  it.each([
    ['prompt_cache_key', { prompt_cache_key: 'a' }, { prompt_cache_key: 'b' }],
    ['session_id', { session_id: 'a' }, { session_id: 'b' }],
    [
      'metadata.user_id',
      { metadata: { user_id: '{"session_id":"a"}' } },
      { metadata: { user_id: '{"session_id":"b"}' } },
    ],
  ])('is what %s in its body names, together with its opening: clients share it', (_, a, b) => {
    expect(key({ ...asked, ...a })).toBe(key({ ...grown, ...a }));
    expect(key({ ...asked, ...a })).not.toBe(key({ ...asked, ...b }));
    expect(key({ ...asked, ...a })).not.toBe(key({ ...other, ...a }));
  });

  it("is one token's, in whatever header that comes; the client's own login tells nothing", () => {
    const ann = key(asked, { authorization: 'Bearer ann' });
    expect(key(asked, { 'x-api-key': 'ann' })).toBe(ann);
    expect(key(asked, { authorization: 'Bearer bob' })).not.toBe(ann);
    const both = (login: string) =>
      key(asked, { 'x-cproxy-token': 'ann', authorization: login }, ['authorization', login]);
    expect([both('Bearer login1'), both('Bearer login2')]).toEqual([ann, ann]);
    expect(key(asked, { 'x-api-key': 'login' }, ['x-api-key', 'login'])).toBe(key(asked));
    for (const session of ['x-claude-code-session-id', 'x-session-id'])
      expect(key(asked, { [session]: '1', 'x-api-key': 'ann' })).not.toBe(key(asked, { [session]: '1' }));
  });

  it('is else its opening, which stays while it grows', () => {
    expect(key(grown)).toBe(key(asked));
    expect(key(other)).not.toBe(key(asked));
  });

  it('has the same opening in whatever protocol', () => {
    const parts = [
      { type: 'text', text: 'Fix ', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: 'it' },
    ];
    const same = [
      asked,
      { system: 'Be brief', messages: [{ role: 'user', content: parts }] },
      { messages: [{ role: 'system', content: 'Be brief' }, ...asked.messages] },
      { input: 'Fix it', instructions: 'Be brief' },
      { input: [{ role: 'user', content: [{ type: 'input_text', text: 'Fix it' }] }, { type: 'function_call' }] },
      {
        input: [
          { type: 'message', role: 'user', content: 'Fix it' },
          { type: 'reasoning', summary: [] },
          { type: 'message', role: 'user', content: 'And that' },
        ],
      },
    ].map((body) => key(body));
    expect(new Set(same).size).toBe(1);
  });

  it.each([[{}], [{ messages: 'no' }], [{ messages: [null, 3, { role: 'user' }, { role: 'user', content: [null] }] }]])(
    'has a name whatever its body is: %j',
    (body) => {
      expect(key(body)).toMatch(/^[A-Za-z0-9_-]{22}$/);
    },
  );
});

describe('a first turn', () => {
  it.each([
    [asked],
    [{ input: 'Fix it' }],
    [{ input: [{ role: 'user', content: 'Fix it' }] }],
    [{ messages: [{ role: 'user', content: 'say "role":"assistant"' }, null] }],
    [{}],
  ])('is one that nobody has answered yet: %j', (body) => {
    expect(isFirstTurn(body)).toBe(true);
  });
  it.each([
    [grown],
    [
      {
        messages: [
          { role: 'user', content: 'Go' },
          { role: 'assistant', content: '' },
        ],
      },
    ],
    [{ input: [{ type: 'message', role: 'assistant', content: [] }] }],
    [{ input: [{ type: 'reasoning', summary: [] }] }],
    [{ ...asked, thread: { type: 'continue' } }],
    [{ input: [{ type: 'function_call', name: 'f' }] }],
  ])('is none any more: %j', (body) => {
    expect(isFirstTurn(body)).toBe(false);
  });
});
