import { z } from 'zod';
import type { ModelView } from '../../../src-shared/control.ts';
import type { McpEngine } from '../mcp-engine.ts';
import { amount, count, list, paragraphs } from '../words.ts';
import { defineTool, ToolError } from './tool.ts';

const modelSchema = z.object({
  id: z.string().describe('provider-id/model-id, by which it is asked for'),
  name: z.string(),
  context_window: z.number().nullable().describe('Tokens; null: not known, as below'),
  max_output: z.number().nullable(),
  reasoning: z.boolean().nullable(),
  images: z.boolean().nullable().describe('Whether it reads them'),
  tools: z.boolean().nullable(),
  usd_per_million: z
    .object({ input: z.number(), output: z.number() })
    .nullable()
    .describe('US dollars for a million tokens'),
});
type Model = z.output<typeof modelSchema>;

/** All models of enabled providers, or of one of them, by their full names. */
export async function allModels(engine: McpEngine, provider?: string): Promise<Model[]> {
  const control = await engine.control();
  const { providers } = await control.status();
  const meant = providers.filter(({ id, enabled }) => (provider === undefined ? enabled : id === provider));
  const lists = await Promise.all(
    meant.map(async ({ id }) =>
      (await control.models.list({ provider: id })).models.map((model) => modelOf(id, model)),
    ),
  );
  return lists.flat();
}

const modelOf = (provider: string, { id, displayName, price, ...facts }: ModelView): Model => ({
  id: `${provider}/${id}`,
  name: displayName,
  context_window: facts.contextWindow,
  max_output: facts.maxOutput,
  reasoning: facts.reasoning,
  images: facts.images,
  tools: facts.tools,
  usd_per_million: price === null ? null : { input: price.input, output: price.output },
});

export const listModels = defineTool({
  name: 'list_models',
  title: 'List models',
  description: 'The models and aliases that can be asked for, with what is known of them: window, abilities, price.',
  input: z.strictObject({
    provider: z.string().min(1).max(200).optional().describe('Only those of this provider'),
    search: z.string().min(1).max(200).optional().describe('A part of a name'),
    limit: z.number().int().min(1).max(500).default(100),
    offset: z.number().int().min(0).default(0).describe('How many to leave out, for the next part of a long list'),
  }),
  output: z.object({
    models: z.array(modelSchema),
    total: z.number().int().describe('How many fit'),
    aliases: z.record(z.string(), z.array(z.string())).describe('Names of the configuration, and what they lead to'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async call({ provider, search = '', limit, offset }, { engine }) {
    const { providers, aliases } = await (await engine.control()).status();
    if (provider !== undefined && !providers.some(({ id }) => id === provider))
      throw new ToolError(
        `There is no provider '${provider}'. There are: ${providers.map(({ id }) => id).join(', ')}.`,
      );
    const word = search.toLowerCase();
    const fits = (...names: string[]): boolean => names.some((name) => name.toLowerCase().includes(word));
    const found = (await allModels(engine, provider)).filter(({ id, name }) => fits(id, name));
    const models = found.slice(offset, offset + limit);
    const named = Object.fromEntries(Object.entries(aliases).filter(([alias, targets]) => fits(alias, ...targets)));
    const rest = found.length - offset - models.length;
    return {
      value: { models, total: found.length, aliases: named },
      text: paragraphs(
        found.length === 0 ? 'No model fits.' : `${amount(found.length, 'model')}:\n${list(models.map(inWords))}`,
        rest > 0 ? `${count(rest)} more: offset ${offset + models.length}` : null,
        Object.keys(named).length === 0
          ? null
          : `Aliases:\n${list(Object.entries(named).map(([alias, targets]) => `${alias} → ${targets.join(', ')}`))}`,
      ),
    };
  },
});

function inWords({ id, context_window, max_output, usd_per_million, reasoning, images, tools }: Model): string {
  const abilities = [
    reasoning === true && 'thinks',
    images === true && 'reads images',
    tools === true && 'calls tools',
  ];
  const facts = [
    ...(context_window === null ? [] : [`window ${count(context_window)}`]),
    ...(max_output === null ? [] : [`writes up to ${count(max_output)}`]),
    ...abilities.filter((ability) => ability !== false),
    ...(usd_per_million === null ? [] : [`$${usd_per_million.input} in, $${usd_per_million.output} out per million`]),
  ];
  return facts.length === 0 ? id : `${id}: ${facts.join(', ')}`;
}
