import { parse as parseToml } from '@decimalturn/toml-patch';
import { isSection } from '../overlay.ts';
import { Draft } from './draft.ts';
import { type Dialect, hostOf, providerAt } from './provider-at.ts';
import type { Imported } from './report.ts';
import { rowsInserted, type SqlRow } from './sql-rows.ts';
import { booleanOf, countOf, defined, numberOf, sectionOf, textOf } from './values.ts';

type Section = Record<string, unknown>;

/** A provider as cc-switch keeps it, whatever it was read from. */
interface Entry {
  app: string;
  id: string;
  name: string;
  settings: Section;
  meta: Section;
  isCurrent: boolean;
  inFailover: boolean;
  order: number;
}

/** What cc-switch has that is not carried, as counts. */
interface Others {
  mcpServers: number;
  prompts: number;
}

const APPS = ['claude', 'codex', 'gemini'] as const;

/** Whether a text is an SQL export of cc-switch (from 3.8 on). */
export function isCcSwitchSql(text: string): boolean {
  return (
    /^\uFEFF?\s*-- CC Switch SQLite/.test(text) ||
    /INSERT\s+INTO\s+["`]?providers["`]?\s*\([^)]*settings_config/i.test(text)
  );
}

/** Whether a file is a config.json of cc-switch (up to 3.7). */
export function isCcSwitch(value: unknown): boolean {
  const file = sectionOf(value);
  const hasProviders = (part: unknown) =>
    Object.values(sectionOf(sectionOf(part).providers)).some((one) => isSection(sectionOf(one).settingsConfig));
  return hasProviders(file) || APPS.some((app) => hasProviders(file[app]));
}

/** @throws Error where the export cannot be read */
export function importCcSwitchSql(text: string, env: NodeJS.ProcessEnv): Imported {
  return importCcSwitchRows('cc-switch, SQL export', (table) => rowsInserted(text, table), env);
}

/** @param rowsOf gives the rows of a table; none where it is missing. */
export function importCcSwitchRows(
  source: string,
  rowsOf: (table: string) => SqlRow[],
  env: NodeJS.ProcessEnv,
): Imported {
  const entries = rowsOf('providers').map(
    (row, order): Entry => ({
      app: textOf(row.app_type) ?? '',
      id: textOf(row.id) ?? '',
      name: textOf(row.name) ?? textOf(row.id) ?? '',
      settings: sectionOf(jsonOf(row.settings_config)),
      meta: sectionOf(jsonOf(row.meta)),
      isCurrent: row.is_current === 1,
      inFailover: row.in_failover_queue === 1,
      order: numberOf(row.sort_index) ?? 1000 + order,
    }),
  );
  const others = {
    mcpServers: rowsOf('mcp_servers').length,
    prompts: rowsOf('prompts').length,
  };
  return importEntries(source, entries, others, env);
}

/** Version 2 keeps providers by application; version 1 had Claude's alone. */
export function importCcSwitch(value: unknown, env: NodeJS.ProcessEnv): Imported {
  const file = sectionOf(value);
  const isV1 = isSection(file.providers);
  const apps: [string, unknown][] = isV1 ? [['claude', file]] : Object.entries(file);
  const entries = apps.flatMap(([app, part]) => {
    const { providers, current } = sectionOf(part);
    return Object.entries(sectionOf(providers)).map(([id, item], order): Entry => {
      const given = sectionOf(item);
      return {
        app,
        id,
        name: textOf(given.name) ?? id,
        settings: sectionOf(given.settingsConfig),
        meta: sectionOf(given.meta),
        isCurrent: current === id,
        inFailover: given.inFailoverQueue === true,
        order: numberOf(given.sortIndex) ?? 1000 + order,
      };
    });
  });
  const mcp = Object.values(sectionOf(file.mcp)).flatMap((part) =>
    Object.keys(sectionOf(sectionOf(part).servers ?? part)),
  );
  const prompts = Object.values(sectionOf(file.prompts)).flatMap((part) =>
    Object.keys(sectionOf(sectionOf(part).prompts)),
  );
  const others = { mcpServers: mcp.length, prompts: prompts.length };
  return importEntries(`cc-switch, config.json of version ${isV1 ? 1 : 2}`, entries, others, env);
}

function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

// ---- what they have in common

function importEntries(source: string, entries: readonly Entry[], others: Others, env: NodeJS.ProcessEnv): Imported {
  const draft = new Draft({ source, head: 'Made from the providers of cc-switch.', env });
  const ordered = entries.toSorted(
    (a, b) => APPS.indexOf(a.app as never) - APPS.indexOf(b.app as never) || a.order - b.order,
  );
  const placed = ordered.flatMap((entry) => {
    const place = addEntry(draft, entry);
    return place === null ? [] : [{ entry, ...place }];
  });
  addTiers(
    draft,
    placed.filter(({ entry }) => entry.app === 'claude'),
  );
  const apps = [...new Set(entries.map(({ app }) => app))].filter((app) => app !== '' && !APPS.includes(app as never));
  for (const app of apps)
    if (!['mcp', 'prompts', 'skills'].includes(app))
      draft.left(`the providers of ${app}, which CProxy does not set up`);
  if (others.mcpServers > 0) draft.left(`MCP servers (${others.mcpServers}), which belong to the clients`);
  if (others.prompts > 0) draft.left(`prompts (${others.prompts}), which belong to the clients`);
  draft.left("cc-switch's own proxy, its limits and its window");
  return draft.finish();
}

interface Placed {
  id: string;
  /** Model ids here by what they stand for there: `model`, `opus`, `sonnet`, `haiku`. */
  models: Readonly<Record<string, string>>;
}

function addEntry(draft: Draft, entry: Entry): Placed | null {
  switch (entry.app) {
    case 'claude':
      return addClaude(draft, entry);
    case 'codex':
      return addCodex(draft, entry);
    case 'gemini':
      return addGemini(draft, entry);
    default:
      return null;
  }
}

const FORMATS: Readonly<Record<string, Dialect>> = {
  openai_chat: 'openai-chat',
  openai_responses: 'openai-responses',
  gemini_native: 'gemini',
};

/** Claude Code marks models with a long context so. */
const plainModel = (model: unknown): string | undefined => textOf(model)?.replace(/\[1m\]$/i, '');

function addClaude(draft: Draft, entry: Entry): Placed | null {
  const { settings, meta, name } = entry;
  const env = sectionOf(settings.env);
  const where = `Claude Code, '${name}'`;
  const managed = textOf(meta.providerType);
  if (managed !== undefined && ['github_copilot', 'codex_oauth', 'xai_oauth'].includes(managed)) {
    draft.left(`${where}: a login that cc-switch keeps (${managed}), which only it can use`);
    return null;
  }
  const address = textOf(env.ANTHROPIC_BASE_URL);
  const keyText = textOf(env.ANTHROPIC_AUTH_TOKEN) ?? textOf(env.ANTHROPIC_API_KEY) ?? textOf(env.OPENROUTER_API_KEY);
  const models = defined({
    model: plainModel(env.ANTHROPIC_MODEL),
    opus: plainModel(env.ANTHROPIC_DEFAULT_OPUS_MODEL),
    sonnet: plainModel(env.ANTHROPIC_DEFAULT_SONNET_MODEL),
    haiku: plainModel(env.ANTHROPIC_DEFAULT_HAIKU_MODEL) ?? plainModel(env.ANTHROPIC_SMALL_FAST_MODEL),
  }) as Record<string, string>;
  if (address === undefined && keyText === undefined) {
    if (env.CLAUDE_CODE_USE_BEDROCK !== undefined || env.CLAUDE_CODE_USE_VERTEX !== undefined) {
      draft.left(`${where}: Bedrock and Vertex are no providers of CProxy`);
      return null;
    }
    const id = draft.freeId('anthropic');
    draft.providers.push({ id, type: 'anthropic', ...nameOf(id, name), key: 'client' });
    draft.changed(
      `${where}: Claude Code's own login passes through CProxy (key: client); its own token then goes into x-cproxy-token`,
    );
    draft.carried(`${where} (anthropic, with Claude Code's own login)`);
    return { id, models };
  }
  const format = textOf(meta.apiFormat) ?? textOf(settings.api_format);
  const compat = booleanOf(settings.openrouter_compat_mode) === true ? 'openai-chat' : 'anthropic';
  const dialect = format === undefined ? compat : (FORMATS[format] ?? 'anthropic');
  const headers = sectionOf(sectionOf(meta.localProxyRequestOverrides).headers);
  return place(draft, {
    where,
    entry,
    address: address ?? 'https://api.anthropic.com',
    dialect,
    keyText,
    models,
    headers,
  });
}

function addCodex(draft: Draft, entry: Entry): Placed | null {
  const { settings, name } = entry;
  const where = `Codex, '${name}'`;
  const config = tomlOf(textOf(settings.config) ?? '');
  if (config === null) {
    draft.left(`${where}: its config.toml cannot be read`);
    return null;
  }
  const chosen = textOf(config.model_provider);
  const provider = sectionOf(sectionOf(config.model_providers)[chosen ?? '']);
  const variable = textOf(provider.env_key);
  const keyText =
    textOf(sectionOf(settings.auth).OPENAI_API_KEY) ??
    textOf(provider.experimental_bearer_token) ??
    (variable === undefined ? undefined : `$${variable}`);
  const address = textOf(provider.base_url) ?? textOf(config.base_url);
  if (address === undefined && keyText === undefined) {
    draft.left(`${where}: ChatGPT's own login, which only Codex can use`);
    return null;
  }
  const wire = textOf(provider.wire_api) ?? 'chat';
  const model = textOf(config.model);
  return place(draft, {
    where,
    entry,
    address: address ?? 'https://api.openai.com/v1',
    dialect: wire === 'responses' ? 'openai-responses' : 'openai-chat',
    keyText,
    models: model === undefined ? {} : { model },
    headers: sectionOf(provider.http_headers),
  });
}

function tomlOf(text: string): Section | null {
  try {
    return sectionOf(parseToml(text));
  } catch {
    return null;
  }
}

function addGemini(draft: Draft, entry: Entry): Placed | null {
  const env = sectionOf(entry.settings.env);
  const where = `Gemini CLI, '${entry.name}'`;
  const keyText = textOf(env.GEMINI_API_KEY) ?? textOf(env.GOOGLE_API_KEY);
  const address = textOf(env.GOOGLE_GEMINI_BASE_URL);
  if (keyText === undefined) {
    draft.left(`${where}: a login at Google, which only Gemini CLI can use`);
    return null;
  }
  const model = textOf(env.GEMINI_MODEL);
  return place(draft, {
    where,
    entry,
    address: address ?? 'https://generativelanguage.googleapis.com',
    dialect: 'gemini',
    keyText,
    models: model === undefined ? {} : { model },
    headers: {},
  });
}

interface Found {
  where: string;
  entry: Entry;
  address: string;
  dialect: Dialect;
  keyText: string | undefined;
  models: Readonly<Record<string, string>>;
  headers: Section;
}

function place(draft: Draft, { where, entry, address, dialect, keyText, models, headers }: Found): Placed | null {
  const found = providerAt(address, dialect);
  if (typeof found === 'string') {
    draft.left(`${where}: ${found}`);
    return null;
  }
  const { notes, ...end } = found;
  const id = draft.freeId(entry.name, hostOf(address));
  const key = draft.keyReference({ id, type: end.type }, keyText);
  const known = [...new Set(Object.values(models))];
  const isVendors = !end.type.endsWith('-compatible');
  const window = countOf(sectionOf(entry.settings.env).CLAUDE_CODE_MAX_CONTEXT_TOKENS);
  draft.providers.push({
    id,
    ...nameOf(id, entry.name),
    ...end,
    ...defined({
      // A relay may list hundreds of models; what is used of it stands in cc-switch. Vendors list what they have.
      models: known.length === 0 || isVendors ? undefined : known,
      contextWindow: window,
      key,
      headers: draft.headers(where, headers),
    }),
  });
  for (const note of notes) draft.changed(`${where}: ${note}`);
  const limits = [entry.meta.limitDailyUsd, entry.meta.limitMonthlyUsd].some((limit) => textOf(limit) !== undefined);
  if (limits) draft.left(`${where}: its spending limits`);
  if (isSection(sectionOf(entry.meta.localProxyRequestOverrides).body))
    draft.left(`${where}: fields added to requests, which CProxy does not do`);
  draft.carried(`${where} → provider '${id}' (${end.type})`);
  return { id, models };
}

const nameOf = (id: string, name: string): Section => (id === name ? {} : { name });

/** Claude's model families: the provider in use first, then those of the failover queue in their order. */
function addTiers(draft: Draft, placed: readonly ({ entry: Entry } & Placed)[]): void {
  const current = placed.find(({ entry }) => entry.isCurrent);
  if (current === undefined) return;
  const queue = placed.filter(({ entry }) => entry.inFailover && !entry.isCurrent);
  const tiers = Object.fromEntries(
    ['opus', 'sonnet', 'haiku'].flatMap((tier) => {
      const targets = [current, ...queue].flatMap(({ id, models }) => {
        const model = models[tier] ?? models.model;
        return model === undefined ? [] : [`${id}/${model}`];
      });
      return targets.length === 0 ? [] : [[tier, targets.length === 1 ? targets[0] : targets]];
    }),
  );
  draft.set('routing', 'defaultProvider', current.id);
  draft.carried(`'${current.entry.name}', which is in use → routing.defaultProvider (${current.id})`);
  if (Object.keys(tiers).length > 0) {
    draft.set('routing', 'tiers', tiers);
    draft.carried('the models of opus, sonnet and haiku → routing.tiers');
  }
  if (queue.length > 0)
    draft.carried(`the failover queue (${queue.length}), where its providers say which models they have`);
}
