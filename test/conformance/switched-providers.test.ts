import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  type ScriptableUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';
import { refusals } from '../helpers/strict-anthropic.ts';

/**
 * One conversation that goes from provider to provider, with the vendors' own clients, which send back what they got: no
 * provider gets what it would refuse, above all no other's reasoning, and no result of a tool is lost.
 */

let upstream: ScriptableUpstream;
let running: RunningEngine;
/** Signatures and encrypted reasoning that were given out, with whose they are and the text that belongs to them. */
const states = new Map<string, { model: string; text: string }>();
const problems: string[] = [];
const results: string[] = [];

type Json = Record<string, unknown>;
const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

const providers = (baseUrl: string): ConfigInput['providers'] => [
  { id: 'claude', type: 'anthropic', baseUrl, models: ['claude-sonnet-5-5'], key: 'env:KEY' },
  { id: 'gpt', type: 'openai-compatible', protocols: ['openai-responses'], baseUrl, models: ['gpt-6'] },
  { id: 'ollama', type: 'ollama', baseUrl, models: ['llama'] },
  { id: 'minimax', type: 'anthropic-compatible', baseUrl, models: ['m3'] },
  { id: 'mistral', type: 'openai-compatible', baseUrl, models: ['devstral'], quirks: { toolIds: 'mistral' } },
];
const models = ['claude/claude-sonnet-5-5', 'gpt/gpt-6', 'ollama/llama', 'minimax/m3', 'mistral/devstral'];
/** There and back: Claude is asked again after each of the others. */
const journey = models.flatMap((model) => [model, 'claude/claude-sonnet-5-5']);

/** The whole of what a provider may be told of reasoning: its own, as it was. */
function checkState(model: string, state: unknown, text: string | null): void {
  const made = states.get(String(state));
  if (made?.model !== model) problems.push(`${model} got reasoning of ${made?.model ?? 'nobody'}`);
  else if (text !== null && made.text !== text) problems.push(`${model} got "${text}" for "${made.text}"`);
}

function check({ protocol, json, headers, text }: UpstreamRequest): void {
  const model = String(json.model);
  for (const result of results) if (!text.includes(result)) problems.push(`${model} did not get ${result}`);
  if (text.includes('cproxy1.')) problems.push(`${model} got packed state`);
  if (protocol === 'anthropic') {
    const said = { takesEmptySignature: model === 'm3', headers: headers as Record<string, string> };
    problems.push(...refusals(json, said).map((problem) => `${model}: ${problem}`));
    // Compatible servers look at no signature; theirs must not get to Anthropic.
    for (const block of list(json.messages).flatMap(({ content }) => list(content)))
      if (block.type === 'thinking' && model !== 'm3') checkState(model, block.signature, `${block.thinking}`);
  }
  if (protocol === 'openai-responses')
    for (const item of list(json.input)) if (item.type === 'reasoning') checkState(model, item.encrypted_content, null);
  if (protocol === 'openai-chat')
    for (const { tool_call_id: id, tool_calls: calls } of list(json.messages))
      for (const one of [id, ...list(calls).map((call) => call.id)])
        if (one !== undefined && !/^[a-zA-Z0-9]{9}$/.test(String(one))) problems.push(`${model} got the id ${one}`);
}

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine({ providers: providers(upstream.url) }, { env: { KEY: 'sk-ant-test' } });
});
beforeEach(() => {
  states.clear();
  problems.length = 0;
  results.length = 0;
  upstream.reset();
  upstream.script((request, index) => {
    check(request);
    const model = String(request.json.model);
    const text = `I think about question ${index} at some length.`;
    const signature = Buffer.from(`${model} ${index}`).toString('base64');
    states.set(signature, { model, text });
    const calls = ['a', 'b'].map((name, place) => ({
      type: 'tool_use' as const,
      name: 'Read',
      input: { path: `${index}${name}` },
      ...(model === 'devstral' ? { id: `call0${String(index).padStart(3, '0')}${place}` } : {}),
    }));
    const said = index % 2 === 0 ? calls : [{ type: 'text' as const, text: 'Done.' }];
    return answer([{ type: 'thinking', text, signature }, ...said], { wire: { fragment: 5 } });
  });
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const openai = () => new OpenAI({ baseURL: `${running.url}/v1`, apiKey: running.token, maxRetries: 0 });
const anthropic = () => new Anthropic({ baseURL: running.url, apiKey: running.token, maxRetries: 0 });
const parameters = { type: 'object' as const, properties: { path: { type: 'string' } }, required: ['path'] };

function resultOf(input: unknown): string {
  const result = `content of ${JSON.stringify(input).replaceAll(/\W/g, '')}`;
  results.push(result);
  return result;
}

it.each([true, false])('a Chat Completions client is answered by everyone (stream: %s)', async (stream) => {
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'system', content: 'Be brief.' }];
  const tools = [{ type: 'function' as const, function: { name: 'Read', parameters } }];
  for (const model of journey) {
    messages.push({ role: 'user', content: 'Read.' });
    for (const _step of ['calls', 'text']) {
      const body = { model, messages, tools, reasoning_effort: 'medium' as const };
      const { choices } = stream
        ? await openai().chat.completions.stream(body).finalChatCompletion()
        : await openai().chat.completions.create(body);
      const message = choices[0]?.message;
      if (message === undefined) throw new Error('no choice');
      messages.push(message);
      for (const call of message.tool_calls ?? [])
        if (call.type === 'function')
          messages.push({
            role: 'tool',
            tool_call_id: call.id,
            content: resultOf(JSON.parse(call.function.arguments)),
          });
    }
  }
  expect(problems).toEqual([]);
  expect(results).toHaveLength(journey.length * 2);
});

it.each([true, false])('a Responses client is answered by everyone (stream: %s)', async (stream) => {
  const input: OpenAI.Responses.ResponseInput = [];
  const tools = [{ type: 'function' as const, name: 'Read', parameters, strict: false }];
  for (const model of journey) {
    input.push({ role: 'user', content: 'Read.' });
    for (const _step of ['calls', 'text']) {
      const body = { model, input, tools, store: false, reasoning: { summary: 'auto' as const } };
      const { output } = stream
        ? await openai().responses.stream(body).finalResponse()
        : await openai().responses.create(body);
      input.push(...(output as OpenAI.Responses.ResponseInputItem[]));
      for (const item of output)
        if (item.type === 'function_call')
          input.push({
            type: 'function_call_output',
            call_id: item.call_id,
            output: resultOf(JSON.parse(item.arguments)),
          });
    }
  }
  expect(problems).toEqual([]);
  expect(results).toHaveLength(journey.length * 2);
});

it.each([true, false])('a Messages client is answered by everyone (stream: %s)', async (stream) => {
  const messages: Anthropic.MessageParam[] = [];
  const tools = [{ name: 'Read', input_schema: parameters }];
  // Passed through, a compatible server's signature looks like Anthropic's own.
  for (const model of journey.filter((one) => !one.startsWith('minimax'))) {
    messages.push({ role: 'user', content: 'Read.' });
    for (const _step of ['calls', 'text']) {
      const body = { model, max_tokens: 8000, messages, tools, thinking: { type: 'adaptive' as const } };
      const { content } = stream
        ? await anthropic().messages.stream(body).finalMessage()
        : await anthropic().messages.create(body);
      messages.push({ role: 'assistant', content });
      const calls = content.filter((block) => block.type === 'tool_use');
      if (calls.length > 0)
        messages.push({
          role: 'user',
          content: calls.map(({ id, input }) => ({ type: 'tool_result', tool_use_id: id, content: resultOf(input) })),
        });
    }
  }
  expect(problems).toEqual([]);
  expect(results).toHaveLength((journey.length - 1) * 2);
});
