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
  const baseUrl = config.baseUrl ?? preset.baseUrl ?? undefined;
  return {
    ...config,
    type: preset.type,
    kind: config.type,
    preset,
    name: config.name ?? preset.name,
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
}
