import { z } from 'zod';
import { type ReasoningEffort, reasoningEfforts } from '../../src-main/protocols/effort.ts';
import type { CatalogueEntry } from '../../src-main/providers/model-catalogue.ts';

/** The package whose model data resources/models.json is made of, and the files of it that are taken. */
export const source = {
  package: '@earendil-works/pi-ai',
  version: '1.5.2',
  kinds: [
    ...['anthropic', 'openai', 'openrouter', 'deepseek', 'moonshotai', 'kimi-coding', 'zai', 'minimax', 'mistral'],
    ...['google', 'xai', 'groq', 'cerebras', 'fireworks', 'together', 'meta', 'xiaomi'],
  ],
};

const rates = z.object({ input: z.number(), output: z.number(), cacheRead: z.number(), cacheWrite: z.number() });

/** A model as the package describes it, as far as we read it. */
const sourceModel = z.object({
  id: z.string().min(1),
  type: z.string().default('chat'),
  reasoning: z.boolean().optional(),
  thinkingLevelMap: z.record(z.string(), z.string().nullable()).optional(),
  input: z.array(z.string()),
  cost: rates.extend({ tiers: z.array(rates.extend({ inputTokensAbove: z.number() })).optional() }).optional(),
  contextWindow: z.number().optional(),
  maxTokens: z.number().optional(),
});
type SourceModel = z.output<typeof sourceModel>;

/** A file of the package: models by the API they are called with, and there by `type:id`. */
const sourceFile = z.record(z.string(), z.record(z.string(), sourceModel));

/** The chat models of one file of the package, in the order of their ids; not those that answer batches only. */
export function catalogueOf(file: unknown): Map<string, CatalogueEntry> {
  const models = Object.values(sourceFile.parse(file))
    .flatMap((byKey) => Object.values(byKey))
    .filter(({ type, id }) => type === 'chat' && !id.endsWith(':batch'))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return new Map(models.map((model) => [model.id, entryOf(model)]));
}

/** What is unknown stays absent. */
function entryOf(model: SourceModel): CatalogueEntry {
  const contextWindow = windowOf(model);
  const maxOutput = outputOf(model);
  const efforts = effortsOf(model);
  const cost = costOf(model);
  return {
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(maxOutput === undefined ? {} : { maxOutput }),
    ...(model.reasoning === undefined ? {} : { reasoning: model.reasoning }),
    ...(efforts === undefined ? {} : { efforts }),
    images: model.input.includes('image'),
    ...(cost === undefined ? {} : { cost }),
  };
}

/** Where a higher price begins only above the stated window, the package has stated the cheap part of a larger one. */
function windowOf({ contextWindow, cost }: SourceModel): number | undefined {
  if (!contextWindow) return undefined;
  const beyond = cost?.tiers?.some(({ inputTokensAbove }) => inputTokensAbove >= contextWindow);
  return beyond ? undefined : contextWindow;
}

/** As large as the window itself, it says nothing. */
function outputOf({ maxTokens, contextWindow }: SourceModel): number | undefined {
  return maxTokens && maxTokens < (contextWindow ?? Number.POSITIVE_INFINITY) ? maxTokens : undefined;
}

/**
 * The package maps its own levels (off, minimal, low, medium, high, xhigh, max) to a model's values; null says that there is
 * none. What a map leaves out goes by the package's rule: off, low, medium and high are there, the others are not. A map
 * that names no effort, or one that is no effort's name, says nothing about efforts.
 */
function effortsOf({ thinkingLevelMap: map, reasoning }: SourceModel): ReasoningEffort[] | undefined {
  if (!reasoning || map === undefined) return undefined;
  const named = Object.entries(map).flatMap(([level, value]) => (value === null ? [] : [[level, value.toLowerCase()]]));
  const values = named.map(([, value]) => (value === 'off' ? 'none' : value));
  const unmapped = ['low', 'medium', 'high'].filter((level) => map[level] === undefined);
  const none = map.off === undefined ? ['none'] : [];
  const efforts = new Set([...none, ...unmapped, ...values]);
  const known = reasoningEfforts.filter((effort) => efforts.has(effort));
  const saysEfforts = values.some((value) => value !== 'none') && known.length === efforts.size;
  return saysEfforts ? known : undefined;
}

/** In US dollars for a million tokens. Nothing says whether a price of zero is free, unknown or part of a subscription. */
function costOf({ cost }: SourceModel): CatalogueEntry['cost'] {
  if (!cost || (cost.input === 0 && cost.output === 0)) return undefined;
  const { tiers, ...base } = cost;
  const above = tiers?.map(({ inputTokensAbove, ...tier }) => ({ inputTokensAbove, ...known(tier) }));
  return { ...known(base), ...(above === undefined || above.length === 0 ? {} : { tiers: above }) };
}

function known({ input, output, cacheRead, cacheWrite }: z.output<typeof rates>) {
  return { input, output, ...(cacheRead > 0 ? { cacheRead } : {}), ...(cacheWrite > 0 ? { cacheWrite } : {}) };
}

/** The catalogue as a file: a line for each model, so that a newer one can be read as a diff. */
export function catalogueFile(header: Record<string, string>, kinds: ReadonlyMap<string, Map<string, CatalogueEntry>>) {
  const sections = [...kinds].map(([kind, models]) => {
    const lines = [...models].map(([id, entry]) => `      ${JSON.stringify(id)}: ${JSON.stringify(entry)}`);
    return `    ${JSON.stringify(kind)}: {\n${lines.join(',\n')}\n    }`;
  });
  const head = Object.entries(header).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  return `{\n${head.join('')}  "models": {\n${sections.join(',\n')}\n  }\n}\n`;
}
