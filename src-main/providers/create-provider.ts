import type { BaseProvider } from './base-provider.ts';
import type { ProviderResources } from './http-provider.ts';
import type { ResolvedConfig } from './resolved-config.ts';

/** Makes the providers of one type. */
export type CreateProvider = (config: ResolvedConfig, resources: ProviderResources) => BaseProvider;
