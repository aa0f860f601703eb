import { vendorTypes } from '../../../src-shared/vendors.ts';
import type { CreateProvider } from '../create-provider.ts';
import { openrouterProfile } from '../known-servers.ts';
import { checkOpenrouter, listOpenrouterModels } from '../listings/openrouter.ts';
import { OpenaiProvider } from '../openai-provider.ts';

/** OpenRouter. */
export const createOpenrouter: CreateProvider = (config, resources) =>
  new OpenaiProvider(config, resources, {
    ...openrouterProfile,
    officialBaseUrl: vendorTypes.openrouter.baseUrl,
    needsKey: true,
    keyVariable: vendorTypes.openrouter.keyVariable,
    keyPrefix: vendorTypes.openrouter.keyPrefix,
    listing: listOpenrouterModels,
    check: checkOpenrouter,
  });
