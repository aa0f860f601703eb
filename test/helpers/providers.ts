import type { BaseProvider, DialectRequest } from '../../src-main/providers/base-provider.ts';
import type { ProviderResources } from '../../src-main/providers/http-provider.ts';
import { createProvider } from '../../src-main/providers/provider-types.ts';
import type { WireRequest } from '../../src-main/providers/transport.ts';
import { type ConfigInput, providerSchema } from '../../src-shared/config.ts';

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

/** A provider as a configuration makes it. @param onSend sees what it hands to the wire; nothing is sent. */
export function makeProvider(
  config: Omit<ProviderInput, 'id'>,
  onSend: (request: WireRequest) => void = () => undefined,
): BaseProvider {
  const resources: ProviderResources = {
    transport: {
      send: async (request) => {
        onSend(request);
        throw new Error('nothing is sent');
      },
      check: () => null,
      reset: () => undefined,
      close: async () => undefined,
    },
    resolveKey: async () => ({ state: 'present', value: 'the-key', reference: 'env:KEY', warning: null }) as const,
  };
  return createProvider(providerSchema.parse({ id: 'p', ...config }), resources);
}

/** A request whose body sets these fields. */
export const dialectRequest = (
  protocol: DialectRequest['protocol'],
  model: string,
  body: Record<string, unknown> = {},
): DialectRequest => ({
  protocol,
  model,
  has: (field) => body[field] !== undefined,
  text: (field) => {
    const value = body[field];
    return typeof value === 'string' ? value : null;
  },
});
