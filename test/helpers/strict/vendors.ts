import { anthropicVendor } from './anthropic-vendors.ts';
import {
  chatVendor,
  localServer,
  returnsContent,
  returnsSignatures,
  returnsSummaries,
  shortIds,
  signsCalls,
} from './chat-vendors.ts';
import { ollamaVendor } from './ollama-vendor.ts';
import { responsesVendor } from './responses-vendor.ts';
import type { StrictVendor } from './vendor.ts';

type Described = Pick<StrictVendor, 'id' | 'model' | 'provider'>;
type Input = ReturnType<StrictVendor['provider']>;

/** How a user writes the provider down, beside its address. */
const described = (id: string, model: string, input: Omit<Input, 'id' | 'models' | 'baseUrl'>): Described => ({
  id,
  model,
  provider: (baseUrl) => ({ id, baseUrl, models: [model], ...input }),
});

const key = 'env:STRICT_KEY';
const chat = 'openai-compatible';

/** One of each kind, with nothing remembered yet. */
export function strictVendors(): StrictVendor[] {
  return [
    anthropicVendor(described('claude', 'claude-sonnet-5-5', { type: 'anthropic', key }), {
      signs: 'thinking',
      binds: true,
      demands: false,
      thinksUnasked: true,
    }),
    // It thinks only with a budget, and then every call must be thought of.
    anthropicVendor(described('oldclaude', 'claude-sonnet-4-5', { type: 'anthropic', key }), {
      signs: 'thinking',
      binds: false,
      demands: false,
      thinksUnasked: false,
    }),
    anthropicVendor(
      described('minimax', 'minimax-m3', { type: 'anthropic-compatible', quirks: { takesEmptySignature: false } }),
      { signs: 'thinking', binds: false, demands: false, thinksUnasked: true },
    ),
    anthropicVendor(
      described('unsigned', 'deepseek-v4', { type: 'anthropic-compatible', quirks: { returnsReasoningContent: true } }),
      {
        signs: 'empty',
        binds: false,
        demands: true,
        thinksUnasked: true,
      },
    ),
    responsesVendor(described('gpt', 'gpt-6', { type: 'openai', key })),
    chatVendor(
      described('deepseek', 'deepseek-v4', {
        type: chat,
        quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true },
      }),
      returnsContent,
    ),
    chatVendor(
      described('gemini', 'gemini-3-pro', {
        type: chat,
        quirks: { toolSchema: 'gemini', reasoningFormat: 'reasoning_effort' },
      }),
      signsCalls,
    ),
    chatVendor(
      described('openrouter', 'openai/gpt-6', { type: 'openrouter', key, protocols: ['openai-chat'] }),
      returnsSummaries,
    ),
    chatVendor(
      described('routed', 'anthropic/claude-sonnet-5', { type: 'openrouter', key, protocols: ['openai-chat'] }),
      returnsSignatures,
    ),
    chatVendor(described('mistral', 'devstral', { type: chat, quirks: { asksStreamUsage: false } }), shortIds),
    ollamaVendor(described('ollama', 'qwen3', { type: 'ollama' })),
    chatVendor(described('local', 'qwen3-coder', { type: chat }), localServer),
  ];
}
