import type { Config } from '../../src-shared/config.ts';

/** The configuration as it may be shown: header values may be secrets; keys are references and stay. */
export function configForDisplay(config: Config): Config {
  return {
    ...config,
    providers: config.providers.map((provider) => ({
      ...provider,
      headers: Object.fromEntries(Object.keys(provider.headers).map((name) => [name, '[redacted]'])),
    })),
  };
}
