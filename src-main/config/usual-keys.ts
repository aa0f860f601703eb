import { type Config, isLoopbackHost, type ProviderConfig, type ProviderKind } from '../../src-shared/config.ts';
import { TOKEN_PREFIX } from '../../src-shared/keys.ts';
import { vendorOf, vendors } from '../../src-shared/vendors.ts';

interface Notes {
  sources: string[];
  warnings: string[];
}

type FoundProvider = Pick<ProviderConfig, 'id' | 'type' | 'key'>;

/**
 * Providers for a first run without any configured: one for each usual key variable that is set. Of vendors that share a
 * variable, the first; one whose customers each have an address of their own cannot be found.
 */
export function findProviders(env: NodeJS.ProcessEnv): Notes & { found: FoundProvider[] } {
  const result: Notes & { found: FoundProvider[] } = { found: [], sources: [], warnings: [] };
  const seen = new Set<string>();
  for (const [id, { keyVariable: variable, isVariableShared, baseUrl }] of Object.entries(vendors)) {
    const value = env[variable]?.trim();
    if (!value || isVariableShared === true || baseUrl === null || seen.has(variable)) continue;
    seen.add(variable);
    if (value.startsWith(TOKEN_PREFIX)) {
      result.sources.push(`${variable} holds a client token of CProxy, so it is not taken for a provider's key`);
      continue;
    }
    result.found.push({ id, type: id as ProviderKind, key: `env:${variable}` });
    result.sources.push(`provider '${id}' was found because ${variable} is set`);
    if (id === 'anthropic' && leadsElsewhere(env.ANTHROPIC_BASE_URL))
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

/** What becomes of the usual variables, where a provider names no key. */
export function usualKeyNotes(config: Config, env: NodeJS.ProcessEnv): Notes {
  const notes: Notes = { sources: [], warnings: [] };
  for (const { id, type, key, keys, baseUrl, enabled } of config.providers) {
    const vendor = vendorOf(type);
    if (vendor === null || keys !== undefined || key !== undefined) continue;
    const { keyVariable: variable } = vendor;
    const own = vendor.baseUrl === null ? null : new URL(vendor.baseUrl).origin;
    const origin = baseUrl === undefined ? own : new URL(baseUrl).origin;
    if (own !== null && origin === own)
      notes.sources.push(`provider '${id}' names no key, so the one stored for it is used, else ${variable}`);
    else if (enabled && env[variable]?.trim())
      notes.warnings.push(
        `Provider '${id}' names no key, and ${variable} is not sent to ${origin}, which is not the vendor's own address. Write \`key: env:${variable}\` if it is meant for it.`,
      );
  }
  return notes;
}
