import { type Preset, presets } from './presets.ts';

/** What is known of a vendor's keys, whether it is a type of its own or a preset. */
export type Vendor = Pick<
  Preset,
  'name' | 'baseUrl' | 'hosts' | 'keyVariable' | 'isVariableShared' | 'keyPrefix' | 'keyPage'
>;

/** The provider types that are one vendor each. */
export const vendorTypes = {
  anthropic: {
    name: 'Anthropic',
    baseUrl: 'https://api.anthropic.com',
    keyVariable: 'ANTHROPIC_API_KEY',
    keyPrefix: 'sk-ant-',
    keyPage: 'https://platform.claude.com/settings/keys',
  },
  openai: {
    name: 'OpenAI',
    baseUrl: 'https://api.openai.com',
    keyVariable: 'OPENAI_API_KEY',
    keyPrefix: 'sk-',
    keyPage: 'https://platform.openai.com/api-keys',
  },
  openrouter: {
    name: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api',
    keyVariable: 'OPENROUTER_API_KEY',
    keyPrefix: 'sk-or-',
    keyPage: 'https://openrouter.ai/settings/keys',
  },
  gemini: {
    name: 'Gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    // Keys begin with AQ. since spring 2026, older ones with AIza (discuss.ai.google.dev, topic 170415).
    keyVariable: 'GEMINI_API_KEY',
    keyPage: 'https://aistudio.google.com/apikey',
  },
} satisfies Record<string, Vendor>;

/** Every vendor by the name that `type` takes. */
export const vendors: Readonly<Record<string, Vendor>> = { ...vendorTypes, ...presets };

/** The vendor that a type names; null where it names a kind of server. */
export function vendorOf(type: string): Vendor | null {
  return Object.hasOwn(vendors, type) ? (vendors[type] ?? null) : null;
}

/** Whether a host is one of those: a name, or, where it begins with a dot, the end of any number of names. */
export function isHostOf(host: string, names: readonly string[]): boolean {
  return names.some((name) => (name.startsWith('.') ? host.endsWith(name) : host === name));
}

/** Whether it is the vendor who is at an address, so that the vendor's keys belong there. */
export function isAddressOf({ baseUrl, hosts = [] }: Pick<Vendor, 'baseUrl' | 'hosts'>, url: URL): boolean {
  if (baseUrl !== null) return url.origin === new URL(baseUrl).origin;
  return url.protocol === 'https:' && url.port === '' && isHostOf(url.hostname, hosts);
}

/**
 * Whose key a key looks like, by the longest beginning that fits. `name` is null where several vendors' keys begin so.
 * @returns null where it begins like none.
 */
export function looksLikeKeyOf(key: string): { prefix: string; name: string | null } | null {
  const fitting = Object.values(vendors).filter(
    ({ keyPrefix }) => keyPrefix !== undefined && key.startsWith(keyPrefix),
  );
  const prefix = fitting.map(({ keyPrefix = '' }) => keyPrefix).toSorted((a, b) => b.length - a.length)[0];
  if (prefix === undefined) return null;
  const [first, ...others] = fitting.filter(({ keyPrefix }) => keyPrefix === prefix);
  return { prefix, name: others.length > 0 || first === undefined ? null : first.name };
}

/** Where servers on this machine usually are. */
export const localAddresses = {
  ollama: 'http://127.0.0.1:11434',
  lmstudio: 'http://127.0.0.1:1234',
  llamacpp: 'http://127.0.0.1:9931',
  vllm: 'http://127.0.0.1:8000',
} as const;

/** Where a provider is that has no `baseUrl`; null where its type does not say. */
export function usualAddressOf(type: string): string | null {
  const local: Readonly<Record<string, string>> = localAddresses;
  return Object.hasOwn(local, type) ? (local[type] ?? null) : (vendorOf(type)?.baseUrl ?? null);
}
