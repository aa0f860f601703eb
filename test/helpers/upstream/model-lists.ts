import { ollamaShow, ollamaTags } from './ollama.ts';
import type { UpstreamRequest } from './request.ts';
import { type RawStep, raw } from './step.ts';

/**
 * What kinds of servers say to questions that cost nothing: which models they have, whether they are ready, what an account
 * has left. In their own shapes, with more fields than anybody reads.
 */
export type FreeAnswers = (request: UpstreamRequest, models: readonly string[]) => RawStep | null;

const json = (body: unknown, status = 200): RawStep =>
  raw(status, JSON.stringify(body), { 'content-type': 'application/json' });
const ok = (): RawStep => raw(200, '');

/** Asks for a path (that ends so) with GET. */
const gets = ({ method, path }: UpstreamRequest, end: string): boolean => method === 'GET' && path.endsWith(end);

const CREATED = 1_790_000_000;

/** API reference of OpenAI, "List models". */
export const openaiLists: FreeAnswers = (request, models) =>
  gets(request, '/models')
    ? json({
        object: 'list',
        data: models.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'system' })),
      })
    : null;

/** API reference of Anthropic, "List models": in pages. */
export const anthropicLists: FreeAnswers = (request, models) => {
  if (!gets(request, '/models')) return null;
  const query = new URL(request.url, 'http://upstream').searchParams;
  const limit = Number(query.get('limit') ?? '20');
  const from = models.indexOf(query.get('after_id') ?? '') + 1;
  const page = models.slice(from, from + limit);
  const yes = { supported: true };
  return json({
    data: page.map((id) => ({
      type: 'model',
      id,
      display_name: id,
      created_at: '2026-09-01T00:00:00Z',
      max_input_tokens: 1_000_000,
      max_tokens: 128_000,
      capabilities: {
        batch: yes,
        image_input: yes,
        pdf_input: yes,
        structured_outputs: yes,
        thinking: { ...yes, types: { adaptive: yes, enabled: { supported: false } } },
      },
      lifecycle: 'active',
    })),
    has_more: from + limit < models.length,
    first_id: page[0] ?? null,
    last_id: page.at(-1) ?? null,
  });
};

/** OpenRouter's documentation, "List available models" and "Get current API key". */
export const openrouterLists: FreeAnswers = (request, models) => {
  if (gets(request, '/key'))
    return json({ data: { label: 'a key', limit: null, limit_remaining: null, usage: 1.5, is_free_tier: false } });
  if (!gets(request, '/models')) return null;
  return json({
    data: models.map((id) => ({
      id,
      canonical_slug: id,
      name: id,
      created: CREATED,
      context_length: 200_000,
      architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'], modality: 'text+image->text' },
      pricing: { prompt: '0.000001', completion: '0.000005' },
      top_provider: { context_length: 200_000, max_completion_tokens: 64_000, is_moderated: false },
      supported_parameters: ['max_tokens', 'reasoning', 'tool_choice', 'tools'],
      expiration_date: null,
    })),
  });
};

/** ai.google.dev: "models.list", and "OpenAI compatibility", whose ids begin with `models/`. */
export const geminiLists: FreeAnswers = (request, models) => {
  if (!gets(request, '/models')) return null;
  if (request.path.endsWith('/openai/models'))
    return json({
      object: 'list',
      data: models.map((id) => ({ id: `models/${id}`, object: 'model', owned_by: 'google', display_name: id })),
    });
  return json({
    models: models.map((id) => ({
      name: `models/${id}`,
      version: '001',
      displayName: id,
      inputTokenLimit: 1_048_576,
      outputTokenLimit: 65_536,
      supportedGenerationMethods: ['generateContent', 'countTokens'],
      thinking: true,
    })),
  });
};

/** docs/api.md of Ollama. */
export const ollamaLists: FreeAnswers = (request, models) => {
  if (gets(request, '/api/tags')) return json(ollamaTags(models));
  if (gets(request, '/api/version')) return json({ version: '0.33.0' });
  if (gets(request, '/api/ps')) return json({ models: [] });
  if (request.method === 'POST' && request.path.endsWith('/api/show')) return json(ollamaShow);
  return openaiLists(request, models);
};

/** lmstudio.ai/docs, "REST API": `/api/v1/models`, `/api/v0/models` before. */
export const lmstudioLists: FreeAnswers = (request, models) => {
  if (gets(request, '/api/v1/models'))
    return json({
      models: models.map((key) => ({
        type: 'llm',
        publisher: 'qwen',
        key,
        display_name: key,
        architecture: 'qwen3',
        size_bytes: 5_225_387_923,
        loaded_instances: [{ id: key, config: { context_length: 65_536 } }],
        max_context_length: 131_072,
        format: 'gguf',
        capabilities: { vision: false, trained_for_tool_use: true },
      })),
    });
  if (gets(request, '/api/v0/models'))
    return json({
      object: 'list',
      data: models.map((id) => ({
        id,
        object: 'model',
        type: 'llm',
        publisher: 'qwen',
        arch: 'qwen3',
        state: 'loaded',
        max_context_length: 131_072,
        loaded_context_length: 65_536,
        capabilities: ['tool_use'],
      })),
    });
  return openaiLists(request, models);
};

/** tools/server/README.md of llama.cpp. */
export const llamacppLists: FreeAnswers = (request, models) => {
  if (gets(request, '/health')) return json({ status: 'ok' });
  if (gets(request, '/props'))
    return json({
      default_generation_settings: { n_ctx: 65_536 },
      total_slots: 1,
      model_alias: models[0],
      modalities: { vision: false, audio: false },
      chat_template_caps: { supports_tools: true, supports_tool_calls: true, supports_parallel_tool_calls: true },
    });
  if (gets(request, '/models'))
    return json({
      object: 'list',
      data: models.map((id) => ({
        id,
        object: 'model',
        created: CREATED,
        owned_by: 'llamacpp',
        meta: { vocab_type: 2, n_vocab: 151_936, n_ctx_train: 131_072, n_embd: 4_096 },
      })),
    });
  return null;
};

/** While it loads, all but a part of its pages say so. */
export const llamacppLoading = (): RawStep =>
  json({ error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }, 503);

/** docs.vllm.ai, "OpenAI-compatible server". */
export const vllmLists: FreeAnswers = (request, models) => {
  if (gets(request, '/health') || gets(request, '/ping')) return ok();
  if (gets(request, '/version')) return json({ version: '0.14.0' });
  if (gets(request, '/models'))
    return json({
      object: 'list',
      data: models.map((id) => ({
        id,
        object: 'model',
        created: CREATED,
        owned_by: 'vllm',
        root: id,
        parent: null,
        max_model_len: 65_536,
      })),
    });
  return null;
};
