import { z } from 'zod';
import type { ProviderView } from '../../../src-shared/control.ts';
import { amount, list } from '../words.ts';
import { defineTool } from './tool.ts';

export const providerSchema = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  base_url: z.string().nullable(),
  enabled: z.boolean(),
  priority: z.number().describe('Order of preference, 1 first'),
  state: z.enum(['healthy', 'degraded', 'down', 'unknown']),
  reason: z.string().nullable().describe('Why it is in that state'),
  key: z.string().describe('How it stands with its keys; of several, the best'),
  models: z.number().int().describe('How many'),
  open_circuits: z.array(
    z.object({ model: z.string().nullable().describe('null: the whole provider'), reason: z.string() }),
  ),
});
export type ProviderSummary = z.output<typeof providerSchema>;

const BEST_FIRST = ['ready', 'not-needed', 'from-client', 'reading', 'cooling-down', 'exhausted', 'refused', 'missing'];

export function summaryOf(provider: ProviderView): ProviderSummary {
  const { id, name, type, baseUrl, enabled, priority, health, keys, models, circuits } = provider;
  const states = keys.map(({ state }) => state).sort((a, b) => BEST_FIRST.indexOf(a) - BEST_FIRST.indexOf(b));
  return {
    id,
    name,
    type,
    base_url: baseUrl,
    enabled,
    priority,
    state: health.state,
    reason: health.reason,
    key: states[0] ?? 'not-needed',
    models: models.count,
    open_circuits: circuits.map(({ model, reason }) => ({ model, reason })),
  };
}

export function providerInWords({
  id,
  type,
  enabled,
  state,
  reason,
  key,
  models,
  open_circuits,
}: ProviderSummary): string {
  const facts = [
    type,
    enabled ? state : 'off',
    ...(reason === null ? [] : [reason]),
    amount(models, 'model'),
    ...(['ready', 'not-needed'].includes(key) ? [] : [`key ${key}`]),
    ...open_circuits.map((circuit) => `left alone (${circuit.model ?? 'all of it'}): ${circuit.reason}`),
  ];
  return `${id}: ${facts.join('; ')}`;
}

export const listProviders = defineTool({
  name: 'list_providers',
  title: 'List providers',
  description: 'The providers that CProxy can ask, how each does, and how it stands with its key.',
  input: z.strictObject({}),
  output: z.object({ providers: z.array(providerSchema) }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async call(_input, { engine }) {
    const { providers } = await (await engine.control()).status();
    const value = { providers: providers.map(summaryOf) };
    return {
      value,
      text:
        providers.length === 0
          ? 'No provider is configured. Only the built-in demo answers.'
          : list(value.providers.map(providerInWords)),
    };
  },
});
