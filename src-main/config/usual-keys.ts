import { type Config, isLoopbackHost, type ProviderConfig, type ProviderType } from '../../src-shared/config.ts';

/** Client tokens of CProxy begin so; such a value is never a provider's key. */
const tokenPrefix = 'cpx_';

/** The variables in which people usually keep a vendor's key, and the vendor's own address, the only one it is for. */
const usualKeys: Partial<Record<ProviderType, { variable: string; origin: string }>> = {
  anthropic: { variable: 'ANTHROPIC_API_KEY', origin: 'https://api.anthropic.com' },
  openai: { variable: 'OPENAI_API_KEY', origin: 'https://api.openai.com' },
  openrouter: { variable: 'OPENROUTER_API_KEY', origin: 'https://openrouter.ai' },
};

interface Found<T> {
  found: T;
  sources: string[];
  warnings: string[];
}

/** Providers for a first run without any configured: one for each usual key variable that is set. */
export function findProviders(env: NodeJS.ProcessEnv): Found<Pick<ProviderConfig, 'id' | 'type' | 'key'>[]> {
  const result: Found<Pick<ProviderConfig, 'id' | 'type' | 'key'>[]> = { found: [], sources: [], warnings: [] };
  for (const [type, { variable }] of Object.entries(usualKeys) as [ProviderType, { variable: string }][]) {
    const value = env[variable]?.trim();
    if (!value) continue;
    if (value.startsWith(tokenPrefix)) {
      result.sources.push(`${variable} holds a client token of CProxy, so it is not taken for a provider's key`);
      continue;
    }
    result.found.push({ id: type, type, key: `env:${variable}` });
    result.sources.push(`provider '${type}' was found because ${variable} is set`);
    if (type === 'anthropic' && leadsElsewhere(env.ANTHROPIC_BASE_URL))
      result.warnings.push(
        'ANTHROPIC_BASE_URL is for clients and is not read. If ANTHROPIC_API_KEY belongs to that address, write a provider with it as baseUrl.',
      );
  }
  return result;
}

/** On this machine it is most likely our own address, set for Claude Code. */
function leadsElsewhere(address: string | undefined): boolean {
  if (address === undefined || !URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return hostname !== 'api.anthropic.com' && !isLoopbackHost(hostname);
}

/** Gives providers that name no key their usual variable, where they are at the vendor's own address. */
export function fillKeys(config: Config, env: NodeJS.ProcessEnv): Found<Config> {
  const sources: string[] = [];
  const warnings: string[] = [];
  const providers = config.providers.map((provider) => {
    const usual = usualKeys[provider.type];
    if (usual === undefined || provider.key !== undefined) return provider;
    const { variable, origin } = usual;
    if (provider.baseUrl !== undefined && new URL(provider.baseUrl).origin !== origin) {
      if (provider.enabled && env[variable]?.trim())
        warnings.push(
          `Provider '${provider.id}' names no key, and ${variable} is not sent to ${new URL(provider.baseUrl).origin}, which is not the vendor's own address. Write \`key: env:${variable}\` if it is meant for it.`,
        );
      return provider;
    }
    sources.push(`provider '${provider.id}' names no key, so ${variable} is used`);
    return { ...provider, key: `env:${variable}` };
  });
  return { found: { ...config, providers }, sources, warnings };
}
