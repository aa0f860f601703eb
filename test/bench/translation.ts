import { RequestContext } from '../../src-main/pipeline/context.ts';
import { noMemory } from '../../src-main/pipeline/reasoning-memory.ts';
import { upstreamRequest } from '../../src-main/pipeline/upstream-request.ts';
import { anthropicClientCodec } from '../../src-main/protocols/anthropic/client-codec.ts';
import type { ClientCodec } from '../../src-main/protocols/codec.ts';
import { openaiChatClientCodec } from '../../src-main/protocols/openai-chat/client-codec.ts';
import { openaiResponsesClientCodec } from '../../src-main/protocols/openai-responses/client-codec.ts';
import { RequestBody } from '../../src-main/protocols/request-body.ts';
import { createProvider } from '../../src-main/providers/provider-types.ts';
import { createTransport } from '../../src-main/providers/transport.ts';
import { ProviderRouter } from '../../src-main/routing/provider-router.ts';
import { RoutingState } from '../../src-main/routing/routing-state.ts';
import { configSchema } from '../../src-shared/config.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { factsOf, factWorld } from '../helpers/routing.ts';
import { doors, longRequest } from './dialect-requests.ts';
import { median } from './statistics.ts';

/** What it costs to plan and translate one long conversation, measured in this process. */

const conversationBytes = 1_000_000;
const repeats = 15;

export interface TranslationCost {
  client: ClientProtocol;
  provider: ProviderProtocol;
  /** Processor time of the first of its kind and of those after it, in ms. */
  firstMs: number;
  medianMs: number;
}

const codecs: readonly ClientCodec[] = [anthropicClientCodec, openaiChatClientCodec, openaiResponsesClientCodec];
const providerTypes = {
  anthropic: { type: 'anthropic' },
  'openai-chat': { type: 'openai-compatible', protocols: ['openai-chat'] },
  'openai-responses': { type: 'openai-compatible', protocols: ['openai-responses'] },
  ollama: { type: 'ollama' },
} as const;

async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Every pair of different dialects. */
export async function measureTranslation(): Promise<TranslationCost[]> {
  const protocols = Object.keys(providerTypes) as ProviderProtocol[];
  const config = configSchema.parse({
    providers: protocols.map((id) => ({ id, baseUrl: 'http://127.0.0.1:1', models: ['m'], ...providerTypes[id] })),
  });
  const resources = {
    transport: createTransport(),
    resolveKey: async () => ({ state: 'missing' as const, reason: '' }) as const,
  };
  const providers = config.providers.map((provider) => createProvider(provider, resources));
  const [demo] = providers;
  if (demo === undefined) throw new Error('there are no providers');
  const router = new ProviderRouter({
    config,
    providers,
    demo,
    state: new RoutingState({ downReason: () => null, settings: () => config.routing }),
  });
  const costs: TranslationCost[] = [];
  for (const codec of codecs) {
    const raw = longRequest(codec.protocol, 'm', conversationBytes);
    for (const provider of protocols) {
      if (provider === codec.protocol) continue;
      const once = (): Promise<unknown> => {
        const context = new RequestContext(
          {
            id: 'req_bench',
            codec,
            path: doors[codec.protocol],
            query: '',
            rawHeaders: [],
            header: () => null,
            body: new RequestBody(raw),
            clientCredentials: [],
            client: null,
            signal: new AbortController().signal,
            arrivedAt: performance.now(),
          },
          factWorld,
        );
        const plan = router.plan(factsOf({ model: `${provider}/m` }));
        const [target] = plan.targets;
        if (target === undefined) throw new Error(`no target for ${provider}`);
        const row = { ...context.row } as never;
        const chances = { noOther: true, isFinal: true, othersForRefused: false };
        return upstreamRequest(
          {
            ...{ request: context, target, row, ...chances, triedKeys: new Set<string>() },
            ...{ key: null, traceHeaders: null, sent: null, refusal: null },
          },
          { hops: '', memory: noMemory },
        );
      };
      const firstMs = await cpuMs(once);
      const times: number[] = [];
      for (let count = 0; count < repeats; count += 1) times.push(await cpuMs(once));
      costs.push({ client: codec.protocol, provider, firstMs, medianMs: median(times) });
    }
  }
  return costs;
}
