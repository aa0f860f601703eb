import type { Config, ProviderConfig } from '../../src-shared/config.ts';

/** What a valid configuration asks for that this version does not do. */
export function noticesOn(config: Config): string[] {
  return [...ruleNotices(config), ...strategyNotices(config)];
}

function ruleNotices({ routing }: Config): string[] {
  const ids = routing.rules.filter((rule) => rule.enabled).map((rule) => rule.id);
  if (ids.length === 0) return [];
  return [`routing.rules: this version does not apply rules yet; ignored: ${ids.join(', ')}.`];
}

function strategyNotices({ routing, providers }: Config): string[] {
  const { strategy } = routing.loadBalancing;
  if (strategy === 'priority') return [];
  const candidates = providers.filter((provider) => provider.enabled && provider.type !== 'demo');
  const balanced = candidates.some((one, index) => candidates.slice(index + 1).some((other) => shareModel(one, other)));
  if (!balanced) return [];
  return [
    `routing.loadBalancing.strategy: this version does not balance by '${strategy}' yet; providers are tried in order of priority.`,
  ];
}

/** A provider that lists no models may serve what any other does. */
function shareModel(one: ProviderConfig, other: ProviderConfig): boolean {
  return one.models?.some((model) => other.models?.includes(model) ?? true) ?? true;
}
