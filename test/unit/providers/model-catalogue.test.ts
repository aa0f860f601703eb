import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import packageFile from '../../../package.json' with { type: 'json' };
import { source } from '../../../scripts/lib/model-catalogue.ts';
import { unknownModel } from '../../../src-main/protocols/codec.ts';
import { reasoningEfforts } from '../../../src-main/protocols/effort.ts';
import { knownServers } from '../../../src-main/providers/known-servers.ts';
import { factsOf, isListed } from '../../../src-main/providers/model-catalogue.ts';

const project = path.resolve(import.meta.dirname, '../../..');
const text = readFileSync(path.join(project, 'resources/models.json'), 'utf8');

const price = z.number().positive();
const rates = {
  input: z.number().nonnegative(),
  output: z.number().nonnegative(),
  cacheRead: price.optional(),
  cacheWrite: price.optional(),
};
const tokens = z.number().int().positive();
const entry = z.strictObject({
  contextWindow: tokens.optional(),
  maxOutput: tokens.optional(),
  reasoning: z.boolean().optional(),
  efforts: z.array(z.enum(reasoningEfforts)).min(1).optional(),
  images: z.boolean().optional(),
  cost: z
    .strictObject({
      ...rates,
      tiers: z
        .array(z.strictObject({ inputTokensAbove: tokens, ...rates }))
        .min(1)
        .optional(),
    })
    .optional(),
});
const catalogue = z
  .strictObject({
    about: z.string(),
    source: z.literal(source.package),
    version: z.literal(source.version),
    date: z.iso.date(),
    licence: z.string().startsWith('MIT'),
    models: z.record(z.string(), z.record(z.string().min(1), entry)),
  })
  .parse(JSON.parse(text));

describe('the model catalogue', () => {
  it('has every kind it is made of, and those of all known servers', () => {
    expect(Object.keys(catalogue.models)).toEqual(source.kinds);
    const kinds = knownServers.flatMap(({ catalogue: kind }) => kind ?? []);
    expect(kinds.filter((kind) => !source.kinds.includes(kind))).toEqual([]);
  });

  it('writes a model on a line, in order, so that a newer one reads as a diff', () => {
    for (const models of Object.values(catalogue.models)) {
      const ids = Object.keys(models);
      expect(ids).toEqual([...ids].sort());
      for (const [id, model] of Object.entries(models))
        expect(text).toContain(`\n      ${JSON.stringify(id)}: ${JSON.stringify(model)}`);
    }
  });

  it('goes wherever the program goes, with its licence', () => {
    expect(packageFile.files).toEqual(expect.arrayContaining(['resources', 'NOTICE.md']));
    const builder = readFileSync(path.join(project, 'electron-builder.yml'), 'utf8');
    expect(builder).toContain('- resources/models.json\n');
    expect(builder).toContain('- NOTICE.md\n');
    expect(readFileSync(path.join(project, 'NOTICE.md'), 'utf8')).toContain(source.package);
  });
});

describe('facts of a model', () => {
  it('are those of its vendor', () => {
    expect(factsOf('openai', 'gpt-5.1')).toEqual({
      ...unknownModel,
      contextWindow: 400_000,
      maxOutput: 128_000,
      reasoning: true,
      efforts: ['none', 'low', 'medium', 'high'],
      images: true,
    });
    expect(factsOf('openai', 'gpt-4.1')).toMatchObject({ reasoning: false, efforts: null });
  });

  it('are not made up: the part of a window that is cheap is not the window', () => {
    expect(factsOf('openai', 'gpt-6-sol').contextWindow).toBeNull();
    expect(factsOf('openai', 'gpt-6-sol').maxOutput).toBe(128_000);
  });

  it.each([
    ['anthropic', 'claude-opus-5-5[1m]', 'claude-opus-5-5'],
    ['anthropic', 'claude-opus-5-5-20261001', 'claude-opus-5-5'],
    ['anthropic', 'claude-opus-5-5@20261001', 'claude-opus-5-5'],
    ['openai', 'gpt-5.1-2025-11-13', 'gpt-5.1'],
    ['openrouter', 'anthropic/claude-opus-5.5:online', 'anthropic/claude-opus-5.5'],
  ])('%s: %s is %s', (kind, asked, listed) => {
    expect(factsOf(kind, asked)).toEqual(factsOf(kind, listed));
    expect(factsOf(kind, asked)).not.toEqual(unknownModel);
  });

  it('keep an id with a date or a variant that is listed itself', () => {
    expect(factsOf('openai', 'gpt-4o-2024-05-13').maxOutput).toBe(4096);
    expect(factsOf('openai', 'gpt-4o').maxOutput).toBe(16_384);
    const [free] = Object.keys(catalogue.models.openrouter ?? {}).filter((id) => id.endsWith(':free'));
    expect(factsOf('openrouter', free ?? '')).not.toEqual(unknownModel);
  });

  it('of a server of no known vendor are what all vendors agree on', () => {
    const everywhere = Object.values(catalogue.models).flatMap((models) =>
      Object.entries(models).flatMap(([id, model]) => (/(^|\/)gpt-oss-120b$/.test(id) ? [model] : [])),
    );
    expect(everywhere.length).toBeGreaterThan(2);
    expect(new Set(everywhere.map(({ maxOutput }) => maxOutput)).size).toBeGreaterThan(1);
    for (const name of ['gpt-oss-120b', 'openai/gpt-oss-120b', 'GPT-OSS-120B', 'gpt-oss:120b', 'gpt-oss:120b-cloud'])
      expect(factsOf(null, name)).toMatchObject({ reasoning: true, images: false, maxOutput: null });
  });

  it('are none where nobody knows the model', () => {
    expect(factsOf(null, 'nobody/knows:this')).toEqual(unknownModel);
    expect(factsOf(null, 'qwen3-coder:latest')).not.toEqual(unknownModel);
    expect(factsOf(null, 'qwen3-coder:7b-q4_K_M')).toEqual(unknownModel);
    expect(factsOf('openai', 'constructor')).toEqual(unknownModel);
    expect(factsOf('no such kind', 'gpt-5.1')).toMatchObject({ reasoning: true });
  });
});

it("a vendor's own list is told from what others of a name have", () => {
  expect(isListed('anthropic', 'claude-haiku-4-5-20251001')).toBe(true);
  expect(isListed('openrouter', 'anthropic/claude-haiku-4.5:online')).toBe(true);
  expect(isListed('groq', 'claude-haiku-4-5')).toBe(false);
  expect(isListed(null, 'claude-haiku-4-5')).toBe(false);
});
