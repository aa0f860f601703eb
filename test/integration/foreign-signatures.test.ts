import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readMessage } from '../helpers/answers.ts';
import { agentTools, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  type ScriptableUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

/**
 * One conversation of a Messages client, which sends back what it got, between two providers of this dialect: their signatures
 * look alike, all is passed through, and each gets its own only.
 */

let upstream: ScriptableUpstream;
let running: RunningEngine;

type Json = Record<string, unknown>;
const blocksOf = ({ messages }: Json): Json[] =>
  (messages as Json[]).flatMap(({ content }) => (Array.isArray(content) ? (content as Json[]) : []));
const thinkingOf = (request: UpstreamRequest | undefined): string[] =>
  blocksOf(request?.json ?? { messages: [] })
    .filter(({ type }) => type === 'thinking' || type === 'redacted_thinking')
    .map(({ signature, data, thinking }) => `${String(thinking)} ${String(signature ?? data)}`);

beforeAll(async () => {
  upstream = await startUpstream();
  const baseUrl = upstream.url;
  running = await runEngine(
    {
      providers: [
        { id: 'claude', type: 'anthropic', baseUrl, models: ['claude-opus-4-5'], key: 'env:KEY' },
        { id: 'relay', type: 'anthropic-compatible', baseUrl, models: ['claude-sonnet'] },
        { id: 'kimi', type: 'anthropic-compatible', baseUrl, models: ['k3'] },
        { id: 'gpt', type: 'openai-compatible', protocols: ['openai-responses'], baseUrl, models: ['gpt-6'] },
        { id: 'azure', type: 'openai-compatible', protocols: ['openai-responses'], baseUrl, models: ['gpt-6'] },
      ],
    },
    { env: { KEY: 'sk-ant-test' } },
  );
});
let count = 0;
beforeEach(() => {
  upstream.reset();
  upstream.script(({ json }) => {
    count += 1;
    const signature = Buffer.from(`by ${String(json.model)} ${count}`).toString('base64');
    return answer([
      { type: 'thinking', text: `Thought ${count}.`, signature },
      { type: 'tool_use', name: 'Read', input: { file_path: `${count}` } },
    ]);
  });
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

/** Asks and goes on with the conversation. */
async function turn(messages: Json[], model: string, more: Json = {}): Promise<UpstreamRequest> {
  const before = upstream.asked.length;
  const body = { model, max_tokens: 9000, tools: agentTools, stream: true, ...more, messages };
  const response = await running.ask(body);
  expect(response.status).toBe(200);
  const { content } = (await readMessage(response)) as unknown as { content: Json[] };
  const results = content
    .filter(({ type }) => type === 'tool_use')
    .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'x' }));
  messages.push({ role: 'assistant', content }, { role: 'user', content: results });
  const asked = upstream.asked[before];
  if (asked === undefined || upstream.asked.length !== before + 1) throw new Error('not asked once');
  return asked;
}

/** Thinking whose signature is another's comes without. */
const isOwn = (model: string) => (thinking: string) =>
  Buffer.from(thinking.split(' ').at(-1) ?? '', 'base64')
    .toString()
    .startsWith(`by ${model} `);

describe.each([true, false])('a Messages client (stream: %s)', (stream) => {
  it('is passed through as it is while only one provider has answered', async () => {
    const messages: Json[] = [{ role: 'user', content: 'Go' }];
    for (let step = 0; step < 3; step += 1) {
      const model = 'claude/claude-opus-4-5';
      const sent = JSON.stringify({ model, max_tokens: 9000, tools: agentTools, stream, messages });
      const { text } = await turn(messages, model, { stream });
      expect(text).toBe(sent.replace(model, 'claude-opus-4-5'));
    }
  });

  it('gives each provider its own signatures only', async () => {
    const messages: Json[] = [{ role: 'user', content: 'Go' }];
    const thinking = { type: 'adaptive' };
    for (const model of ['claude/claude-opus-4-5', 'relay/claude-sonnet', 'claude/claude-opus-4-5', 'kimi/k3']) {
      await turn(messages, model, { stream, thinking });
      await turn(messages, model, { stream, thinking });
    }
    const last = await turn(messages, 'claude/claude-opus-4-5', { stream, thinking });
    expect(thinkingOf(last)).toHaveLength(4);
    expect(thinkingOf(last).every(isOwn('claude-opus-4-5'))).toBe(true);
    expect(last.json.thinking).toEqual(thinking);
    const relayed = await turn(messages, 'relay/claude-sonnet', { stream, thinking });
    expect(thinkingOf(relayed)).toHaveLength(2);
    expect(thinkingOf(relayed).every(isOwn('claude-sonnet'))).toBe(true);
    // A server that takes thinking without a signature gets what was thought, in its own model's words or others'.
    const lenient = thinkingOf(await turn(messages, 'kimi/k3', { stream, thinking }));
    expect(lenient).toHaveLength(10);
    expect(lenient.filter(isOwn('k3'))).toHaveLength(2);
    expect(lenient.filter((text) => text.endsWith('. '))).toHaveLength(8);
    // All calls and results have come along.
    expect(blocksOf(last.json).filter(({ type }) => type === 'tool_result')).toHaveLength(8);
  });
});

it('manual thinking is switched off for a tool loop that another provider has begun, and told in the trace', async () => {
  const messages: Json[] = [{ role: 'user', content: 'Go' }];
  const thinking = { type: 'enabled', budget_tokens: 4096 };
  await turn(messages, 'relay/claude-sonnet', { thinking });
  const asked = await turn(messages, 'claude/claude-opus-4-5', { thinking });
  expect(asked.json.thinking).toEqual({ type: 'disabled' });
  expect(thinkingOf(asked)).toEqual([]);
  messages.push({ role: 'user', content: 'Another thing' });
  expect((await turn(messages, 'claude/claude-opus-4-5', { thinking })).json.thinking).toEqual(thinking);
});

it('a Responses client gives each provider its own encrypted reasoning only', async () => {
  const input: Json[] = [{ role: 'user', content: 'Go' }];
  const ask = async (provider: string): Promise<string[]> => {
    const body = { model: `${provider}/gpt-6`, input, store: false, stream: false };
    const response = await running.ask(body, { path: '/v1/responses' });
    expect(response.status).toBe(200);
    const { output } = (await response.json()) as { output: Json[] };
    input.push(...output);
    for (const { type, call_id } of output)
      if (type === 'function_call') input.push({ type: 'function_call_output', call_id, output: 'x' });
    const asked = (upstream.asked.at(-1)?.json.input ?? []) as Json[];
    return asked.filter(({ type }) => type === 'reasoning').map(({ encrypted_content: content }) => String(content));
  };
  expect(await ask('gpt')).toEqual([]);
  const [first] = await ask('gpt');
  expect(first).toBeDefined();
  expect(await ask('azure')).toEqual([]);
  const [second] = await ask('azure');
  expect(second).not.toBe(first);
  expect(await ask('gpt')).toEqual([first, expect.not.stringMatching(String(second))]);
});
