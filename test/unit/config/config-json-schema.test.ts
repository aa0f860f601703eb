import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema, configJsonSchemaText } from '../../../src-shared/config-json-schema.ts';

const project = path.resolve(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(path.join(project, file), 'utf8');

const paperExample = {
  providers: [
    {
      id: 'openrouter',
      name: 'OpenRouter',
      type: 'openrouter',
      baseUrl: 'https://openrouter.ai/api',
      models: ['google/gemini-2.0-pro-exp-02-05:free'],
      capabilities: { streaming: true, tools: true, reasoning: true },
      priority: 1,
      enabled: true,
    },
  ],
  routing: {
    defaultProvider: 'openrouter',
    loadBalancing: { strategy: 'weighted', healthCheck: true, failover: true },
  },
};

// Formats are hints to editors, and nothing that Ajv knows by itself.
const validate = new Ajv({ allErrors: true, validateFormats: false, strict: false }).compile(configJsonSchema());
const problems = (value: unknown) =>
  validate(value) ? [] : (validate.errors ?? []).map((error) => error.instancePath);

describe('the JSON Schema of the configuration', () => {
  it('is published as it is', () => {
    // `npm run schema` brings it up to date.
    expect(read('resources/config.schema.json')).toBe(configJsonSchemaText());
  });

  it('takes every example of the documents', () => {
    const examples = ['README.md', 'docs/configuration.md', 'docs/routing.md'].flatMap((page) =>
      [...read(page).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text),
    );
    expect(examples.length).toBeGreaterThanOrEqual(4);
    for (const example of examples) expect(problems(parse(example)), example).toEqual([]);
  });

  it("takes the original paper's example, and a schema's address", () => {
    expect(problems(paperExample)).toEqual([]);
    expect(problems({ $schema: 'http://127.0.0.1:4777/api/config/schema' })).toEqual([]);
  });

  it.each([
    ['a misspelt section', { severs: {} }, ''],
    ['a misspelt field', { server: { prot: 1 } }, '/server'],
    ['a field of another kind', { server: { port: 'many' } }, '/server/port'],
    ['a key itself', { providers: [{ id: 'a', type: 'openai', key: 'sk-1' }] }, '/providers/0/key'],
    ['a type that is none', { providers: [{ id: 'a', type: 'opnai' }] }, '/providers/0/type'],
    ['a provider without an id', { providers: [{ type: 'openai' }] }, '/providers/0'],
    [
      'a misspelt condition',
      { routing: { rules: [{ id: 'r', when: { clas: 'background' }, use: 'a/m' }] } },
      '/routing/rules/0/when',
    ],
  ])('does not take %s', (_, value, place) => {
    expect(problems(value)).toContain(place);
  });

  it('says of every field what it is', () => {
    const { properties } = configJsonSchema();
    expect(
      Object.values(properties as Record<string, { description?: string }>).filter(({ description }) => !description),
    ).toEqual([]);
  });
});
