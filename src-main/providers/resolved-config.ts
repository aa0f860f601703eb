import { type ProviderConfig, type ProviderKind, type ProviderType, presetOf } from '../../src-shared/config.ts';
import type { Preset } from '../../src-shared/presets.ts';

/** A provider's configuration, where it names a vendor with that vendor's type and address. */
export interface ResolvedConfig extends Omit<ProviderConfig, 'type'> {
  type: ProviderType;
  /** What the user wrote as type. */
  kind: ProviderKind;
  preset: Preset | null;
}

/** What the user wrote wins over what is known of the vendor. */
export function resolveConfig(config: ProviderConfig): ResolvedConfig {
  const preset = presetOf(config.type);
  // Only a vendor's name is no type proper.
  if (preset === null) return { ...config, type: config.type as ProviderType, kind: config.type, preset };
  const baseUrl = addressOf(config.baseUrl, preset);
  return {
    ...config,
    type: preset.type,
    kind: config.type,
    preset,
    name: config.name ?? preset.name,
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
}

/** A customer's own address is often written as its vendor shows it, without the path of the API. */
function addressOf(written: string | undefined, { baseUrl, path }: Preset): string | undefined {
  if (written === undefined) return baseUrl ?? undefined;
  const url = new URL(written);
  return path !== undefined && url.pathname === '/' ? new URL(path, url).href : written;
}
