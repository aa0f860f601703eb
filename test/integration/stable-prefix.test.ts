import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { growingClients, requestsOf } from '../helpers/growing-clients.ts';
import { growingConversation } from '../helpers/growing-conversation.ts';
import { brokenPrefix, type Prompt, promptOf } from '../helpers/prompt-prefix.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

/** test/conformance/stable-prefix.test.ts for what a provider really gets. */

const doors: Record<ClientProtocol, string> = {
  anthropic: '/v1/messages',
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
};

const targets: readonly { provider: ProviderProtocol; model: string }[] = [
  { provider: 'anthropic', model: 'claude/claude-opus-5-5' },
  { provider: 'anthropic', model: 'compatible/m' },
  { provider: 'openai-chat', model: 'openrouter/vendor/m' },
  { provider: 'openai-chat', model: 'local/devstral-small-2' },
  { provider: 'openai-responses', model: 'openai/gpt-5.6-terra' },
  { provider: 'ollama', model: 'ollama/m' },
];
const pairs = (Object.keys(doors) as ClientProtocol[]).flatMap((client) =>
  targets.map((target) => ({ client, ...target })),
);

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  const baseUrl = upstream.url;
  running = await runEngine(
    {
      providers: [
        { id: 'claude', type: 'anthropic', baseUrl, models: ['claude-opus-5-5'], key: 'env:KEY' },
        { id: 'compatible', type: 'anthropic-compatible', baseUrl },
        { id: 'openrouter', type: 'openrouter', baseUrl, protocols: ['openai-chat'], key: 'env:KEY' },
        { id: 'local', type: 'openai-compatible', baseUrl },
        { id: 'openai', type: 'openai', baseUrl, key: 'env:KEY' },
        { id: 'ollama', type: 'ollama', baseUrl },
      ],
    },
    { env: { KEY: 'sk-test' } },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

describe.each(pairs)('a conversation that grows, from $client to $model', ({ client, provider, model }) => {
  it('keeps its prefix', async () => {
    await fc.assert(
      fc.asyncProperty(growingConversation, async (conversation) => {
        let last: { prompt: Prompt; tools: number } | null = null;
        const movesShapes = client !== provider;
        for (const { body, tools, answered } of requestsOf(growingClients[client], conversation, { movesShapes })) {
          upstream.queue(say('ok'));
          const response = await running.ask({ ...body, model }, { path: doors[client] });
          expect(response.status, await response.text()).toBe(200);
          const prompt = promptOf(upstream.asked.at(-1)?.text ?? '');
          if (last !== null)
            expect(brokenPrefix(last.prompt, prompt, { provider, toolsGained: tools !== last.tools })).toBeNull();
          if (answered) last = { prompt, tools };
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe("Claude Code's billing block", () => {
  const billing = { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.12c; cc_entrypoint=cli;' };
  const body = { max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };

  it.each(targets)('goes to $model as it came, in its own dialect alone', async ({ provider, model }) => {
    upstream.queue(say('ok'));
    const system = [billing, { type: 'text', text: 'You are Claude Code.' }];
    await (await running.ask({ ...body, model, system })).text();
    const sent = upstream.asked[0]?.text ?? '';
    if (provider === 'anthropic') expect(sent).toContain(`"system":${JSON.stringify(system)}`);
    else expect(sent).not.toContain('billing-header');
    expect(sent).toContain('You are Claude Code.');
  });
});
