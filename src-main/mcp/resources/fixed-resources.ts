import type { HealthSnapshot } from '../../../src-shared/health.ts';
import { isObject } from '../../protocols/is-object.ts';
import type { McpEngine } from '../mcp-engine.ts';
import { allModels } from '../tools/list-models.ts';
import { summaryOf } from '../tools/list-providers.ts';
import { periodOf, sumOf } from '../tools/usage-report.ts';
import type { McpResource } from './resource.ts';

const providers: McpResource = {
  uri: 'cproxy://providers',
  name: 'providers',
  title: 'Providers',
  description: 'Who can be asked, how each does, and how it stands with its key.',
  changesWith: ['providers', 'models', 'health', 'config'],
  read: async (engine) => (await (await engine.control()).status()).providers.map(summaryOf),
};

const models: McpResource = {
  uri: 'cproxy://models',
  name: 'models',
  title: 'Models',
  description: 'All models of all enabled providers, with what is known of them, and the aliases.',
  changesWith: ['providers', 'models', 'config'],
  read: async (engine) => {
    const { aliases } = await (await engine.control()).status();
    return { aliases, models: await allModels(engine) };
  },
};

const routing: McpResource = {
  uri: 'cproxy://routing',
  name: 'routing',
  title: 'Routing',
  description: 'The rules in force, what is left alone after failures, and warnings.',
  changesWith: ['routing', 'config', 'health', 'models'],
  read: async (engine) => await (await engine.control()).routing.view(),
};

export const health: McpResource = {
  uri: 'cproxy://health',
  name: 'health',
  title: 'Health',
  description: 'How providers and this machine do, what failed last, and what to do about it.',
  changesWith: ['health', 'providers', 'config'],
  read: async (engine) => await (await engine.control()).health.snapshot(),
  // Figures of the machine are others at every moment.
  watched: (value) => (isSnapshot(value) ? stable(value) : value),
};

const usageToday: McpResource = {
  uri: 'cproxy://usage/today',
  name: 'usage-today',
  title: "Today's usage",
  description: 'What was used today and what it cost, by model.',
  changesWith: ['usage'],
  read: readUsage,
};

export const config: McpResource = {
  uri: 'cproxy://config',
  name: 'config',
  title: 'Configuration',
  description: 'The configuration in force, without anything secret, and what is wrong with its file.',
  changesWith: ['config'],
  read: async (engine) => await (await engine.control()).config.view(),
};

/** Those that are always there. */
export const fixedResources: readonly McpResource[] = [providers, models, routing, health, usageToday, config];

async function readUsage(engine: McpEngine): Promise<unknown> {
  const control = await engine.control();
  const { from, to } = periodOf('today', Date.now());
  const usage = await control.usage.sums({ by: ['model'], from, to });
  return {
    from: new Date(from).toISOString(),
    models: usage.rows.map(({ parts, ...sum }) => ({ model: parts[0] ?? null, ...sumOf(sum) })),
    total: sumOf(usage.total),
    subscriptions: await control.usage.subscriptions(),
    source: usage.source,
  };
}

const isSnapshot = (value: unknown): value is HealthSnapshot =>
  isObject(value) && Array.isArray(value.problems) && Array.isArray(value.lastErrors);

const stable = ({ state, providers: all, problems, lastErrors }: HealthSnapshot): unknown => ({
  state,
  providers: all.map(({ id, enabled, health: { state: its, reason } }) => ({ id, enabled, its, reason })),
  problems: problems.map(({ code, about, severity }) => ({ code, about, severity })),
  lastError: lastErrors[0]?.requestId,
});
