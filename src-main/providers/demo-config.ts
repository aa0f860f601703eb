import { type ProviderConfig, providerSchema } from '../../src-shared/config.ts';

/** The built-in provider, which is always there and comes last. */
export const demoConfig: ProviderConfig = providerSchema.parse({
  id: 'demo',
  name: 'Demo',
  type: 'demo',
  priority: 1_000_000,
});
