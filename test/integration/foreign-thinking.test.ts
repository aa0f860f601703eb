import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packState } from '../../src-main/protocols/reasoning-state.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine(
    {
      providers: [
        { id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['native'], key: 'env:KEY' },
        { id: 'kimi', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['k3'] },
      ],
    },
    { env: { KEY: 'sk-ant-test' } },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const state = packState({ dialect: 'openai-responses', provider: 'openai', model: 'gpt-6', data: { id: 'rs_1' } });
const foreign = { type: 'thinking', thinking: 'By OpenAI', signature: state };
const unsigned = { type: 'thinking', thinking: 'By DeepSeek', signature: '' };
const own = { type: 'thinking', thinking: '', signature: 'EqQBCg==' };
const text = { type: 'text', text: 'Hi' };
const user = { role: 'user', content: 'Go on' };

/** The body that reaches the provider. */
async function sent(body: string): Promise<string> {
  upstream.queue(say('hi'));
  const response = await running.ask(body);
  expect(response.status).toBe(200);
  await response.text();
  const [asked] = await upstream.waitFor(1);
  return asked?.text ?? '';
}

const conversation = (model: string, ...answers: object[][]) => ({
  max_tokens: 9,
  model,
  messages: [user, ...answers.flatMap((content) => [{ role: 'assistant', content }, user])],
  extra: { kept: [1, 2.5, null] },
});

describe('a conversation that another provider has answered before', () => {
  it('reaches Anthropic without the thinking it refuses, and otherwise as it is', async () => {
    const given = conversation('native', [foreign, text], [own, unsigned, text], [foreign]);
    const [, , , , , ...end] = given.messages;
    expect(JSON.parse(await sent(JSON.stringify(given)))).toEqual({
      ...given,
      messages: [
        user,
        { role: 'assistant', content: [text] },
        user,
        { role: 'assistant', content: [own, text] },
        user,
        end.at(-1),
      ],
    });
  });

  it('reaches a compatible server with thinking that has no signature', async () => {
    const given = conversation('k3', [foreign, unsigned, text]);
    expect(JSON.parse(await sent(JSON.stringify(given))).messages[1].content).toEqual([unsigned, text]);
    upstream.reset();
    const unchanged = JSON.stringify(conversation('k3', [unsigned, text]), null, 2);
    expect(await sent(unchanged)).toBe(unchanged);
  });

  it('reaches Anthropic with the searches of others as text: the state that it checks is missing', async () => {
    const found = (id: string, encrypted_content: string) => [
      { type: 'server_tool_use', id, name: 'web_search', input: { query: id } },
      {
        type: 'web_search_tool_result',
        tool_use_id: id,
        content: [
          { type: 'web_search_result', url: 'https://a.example', title: 'A', encrypted_content, page_age: null },
        ],
      },
      {
        type: 'text',
        text: 'It is so.',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://a.example',
            title: 'A',
            cited_text: '',
            encrypted_index: encrypted_content,
          },
        ],
      },
    ];
    const given = conversation('native', found('srvtoolu_1', ''), found('srvtoolu_2', 'EqQB'));
    expect(JSON.parse(await sent(JSON.stringify(given)))).toEqual({
      ...given,
      messages: [
        user,
        {
          role: 'assistant',
          content: [
            { type: 'text', text: '[called web_search: {"query":"srvtoolu_1"}]' },
            { type: 'text', text: '[result]\nA: https://a.example' },
            { type: 'text', text: 'It is so.' },
          ],
        },
        ...given.messages.slice(2),
      ],
    });
    upstream.reset();
    const own = JSON.stringify({
      ...conversation('native', found('srvtoolu_2', 'EqQB')),
      note: { encrypted_index: '' },
    });
    expect(await sent(own)).toBe(own);
  });

  it('is a thread only where threads are kept', async () => {
    const given = { ...conversation('k3', [foreign, text]), thread: { type: 'create' } };
    const { thread: _, ...rest } = conversation('k3', [text]) as Record<string, unknown>;
    expect(JSON.parse(await sent(JSON.stringify(given)))).toEqual(rest);
  });
});

it('what only looks like such thinking passes byte by byte', async () => {
  const input = { signature: '', note: state };
  const call = { type: 'tool_use', id: 'a', name: 'A', input };
  const body = `${JSON.stringify(conversation('native', [own, call])).slice(0, -1)} , "n" : 1.0 }\n`;
  expect(await sent(body)).toBe(body);
});
