import type { Config } from '../../src-shared/config.ts';
import type { Use } from '../../src-shared/rules.ts';

/** The configuration as it may be shown: header values may be secrets; keys are references and stay. */
export function configForDisplay(config: Config): Config {
  const { rules, routes } = config.routing;
  const { longContextTokens, ...uses } = routes;
  return {
    ...config,
    providers: config.providers.map((provider) => ({ ...provider, headers: withoutValues(provider.headers) })),
    routing: {
      ...config.routing,
      rules: rules.map((rule) => ({ ...rule, use: displayedUse(rule.use) })),
      routes: {
        longContextTokens,
        ...Object.fromEntries(Object.entries(uses).map(([name, use]) => [name, use && displayedUse(use)])),
      },
    },
  };
}

function displayedUse(use: Use): Use {
  const { headers } = use.change ?? {};
  return headers === undefined ? use : { ...use, change: { ...use.change, headers: withoutValues(headers) } };
}

const withoutValues = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.keys(headers).map((name) => [name, '[redacted]']));
