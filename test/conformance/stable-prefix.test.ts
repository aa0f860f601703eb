import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodeTarget, ProviderCodec, Quirks } from '../../src-main/protocols/codec.ts';
import { packState } from '../../src-main/protocols/reasoning-state.ts';
import type { ReasoningBlock, Recall } from '../../src-main/protocols/remembered-turn.ts';
import { restoreTurns } from '../../src-main/protocols/restore-turns.ts';
import { factsOf } from '../../src-main/providers/model-catalogue.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { encodeTarget } from '../helpers/codec-contexts.ts';
import { growingClients, requestsOf } from '../helpers/growing-clients.ts';
import { growingConversation, TARGET } from '../helpers/growing-conversation.ts';
import { brokenPrefix, type Prompt, promptOf } from '../helpers/prompt-prefix.ts';
import { codecs, quirkSets, sessionShares } from './cache-share.ts';

/**
 * Prompt caches live on it: what a conversation's request sends is the beginning of what its next one sends, byte for byte,
 * whatever was said and whoever is asked. Not compared are:
 *
 * - a request of whose answer the client keeps nothing, with the next: what the user says then is a part of the same message;
 * - `tools`, where the client has gained one;
 * - what is passed through of clients that do not keep the form of their own messages.
 *
 * Answers that a provider is told nothing of (foreign reasoning alone) let Anthropic's message before them grow at its end.
 */

const anthropicQuirks: readonly Partial<Quirks>[] = [
  { takesSystemAnywhere: true, takesPrefill: true, cacheMarks: 'cache_control', searchesWeb: true },
  { takesEmptySignature: true },
  { takesEmptySignature: true, returnsReasoningContent: true },
];

const models = {
  anthropic: ['claude-opus-5-5', 'claude-sonnet-4-6', 'claude-haiku-4-5', 'claude-3-haiku', 'glm-5.3'],
  others: ['gpt-5.6-terra', 'gpt-4.1', 'gpt-oss:120b', 'deepseek-v4', 'devstral-small-2'],
};

/** What models have been seen to refuse, and what is said otherwise then. */
const REFUSABLE = ['cache_control', 'prompt_cache_breakpoint', 'thinking', 'output_config', 'reasoning', 'tool_choice'];

const arbitraryTarget = (protocol: ProviderProtocol): fc.Arbitrary<EncodeTarget> =>
  fc
    .record({
      // What the conversation holds of this target's own goes back to this model only.
      model: fc.constantFrom(TARGET.model, ...models[protocol === 'anthropic' ? 'anthropic' : 'others']),
      quirks: fc.constantFrom(...(protocol === 'anthropic' ? anthropicQuirks : quirkSets.map(({ quirks }) => quirks))),
      images: fc.constantFrom(null, true, false),
      changed: fc.record(
        {
          takesSystemAnywhere: fc.boolean(),
          takesUserAfterTool: fc.boolean(),
          takesNullContent: fc.boolean(),
          // Whoever wants thinking back in Anthropic's dialect takes it without a signature, too.
          ...(protocol === 'anthropic' ? {} : { returnsReasoningContent: fc.boolean() }),
          returnsReasoningDetails: fc.boolean(),
          cacheMarks: fc.constantFrom('none' as const, 'cache_control' as const, 'prompt_cache_breakpoint' as const),
        },
        { requiredKeys: [] },
      ),
      refused: fc.subarray(REFUSABLE, { maxLength: 2 }),
      knowsOwners: fc.boolean(),
    })
    .map(({ model, quirks, images, changed, refused, knowsOwners }) =>
      encodeTarget({
        ...TARGET,
        model,
        quirks: { ...quirks, ...changed },
        facts: { ...factsOf(null, model), ...(images === null ? {} : { images }) },
        refused: new Set(refused),
        isForeign: knowsOwners ? (signature) => signature.length % 8 === 0 : null,
      }),
    );

/** Remembers every answer that called a tool, and for some that they held nothing. */
const recallOf =
  (dialect: ProviderProtocol, { provider, model }: EncodeTarget): Recall =>
  (key) => {
    const data = { type: 'reasoning', id: `rs_${key}`, summary: [], encrypted_content: key, details: [{ text: key }] };
    const signature = packState({ dialect, provider, model, data: dialect === 'anthropic' ? key : data });
    const thought: ReasoningBlock = { type: 'thinking', thinking: `Thought ${key}.`, signature };
    const reasoning = key < 'd' ? {} : { '': [thought], 'text:0': [thought] };
    return { provider, model, reasoning, phases: ['commentary'] };
  };

interface Way {
  client: ClientProtocol;
  codec: ProviderCodec;
  target: EncodeTarget;
  /** What clients have lost is put back. */
  restores: boolean;
}

/** What the provider is sent. */
function sent(body: Record<string, unknown>, { client, codec, target, restores }: Way): Uint8Array {
  const { protocol, passThrough } = codec;
  const raw = Buffer.from(JSON.stringify(body));
  const recall = recallOf(protocol, target);
  const { quirks } = target;
  if (protocol !== client) {
    const request = growingClients[client].codec.decodeRequest(JSON.parse(raw.toString()));
    const losesParts = client === 'openai-chat';
    const takesUnsigned = quirks.takesEmptySignature || quirks.returnsReasoningContent;
    const wants = { ...target, losesParts, takesUnsigned, takesPhases: protocol === 'openai-responses' };
    const messages = restores ? restoreTurns(request.messages, wants, recall).messages : request.messages;
    return codec.encodeRequest({ ...request, messages }, target).body;
  }
  let kept: Readonly<Record<string, unknown>> = body;
  const restoration = restores && passThrough?.restoration?.wantedBy(quirks) === true ? passThrough.restoration : null;
  if (restoration?.mayBeNeeded(raw) === true) kept = restoration.restore(kept, target, recall).body;
  if (passThrough?.foreignState.mayBeIn(raw, target) === true) kept = passThrough.foreignState.remove(kept, target);
  return Buffer.from(JSON.stringify(kept));
}

const clientProtocols: readonly ClientProtocol[] = ['anthropic', 'openai-chat', 'openai-responses'];
const providerProtocols: readonly ProviderProtocol[] = ['anthropic', 'openai-chat', 'openai-responses', 'ollama'];
const pairs = clientProtocols.flatMap((client) => providerProtocols.map((provider) => ({ client, provider })));

describe.each(pairs)('a conversation that grows, from $client to $provider', ({ client, provider }) => {
  it('keeps its prefix', () => {
    fc.assert(
      fc.property(growingConversation, arbitraryTarget(provider), fc.boolean(), (conversation, target, restores) => {
        const requests = requestsOf(growingClients[client], conversation, { movesShapes: client !== provider });
        const way = { client, codec: codecs[provider], target, restores };
        let last: { prompt: Prompt; tools: number } | null = null;
        for (const { body, tools, answered } of requests) {
          const prompt = promptOf(sent(body, way));
          if (last !== null)
            expect(brokenPrefix(last.prompt, prompt, { provider, toolsGained: tools !== last.tools })).toBeNull();
          if (answered) last = { prompt, tools };
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("Claude Code's fifty turns", () => {
  it.each(sessionShares())('find their prompt in the cache of $target', ({ kept, served }) => {
    expect(kept).toBeGreaterThan(0.999);
    // What is new in a turn is no part of it.
    expect(served).toBeGreaterThan(0.9);
  });
});
