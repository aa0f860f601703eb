import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { generateText, jsonSchema, type LanguageModel, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { answer, callTools, fail, say } from '../helpers/scriptable-upstream.ts';
import { type Bench, providerProtocols, startMatrix } from './dialect-matrix.ts';

/** The vendors' own clients and the AI SDK, unchanged, in front of providers of every dialect. */

let bench: Bench;
beforeAll(async () => {
  bench = await startMatrix();
});
afterAll(() => bench[Symbol.asyncDispose]());
beforeEach(() => bench.upstream.reset());

const parameters = { type: 'object' as const, properties: { path: { type: 'string' } }, required: ['path'] };
const callRead = (): ReturnType<typeof callTools> =>
  callTools([{ name: 'Read', input: { path: 'a "b" ü' } }], { randomChunks: 3, fragment: 2 });

describe.each(providerProtocols)('in front of a provider that speaks %s', (provider) => {
  const model = `${provider}/${provider === 'anthropic' ? 'claude-sonnet-5-5' : 'm'}`;

  describe('@anthropic-ai/sdk', () => {
    const connect = () => new Anthropic({ baseURL: bench.engine.url, apiKey: bench.engine.token, maxRetries: 0 });
    const ask = { model, max_tokens: 1000, messages: [{ role: 'user' as const, content: 'hello' }] };

    it('gets a message', async () => {
      bench.upstream.queue(say('Hello there', { randomChunks: 5 }));
      const message = await connect().messages.create(ask);
      expect(message.content).toMatchObject([{ type: 'text', text: 'Hello there' }]);
      expect(message.stop_reason).toBe('end_turn');
      expect(message._request_id).toBeTruthy();
    });

    it('streams thinking, text and a tool call', async () => {
      bench.upstream.queue(
        answer(
          [
            { type: 'thinking', text: 'Hm.', signature: 'c2ln' },
            { type: 'text', text: 'I read it.' },
            { type: 'tool_use', name: 'Read', input: { path: 'x' } },
          ],
          { wire: { randomChunks: 4, fragment: 2 } },
        ),
      );
      const stream = connect().messages.stream({ ...ask, tools: [{ name: 'Read', input_schema: parameters }] });
      const texts: string[] = [];
      stream.on('text', (text) => texts.push(text));
      const message = await stream.finalMessage();
      expect(texts.join('')).toBe('I read it.');
      expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool_use']);
      expect(message.content.at(-1)).toMatchObject({ name: 'Read', input: { path: 'x' } });
      expect(message.stop_reason).toBe('tool_use');
    });

    it('gets its own kind of error', async () => {
      bench.upstream.queue(fail(429, { type: 'rate_limit_error', message: 'Slow down' }));
      await expect(connect().messages.create(ask)).rejects.toThrow(Anthropic.RateLimitError);
    });
  });

  describe('openai', () => {
    const connect = () => new OpenAI({ baseURL: `${bench.engine.url}/v1`, apiKey: bench.engine.token, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'hello' }];

    it('gets a chat completion', async () => {
      bench.upstream.queue(say('Hello there'));
      const completion = await connect().chat.completions.create({ model, messages });
      expect(completion.choices[0]?.message.content).toBe('Hello there');
      expect(completion.choices[0]?.finish_reason).toBe('stop');
      expect(completion.usage?.total_tokens).toBe(32);
      expect(completion._request_id).toBeTruthy();
    });

    it('streams a chat completion with a tool call', async () => {
      bench.upstream.queue(callRead());
      const stream = connect().chat.completions.stream({
        model,
        messages,
        tools: [{ type: 'function', function: { name: 'Read', parameters } }],
        stream_options: { include_usage: true },
      });
      const completion = await stream.finalChatCompletion();
      const [call] = completion.choices[0]?.message.tool_calls ?? [];
      expect(call).toMatchObject({ type: 'function', function: { name: 'Read' } });
      expect(JSON.parse(call?.type === 'function' ? call.function.arguments : '')).toEqual({ path: 'a "b" ü' });
      expect(completion.choices[0]?.finish_reason).toBe('tool_calls');
      expect((await stream.totalUsage()).completion_tokens).toBe(7);
    });

    it('gets a response', async () => {
      bench.upstream.queue(say('Hello there'));
      const response = await connect().responses.create({ model, input: 'hello', store: false });
      expect(response.output_text).toBe('Hello there');
      expect(response.status).toBe('completed');
      expect(response.usage?.output_tokens).toBe(7);
    });

    it('streams a response with a tool call', async () => {
      bench.upstream.queue(callRead());
      const stream = connect().responses.stream({
        model,
        input: 'hello',
        store: false,
        tools: [{ type: 'function', name: 'Read', parameters, strict: false }],
      });
      const response = await stream.finalResponse();
      const call = response.output.find((item) => item.type === 'function_call');
      expect(call).toMatchObject({ name: 'Read' });
      expect(JSON.parse(call?.type === 'function_call' ? call.arguments : '')).toEqual({ path: 'a "b" ü' });
    });

    it.each(['chat', 'responses'])('gets its own kind of error (%s)', async (api) => {
      bench.upstream.queue(fail(429, { type: 'rate_limit_error', message: 'Slow down' }));
      const asking =
        api === 'chat'
          ? connect().chat.completions.create({ model, messages })
          : connect().responses.create({ model, input: 'hello', store: false });
      await expect(asking).rejects.toThrow(OpenAI.RateLimitError);
    });

    it('is told by the stream that it broke off', async () => {
      bench.upstream.queue(say('a text that breaks off', { fragment: 3, breakAfter: { frames: 6, how: 'end' } }));
      const stream = await connect().chat.completions.create({ model, messages, stream: true });
      const read = async (): Promise<void> => {
        for await (const _chunk of stream);
      };
      await expect(read()).rejects.toThrow(OpenAI.APIError);
    });
  });

  describe('the AI SDK', () => {
    const settings = () => ({ baseURL: `${bench.engine.url}/v1`, apiKey: bench.engine.token });
    const models: Record<string, () => LanguageModel> = {
      '@ai-sdk/anthropic': () => createAnthropic(settings())(model),
      '@ai-sdk/openai (Responses)': () => createOpenAI(settings()).responses(model),
      '@ai-sdk/openai (Chat)': () => createOpenAI(settings()).chat(model),
      '@ai-sdk/openai-compatible': () =>
        createOpenAICompatible({ ...settings(), name: 'cproxy', includeUsage: true })(model),
    };
    const read = tool({
      description: 'Reads a file',
      inputSchema: jsonSchema<{ path: string }>(parameters),
      execute: async ({ path }) => `content of ${path}`,
    });
    const stateless = { openai: { store: false } };

    describe.each(Object.keys(models))('with %s', (name) => {
      const modelOf = (): LanguageModel => {
        const make = models[name];
        if (make === undefined) throw new Error(`no model ${name}`);
        return make();
      };

      it('generates a text', async () => {
        bench.upstream.queue(say('Hello there'));
        const { text, finishReason } = await generateText({
          model: modelOf(),
          prompt: 'hello',
          maxRetries: 0,
          providerOptions: stateless,
        });
        expect(text).toBe('Hello there');
        expect(finishReason).toBe('stop');
      });

      it('runs a tool and goes on, streamed', async () => {
        bench.upstream.queue(
          answer(
            [
              { type: 'text', text: 'I look.' },
              { type: 'tool_use', name: 'Read', input: { path: 'one' } },
              { type: 'tool_use', name: 'Read', input: { path: 'two' } },
            ],
            { wire: { randomChunks: 6, fragment: 3 } },
          ),
          say('Both are read.', { randomChunks: 6 }),
        );
        const result = streamText({
          model: modelOf(),
          prompt: 'read both',
          tools: { Read: read },
          stopWhen: stepCountIs(3),
          maxRetries: 0,
          providerOptions: stateless,
        });
        await result.consumeStream();
        const steps = await result.steps;
        expect(steps).toHaveLength(2);
        expect(steps[0]?.toolResults.map(({ output }) => output)).toEqual(['content of one', 'content of two']);
        expect(await result.text).toBe('Both are read.');
        const second = bench.upstream.asked.at(-1)?.text ?? '';
        expect(second).toContain('content of one');
        expect(second).toContain('content of two');
      });
    });
  });
});
