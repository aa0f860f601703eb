import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KeyLease } from '../../../../src-main/providers/key-pool.ts';
import { checkAnthropic, listAnthropicModels } from '../../../../src-main/providers/listings/anthropic.ts';
import { listGeminiModels } from '../../../../src-main/providers/listings/gemini.ts';
import { listModelsAsCheck, listOpenaiModels } from '../../../../src-main/providers/listings/openai.ts';
import { checkOpenrouter, listOpenrouterModels } from '../../../../src-main/providers/listings/openrouter.ts';
import type { ModelListing } from '../../../../src-main/providers/model-listing.ts';
import type { Probe } from '../../../../src-main/providers/probe.ts';
import { askedServer, type Said } from '../../../helpers/asked-server.ts';

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../../fixtures/model-lists', `${name}.json`), 'utf8'));
const key: KeyLease = { kind: 'own', id: 'key', value: 'the-key' };
const { signal } = new AbortController();

const list = (listing: ModelListing, said: Said) => listing(askedServer({ '/models': said }), signal);
const html: Said = { text: '<!DOCTYPE html><html><body>Sign in</body></html>' };

describe('the list of an OpenAI-compatible server', () => {
  it('of OpenAI holds what answers chats', async () => {
    expect(await list(listOpenaiModels, { json: fixture('openai') })).toEqual([{ id: 'gpt-5.1' }, { id: 'o3' }]);
  });

  it('of Groq tells windows and what is switched off', async () => {
    expect(await list(listOpenaiModels, { json: fixture('groq') })).toEqual([
      { id: 'openai/gpt-oss-120b', contextWindow: 131_072, maxOutput: 65_536 },
    ]);
  });

  it('of Mistral tells abilities, and what answers no chats', async () => {
    const medium = {
      id: 'mistral-medium-latest',
      displayName: 'mistral-medium-2508',
      contextWindow: 131_072,
      images: true,
      tools: true,
    };
    expect(await list(listOpenaiModels, { json: fixture('mistral') })).toEqual([medium, medium]);
  });

  it('of Together is a bare list', async () => {
    expect(await list(listOpenaiModels, { json: fixture('together') })).toEqual([
      { id: 'zai-org/GLM-5.3', displayName: 'GLM 5.3', contextWindow: 202_752 },
    ]);
  });

  it('keeps ids as they are', async () => {
    const ids = ['a/b/c', 'with space', 'ünïcode', 'x:free', 'constructor', '__proto__'];
    const models = await list(listOpenaiModels, { json: { data: ids.map((id) => ({ id })) } });
    expect(models.map(({ id }) => id)).toEqual(ids);
  });

  it('may be empty, and leaves out what is no model', async () => {
    expect(await list(listOpenaiModels, { json: { data: [] } })).toEqual([]);
    expect(await list(listOpenaiModels, { json: { data: [null, 'm', {}, { id: '' }, { id: 7 }] } })).toEqual([]);
  });

  it('of Gemini has ids without the word in front', async () => {
    const json = { object: 'list', data: [{ id: 'models/gemini-3-pro', object: 'model' }] };
    expect(await list(listGeminiModels, { json })).toEqual([{ id: 'gemini-3-pro' }]);
  });
});

describe('the list of Anthropic', () => {
  const pages = {
    '/models?limit=1000': { json: fixture('anthropic-page-1') },
    '/models?limit=1000&after_id=claude-opus-4-1-20250805': { json: fixture('anthropic-page-2') },
  };
  it('is read page by page; the retired are left out, the deprecated are not', async () => {
    expect(await listAnthropicModels(askedServer(pages), signal)).toEqual([
      {
        id: 'claude-opus-5-5',
        displayName: 'Claude Opus 5.5',
        contextWindow: 1_000_000,
        maxOutput: 128_000,
        images: true,
        documents: true,
        structuredOutput: true,
        reasoning: true,
      },
      {
        id: 'claude-haiku-4-5-20251001',
        displayName: 'Claude Haiku 4.5',
        contextWindow: 200_000,
        maxOutput: 64_000,
        images: true,
        documents: false,
      },
    ]);
  });

  it('ends, though a server says that there is always more', async () => {
    const said: Said = { json: { data: [{ id: 'm' }], has_more: true, last_id: 'm' } };
    const server = askedServer({ '/models?limit=1000': said, '/models?limit=1000&after_id=m': said });
    await listAnthropicModels(server, signal);
    expect(server.questions).toHaveLength(2);
  });
});

describe('the list of OpenRouter', () => {
  it('tells abilities by parameters and modalities, and leaves out what expired or draws', async () => {
    expect(await list(listOpenrouterModels, { json: fixture('openrouter') })).toEqual([
      {
        id: 'anthropic/claude-sonnet-5.5',
        displayName: 'Anthropic: Claude Sonnet 5.5',
        contextWindow: 1_000_000,
        maxOutput: 128_000,
        images: true,
        documents: true,
        tools: true,
        reasoning: true,
        structuredOutput: true,
      },
      {
        id: 'small/writer:free',
        displayName: 'Writer (free)',
        contextWindow: 32_768,
        images: false,
        documents: false,
        tools: false,
        reasoning: false,
        structuredOutput: false,
      },
    ]);
  });
});

const kinds: [name: string, path: string, listing: ModelListing][] = [
  ['OpenAI', '/models', listOpenaiModels],
  ['Anthropic', '/models?limit=1000', listAnthropicModels],
  ['OpenRouter', '/models', listOpenrouterModels],
  ['Gemini', '/models', listGeminiModels],
];

describe.each(kinds)('what is no list (%s)', (_name, at, listing) => {
  const asked = (said: Said) => listing(askedServer({ [at]: said }), signal);
  it.each<[string, Said]>([
    ['a page of HTML', html],
    ['an object without a list', { json: { hello: 'world' } }],
    ['a list that is none', { json: { data: 'many' } }],
    ['a text', { json: 'ok' }],
    ['nothing', { text: '' }],
  ])('%s is garbage', async (_what, said) => {
    await expect(asked(said)).rejects.toMatchObject({ code: 'provider_garbage' });
  });
  it('a page of HTML is called so, with what to look at', async () => {
    await expect(asked(html)).rejects.toThrow(/page.*baseUrl/);
  });
  it.each([401, 403])('%i: the key is refused', async (status) => {
    const json = { error: { message: 'no', type: 'authentication_error' } };
    await expect(asked({ status, json })).rejects.toMatchObject({ code: 'provider_key_refused' });
  });
  it.each([404, 500])('%i is an error of the provider', async (status) => {
    await expect(asked({ status, text: 'not here' })).rejects.toMatchObject({ code: 'provider_error' });
  });
});

const checks: [name: string, path: string, check: Probe, good: unknown][] = [
  ['OpenAI', '/models', listModelsAsCheck, { data: [] }],
  ['Anthropic', '/models?limit=1', checkAnthropic, { data: [] }],
  ['OpenRouter', '/key', checkOpenrouter, { data: { limit_remaining: null } }],
];

describe.each(checks)('the check of %s', (_name, at, check, good) => {
  const asked = (said: Said) => check(askedServer({ [at]: said }), key, signal);
  it('asks one question with the key, and is content', async () => {
    const server = askedServer({ [at]: { json: good } });
    expect(await check(server, key, signal)).toEqual({ state: 'ready' });
    expect(server.questions).toEqual([{ path: at, key, signal }]);
  });
  it.each([401, 402, 403, 404, 500])('fails on %i', async (status) => {
    await expect(asked({ status, json: { error: { message: 'no' } } })).rejects.toThrow('no');
  });
  it('fails on a page of HTML', async () => {
    await expect(asked(html)).rejects.toMatchObject({ code: 'provider_garbage' });
  });
});

it("OpenRouter's check tells that a key's limit is spent", async () => {
  const json = { data: { limit: 5, limit_remaining: 0, limit_reset: 'monthly', usage: 5 } };
  const asked = checkOpenrouter(askedServer({ '/key': { json } }), key, signal);
  await expect(asked).rejects.toThrow(/limit of \$5 is spent.*monthly/);
});
