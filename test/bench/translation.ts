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
import { configSchema } from '../../src-shared/config.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { dialectRequest, doors } from './dialect-requests.ts';
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

/** A request of 1 MB: the turns of the measured one again and again, each with ids and texts of its own. */
function longRequest(protocol: ClientProtocol): Buffer {
  const body = JSON.parse(dialectRequest(protocol, 'm', true, 'burst')) as Record<string, unknown>;
  const list = protocol === 'openai-responses' ? 'input' : 'messages';
  const turns = body[list] as object[];
  const all: object[] = [];
  for (let round = 0, bytes = 0; bytes < conversationBytes; round += 1) {
    // No system message in the middle of a later round: some vendors have rules for where one may stand.
    const text = JSON.stringify(
      round === 0 ? turns : turns.filter((turn) => !('role' in turn && turn.role === 'system')),
    )
      .replaceAll('toolu_bench', `toolu_${round}_`)
      .replaceAll('module-', `module-${round}-`);
    all.push(...(JSON.parse(text) as object[]));
    bytes += text.length;
  }
  return Buffer.from(JSON.stringify({ ...body, [list]: all }));
}

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
  const router = new ProviderRouter(config, providers, demo);
  const costs: TranslationCost[] = [];
  for (const codec of codecs) {
    const raw = longRequest(codec.protocol);
    for (const provider of protocols) {
      if (provider === codec.protocol) continue;
      const once = (): Promise<unknown> => {
        const context = new RequestContext({
          id: 'req_bench',
          codec,
          path: doors[codec.protocol],
          query: '',
          rawHeaders: [],
          header: () => null,
          body: new RequestBody(raw),
          clientCredentials: [],
          signal: new AbortController().signal,
          arrivedAt: performance.now(),
        });
        const plan = router.plan(`${provider}/m`);
        const [target] = plan.targets;
        if (target === undefined) throw new Error(`no target for ${provider}`);
        const row = { ...context.row } as never;
        return upstreamRequest(
          { request: context, target, row, last: true, triedKeys: new Set(), key: null },
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
