import type { CreateProvider } from '../create-provider.ts';
import { HttpProvider } from '../http-provider.ts';
import { bothKeyHeaders } from '../key-headers.ts';
import { knownServer } from '../known-servers.ts';
import { checkAnthropicCompatible, listAnthropicModels } from '../listings/anthropic.ts';

/** Servers that speak Anthropic's Messages API. */
export const createAnthropicCompatible: CreateProvider = (config, resources) => {
  const known = config.baseUrl === undefined ? null : knownServer(new URL(config.baseUrl));
  return new HttpProvider(config, resources, {
    protocols: ['anthropic'],
    officialBaseUrl: null,
    needsKey: config.preset !== null,
    keyHeaders: bothKeyHeaders,
    listing: listAnthropicModels,
    check: checkAnthropicCompatible,
    // Not all do, which is found out.
    countsIn: 'anthropic',
    takesTooMuch: known?.takesTooMuch === true,
    selfHosted: known?.selfHosted === true,
    // DeepSeek, Kimi, GLM and local servers give thinking without a signature, and some want it back.
    quirks: { takesEmptySignature: true },
    ...(known?.catalogue === undefined ? {} : { catalogue: known.catalogue }),
  });
};
