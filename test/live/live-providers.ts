import { type ProviderKind, providerTypes } from '../../src-shared/config.ts';
import { presetIds, presets } from '../../src-shared/presets.ts';

/** A provider as its user has it. */
export interface LiveProvider {
  type: ProviderKind;
  /** null: it has its type's. */
  baseUrl: string | null;
  /** null: it needs none, and none is there. */
  key: { variable: string; value: string } | null;
  /** The model to ask; null: the cheapest that it lists. */
  model: string | null;
  /** A key that it cannot take; null where it takes any. */
  wrongKey: string | null;
}

export interface SkippedProvider {
  type: ProviderKind;
  reason: string;
}

type Env = Readonly<Record<string, string | undefined>>;

interface KeyFacts {
  keyVariable?: string;
  keyPrefix?: string;
}

const vendorsOfTypes: Partial<Record<ProviderKind, KeyFacts>> = {
  anthropic: { keyVariable: 'ANTHROPIC_API_KEY', keyPrefix: 'sk-ant-' },
  openai: { keyVariable: 'OPENAI_API_KEY', keyPrefix: 'sk-' },
  openrouter: { keyVariable: 'OPENROUTER_API_KEY', keyPrefix: 'sk-or-' },
  gemini: { keyVariable: 'GEMINI_API_KEY' },
};

/** Servers on this machine, where their types expect them. */
const localAddresses: Partial<Record<ProviderKind, string>> = {
  ollama: 'http://127.0.0.1:11434',
  lmstudio: 'http://127.0.0.1:1234',
  llamacpp: 'http://127.0.0.1:9931',
  vllm: 'http://127.0.0.1:8000',
};

/** `CPROXY_LIVE_URL_AZURE_OPENAI` */
const named = (what: 'URL' | 'KEY' | 'MODEL', type: ProviderKind): string =>
  `CPROXY_LIVE_${what}_${type.replaceAll('-', '_').toUpperCase()}`;

/** Whether anybody answers HTTP at an address. */
async function answers(address: string): Promise<boolean> {
  try {
    await fetch(address, { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  }
}

async function find(type: ProviderKind, env: Env): Promise<LiveProvider | SkippedProvider> {
  const value = (name: string): string | null => env[name]?.trim() || null;
  const model = value(named('MODEL', type));
  const baseUrl = value(named('URL', type));
  const preset = presetIds.find((id) => id === type);
  const facts: KeyFacts = (preset === undefined ? vendorsOfTypes[type] : presets[preset]) ?? {};
  const { keyVariable, keyPrefix = '' } = facts;
  const variables = [named('KEY', type), ...(keyVariable === undefined ? [] : [keyVariable])];
  const variable = variables.find((name) => value(name) !== null);
  const key = variable === undefined ? null : { variable, value: value(variable) ?? '' };
  const wrongKey = key === null ? null : `${keyPrefix}cproxy-live-test-no-such-key-0000000000`;
  const provider = { type, baseUrl, key, model, wrongKey };
  if (type === 'demo') return provider;
  const hasNoAddress = type.endsWith('-compatible') || (preset !== undefined && presets[preset].baseUrl === null);
  if (hasNoAddress && baseUrl === null) return { type, reason: `${named('URL', type)} is not set` };
  if (keyVariable !== undefined && key === null) return { type, reason: `${variables.join(' or ')} is not set` };
  const local = baseUrl ?? localAddresses[type];
  if (key === null && local !== undefined && !(await answers(local)))
    return { type, reason: `nothing answers at ${local}` };
  return provider;
}

/**
 * What can be tried here, by the variables that are set and the servers that run, and what cannot, with the reason.
 * @param only types and vendors; empty: all.
 */
export async function liveProviders(
  env: Env,
  only: readonly string[],
): Promise<{ tried: LiveProvider[]; skipped: SkippedProvider[] }> {
  const kinds: readonly ProviderKind[] = [...providerTypes, ...presetIds];
  const unknown = only.filter((name) => !kinds.some((kind) => kind === name));
  if (unknown.length > 0)
    throw new Error(`There is no type or vendor ${unknown.join(', ')}. There are ${kinds.join(', ')}.`);
  const chosen = kinds.filter((kind) => only.length === 0 || only.includes(kind));
  const found = await Promise.all(chosen.map((kind) => find(kind, env)));
  return {
    tried: found.flatMap((one) => ('reason' in one ? [] : one)),
    skipped: found.flatMap((one) => ('reason' in one ? one : [])),
  };
}
