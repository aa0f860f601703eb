import { isLoopbackHost } from '../../src-shared/config.ts';
import { isHostOf } from '../../src-shared/vendors.ts';
import { isGptFrom } from '../protocols/openai-models.ts';
import type { ModelProfile, ServerProfile } from './server-profile.ts';

/** OpenAI's API. */
export const openaiProfile = {
  // Responses keeps a model's reasoning between tool calls, takes every model, and is the only one that takes tools together
  // with reasoning from GPT-5.4 on.
  protocols: ['openai-responses', 'openai-chat'],
  catalogue: 'openai',
  quirks: {
    // API reference, "Create chat completion": max_tokens is deprecated and not taken by o-series models; at most 128 tools.
    maxTokensField: 'max_completion_tokens',
    reasoningFormat: 'reasoning_effort',
    takesSystemAnywhere: true,
    toolLimit: 128,
    isOpenai: true,
  },
  // Guide "Prompt caching": explicit breakpoints from GPT-5.6 on.
  models: [{ matches: (model) => isGptFrom(model, 5, 6), quirks: { cacheMarks: 'prompt_cache_breakpoint' } }],
} as const satisfies ServerProfile;

/** OpenRouter. */
export const openrouterProfile = {
  protocols: ['openai-chat', 'openai-responses', 'anthropic'],
  catalogue: 'openrouter',
  quirks: {
    // Docs, "Reasoning tokens": the reasoning object, and reasoning_details given back as they came.
    reasoningFormat: 'reasoning',
    returnsReasoningDetails: true,
    takesSystemAnywhere: true,
    // Docs, "Prompt caching": cache_control on content parts, turned into each vendor's own.
    cacheMarks: 'cache_control',
    // Docs, "Web search": the plugin.
    searchesWeb: true,
  },
} as const satisfies ServerProfile;

/** Google's Gemini, by its OpenAI-compatible surface. */
export const geminiProfile = {
  catalogue: 'google',
  // ai.google.dev, "OpenAI compatibility": reasoning_effort. Fields of JSON Schema that it does not know are errors
  // (musistudio/claude-code-router issue 187).
  quirks: { toolSchema: 'gemini', reasoningFormat: 'reasoning_effort' },
} as const satisfies ServerProfile;

/**
 * Models of Mistral's, wherever they run: what serves them checks a conversation as Mistral's own API does
 * (mistralai/mistral-vibe issue 578, NousResearch/hermes-agent issue 20154).
 */
export const mistralModels: ModelProfile = {
  matches: (model) => /(?:^|[/_:-])(?:mistral|mixtral|ministral|magistral|devstral|codestral|pixtral)/i.test(model),
  quirks: { toolIds: 'mistral', takesUserAfterTool: false },
};

/**
 * LM Studio. It speaks Anthropic's dialect as well, but there nothing mends the tools' schemas and the thinking that a model
 * leaves in its text.
 */
export const lmstudioProfile = {
  // Release notes of 0.3.29: /v1/responses.
  protocols: ['openai-chat', 'openai-responses'],
  selfHosted: true,
  // API changelog: tool_choice is "auto", "none" or "required"; an object counts as "auto" (Open-Historia/open-historia pull
  // request 333).
  quirks: { takesNamedTool: false },
  // A silent empty stream, or garbage (lmstudio-ai/lmstudio-bug-tracker issues 2339 and 1806).
  takesTooMuch: true,
} as const satisfies ServerProfile;

/**
 * llama.cpp's server. What comes in Anthropic's or Responses' dialect it turns into Chat Completions itself, with "no strong
 * claims of compatibility" (its README).
 */
export const llamacppProfile = {
  selfHosted: true,
  // docs/function-calling.md: tools' schemas become grammars. README: chat_template_kwargs. A tool_choice that is no text counts
  // as "auto" (its issue 26535).
  quirks: { toolSchema: 'grammar', takesNamedTool: false, reasoningFormat: 'chat_template_kwargs' },
  // README of its server: /v1/messages/count_tokens.
  countsIn: 'anthropic',
} as const satisfies ServerProfile;

/**
 * vLLM. In Anthropic's dialect it refuses blocks and tools that it does not know with the whole request (vllm
 * entrypoints/anthropic: documents, server tools), and does not read `thinking`.
 */
export const vllmProfile = {
  selfHosted: true,
  // docs.vllm.ai, "Reasoning outputs": chat_template_kwargs.
  quirks: { reasoningFormat: 'chat_template_kwargs' },
  countsIn: 'anthropic',
} as const satisfies ServerProfile;

interface KnownServer extends ServerProfile {
  name: string;
  /** Host names at which nobody else is; one that begins with a dot is the end of any number of them. */
  hosts?: readonly string[];
  /** Its default ports: on this machine they tell what listens. */
  ports?: readonly string[];
}

/**
 * Servers of the compatible types that are known by their address, each with what its vendor's documentation, or an issue
 * with its own words, says.
 */
export const knownServers: readonly KnownServer[] = [
  { name: 'OpenAI', hosts: ['api.openai.com'], countsIn: 'openai-responses', ...openaiProfile },
  { name: 'OpenRouter', hosts: ['openrouter.ai'], ...openrouterProfile },
  {
    name: 'DeepSeek',
    hosts: ['api.deepseek.com'],
    catalogue: 'deepseek',
    // API docs, "Thinking mode": thinking.type, and reasoning_content goes back with tool calls; "Create chat completion":
    // at most 128 functions.
    quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true, toolLimit: 128 },
  },
  {
    name: 'Moonshot',
    hosts: ['api.moonshot.ai', 'api.moonshot.cn'],
    catalogue: 'moonshotai',
    // Kimi docs, "Thinking models": reasoning_content must stay in the conversation; "Tool use": at most 128 functions. K3
    // has reasoning_effort instead of thinking.type.
    quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true, toolLimit: 128 },
    models: [{ matches: isKimiWithEfforts, quirks: { reasoningFormat: 'reasoning_effort' } }],
  },
  {
    name: 'Kimi for Coding',
    hosts: ['api.kimi.com'],
    catalogue: 'kimi-coding',
    quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true, toolLimit: 128 },
    models: [{ matches: isKimiWithEfforts, quirks: { reasoningFormat: 'reasoning_effort' } }],
  },
  {
    name: 'Z.ai',
    hosts: ['api.z.ai', 'open.bigmodel.cn'],
    catalogue: 'zai',
    // docs.z.ai, "Thinking mode": thinking.type, and thinking is to be returned with tool results.
    quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true },
    // badlogic/pi-mono, packages/ai: "does NOT error, accepts overflow silently".
    takesTooMuch: true,
  },
  {
    name: 'MiniMax',
    hosts: ['api.minimax.io', 'api.minimaxi.com'],
    catalogue: 'minimax',
  },
  {
    name: 'Qwen',
    // Model Studio's docs, "Base URL overview"; a workspace has a host of its own below maas.
    hosts: [
      'dashscope-intl.aliyuncs.com',
      'dashscope.aliyuncs.com',
      'dashscope-us.aliyuncs.com',
      '.dashscope.aliyuncs.com',
      '.maas.aliyuncs.com',
    ],
    // Model Studio's docs, "Deep thinking": enable_thinking stands in the body itself. "API compatibility upgrades": what
    // max_tokens limits differs by model, max_completion_tokens is thinking and answer together, as here.
    quirks: { reasoningFormat: 'enable_thinking', maxTokensField: 'max_completion_tokens' },
  },
  {
    name: 'Xiaomi MiMo',
    hosts: ['api.xiaomimimo.com'],
    catalogue: 'xiaomi',
    // platform.xiaomimimo.com, "Passing back reasoning_content"; thinking.type.
    quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true },
    // badlogic/pi-mono, packages/ai: "truncates input to fill contextWindow exactly".
    takesTooMuch: true,
  },
  {
    name: 'Mistral',
    hosts: ['api.mistral.ai'],
    catalogue: 'mistral',
    // Unknown fields are refused, stream_options among them (dnakov/anon-kode issue 53); usage comes all the same.
    // "Unexpected role 'user' after role 'tool'" (zed-industries/zed issue 37021).
    quirks: {
      toolIds: 'mistral',
      takesUserAfterTool: false,
      asksStreamUsage: false,
      reasoningFormat: 'reasoning_effort',
    },
  },
  {
    name: 'Groq',
    hosts: ['api.groq.com'],
    catalogue: 'groq',
    // API reference: max_tokens is deprecated, reasoning_effort, at most 128 functions.
    quirks: { maxTokensField: 'max_completion_tokens', reasoningFormat: 'reasoning_effort', toolLimit: 128 },
  },
  {
    name: 'xAI',
    hosts: ['api.x.ai'],
    // docs.x.ai, "Comparison with Chat Completions API": that one is deprecated and returns no reasoning; at most 128 tools.
    protocols: ['openai-responses', 'openai-chat'],
    catalogue: 'xai',
    quirks: { maxTokensField: 'max_completion_tokens', reasoningFormat: 'reasoning_effort', toolLimit: 128 },
  },
  {
    name: 'Gemini',
    hosts: ['generativelanguage.googleapis.com'],
    ...geminiProfile,
  },
  {
    name: 'Together',
    hosts: ['api.together.ai', 'api.together.xyz'],
    catalogue: 'together',
    // docs.together.ai, "GLM-5.3 quickstart": reasoning_effort.
    quirks: { reasoningFormat: 'reasoning_effort' },
  },
  {
    name: 'Fireworks',
    hosts: ['api.fireworks.ai'],
    catalogue: 'fireworks',
    // docs.fireworks.ai, "Reasoning": reasoning_effort.
    quirks: { reasoningFormat: 'reasoning_effort' },
  },
  {
    name: 'Cerebras',
    hosts: ['api.cerebras.ai'],
    catalogue: 'cerebras',
    // inference-docs.cerebras.ai, "Chat completions": max_completion_tokens, reasoning_effort.
    quirks: { maxTokensField: 'max_completion_tokens', reasoningFormat: 'reasoning_effort' },
  },
  {
    name: 'Meta',
    hosts: ['api.meta.ai'],
    // dev.meta.ai, "Responses": preferred for agents; "Chat completions" is there too.
    protocols: ['openai-responses', 'openai-chat'],
    catalogue: 'meta',
    quirks: { reasoningFormat: 'reasoning_effort' },
  },
  {
    name: 'LM Studio',
    ports: ['1234'],
    ...lmstudioProfile,
  },
  {
    // Spoken to in OpenAI's dialect, where it cannot be told not to.
    name: 'Ollama',
    ports: ['11434'],
    selfHosted: true,
    // ollama/ollama issue 4967: the beginning is dropped without a word.
    takesTooMuch: true,
  },
  {
    name: 'llama.cpp',
    // 9931; 8080 before autumn 2026, and in its container (ggml-org/llama.cpp pull request 26508).
    ports: ['9931', '8080'],
    ...llamacppProfile,
  },
];

/** K3 and later, as the two Kimi platforms name them: `kimi-k3.1-pro`, `k3`. */
function isKimiWithEfforts(model: string): boolean {
  return /(?:^|[/-])k(?:[3-9]|\d{2,})(?![\d])/i.test(model);
}

/** The server that is known to be at an address; null where none is. */
export function knownServer(url: URL): KnownServer | null {
  const { hostname, port } = url;
  const here = isLoopbackHost(hostname);
  return (
    knownServers.find(
      ({ hosts, ports }) =>
        (hosts !== undefined && isHostOf(hostname, hosts)) || (here && ports?.includes(port) === true),
    ) ?? null
  );
}
