import type { ProviderConfig } from '../../src-shared/config.ts';
import type { KeySetView, StoredKeysView } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { nearName } from '../../src-shared/near-names.ts';
import { vendorOf, vendors } from '../../src-shared/vendors.ts';
import { keyProblem, prefixWarning } from './key-text.ts';
import { type SecretStore, storeFailed } from './secret-store.ts';

/** A provider as far as its keys go, a collector of telemetry, which takes them in headers, or Redis, whose address holds one. */
export interface KeyUser extends Pick<ProviderConfig, 'id' | 'key'> {
  type: ProviderConfig['type'] | 'collector' | 'redis';
  keys?: readonly { key: string }[] | undefined;
  /** null: it lives in this process and takes no key. */
  origin: string | null;
}

interface KeyName {
  provider: string;
  name?: string | undefined;
}

export interface StoredKeysOptions {
  store: SecretStore;
  providers: readonly KeyUser[];
  /** Called with a key before anything else is done with it, so that it is cut out of whatever is written. */
  onKey?: (key: string) => void;
  /** Called with the id of each provider that uses an entry which has changed. */
  onChange?: (provider: string) => Promise<void>;
}

/** What `cproxy keys` does: sets, lists and removes keys, each bound to the address of the provider that it is set for. */
export class StoredKeys {
  readonly #store: SecretStore;
  readonly #providers: readonly KeyUser[];
  readonly #onKey: (key: string) => void;
  readonly #onChange: (provider: string) => Promise<void>;

  constructor({ store, providers, onKey = () => undefined, onChange = async () => undefined }: StoredKeysOptions) {
    this.#store = store;
    this.#providers = providers;
    this.#onKey = onKey;
    this.#onChange = onChange;
  }

  /** @throws ProxyError `key_store_failed` */
  async list(): Promise<StoredKeysView> {
    const { place, encrypted } = this.#store;
    const stored = await this.#store.list();
    const keys = stored.map(({ name, origin }) => ({
      name,
      origin,
      providers: this.#usersOf(name).flatMap((user) => (user.origin === origin ? [user.id] : [])),
    }));
    return { place, encrypted, keys };
  }

  /** @throws ProxyError `key_store_failed`, or `invalid_field` where there is no such provider or this is no key. */
  async set({ provider, name = provider, key }: KeyName & { key: string }): Promise<KeySetView> {
    const value = key.trim();
    this.#onKey(value);
    const user = this.#userOf(provider);
    const problem =
      user.type === 'redis' && !/^rediss?:\/\//.test(value)
        ? 'must be the whole address, as in redis://:password@host:6379'
        : keyProblem(value, 'what you entered');
    if (problem !== null) throw ProxyError.of('invalid_field', { field: 'key', expected: problem });
    const { place } = this.#store;
    const movedAside = await this.#store.set(name, { key: value, origin: user.origin });
    // A locked keychain may take a key and give none back.
    const kept = await this.#store.get(name);
    if (kept?.key !== value) throw storeFailed(`${place} did not keep the key.`);
    await Promise.all(this.#usersOf(name).map(({ id }) => this.#onChange(id)));
    const vendor = vendorOf(user.type);
    const warning = user.isVendors ? prefixWarning(value, vendor?.keyPrefix ?? null, 'what you entered') : null;
    return {
      name,
      origin: user.origin,
      place,
      notes: [movedAside, warning].filter((note) => note !== null),
      configuration: this.#missingLines(provider, name),
    };
  }

  /** @throws ProxyError `key_store_failed` */
  async remove({ provider, name = provider }: KeyName): Promise<{ name: string; removed: boolean }> {
    const removed = await this.#store.remove(name);
    if (removed) await Promise.all(this.#usersOf(name).map(({ id }) => this.#onChange(id)));
    return { name, removed };
  }

  #usersOf(name: string): KeyUser[] {
    return this.#providers.filter((provider) => uses(provider, name));
  }

  /** A provider of the configuration, or a vendor that is not in it yet. */
  #userOf(provider: string): { type: string; origin: string; isVendors: boolean } {
    const configured = this.#providers.find(({ id }) => id === provider);
    const vendor = vendorOf(configured?.type ?? provider);
    const vendorOrigin = vendor === null || vendor.baseUrl === null ? null : new URL(vendor.baseUrl).origin;
    const origin = configured === undefined ? vendorOrigin : configured.origin;
    if (origin !== null) return { type: configured?.type ?? provider, origin, isVendors: origin === vendorOrigin };
    const meant = nearName(provider, [...this.#providers.map(({ id }) => id), ...Object.keys(vendors)]);
    const hint = meant === null || meant === provider ? '' : ` Did you mean ${meant}?`;
    // The name is not repeated: it may be a key that was put in the wrong place.
    throw ProxyError.of('invalid_field', {
      field: 'provider',
      expected: `must be the id of a provider in the configuration, whose address the key is for, or the name of a vendor.${hint}`,
    });
  }

  #missingLines(provider: string, name: string): string[] {
    const configured = this.#providers.find(({ id }) => id === provider);
    if (configured !== undefined && uses(configured, name)) return [];
    if (configured?.type === 'collector')
      return ['telemetry:', '  headers:', `    authorization: Bearer keychain:${name}`];
    if (configured?.type === 'redis') return ['redis:', `  url: keychain:${name}`];
    const reference = `key: keychain:${name}`;
    if (configured === undefined) {
      const entry = ['providers:', `  - id: ${provider}`, `    type: ${provider}`];
      return name === provider ? entry : [...entry, `    ${reference}`];
    }
    return ['providers:', `  - id: ${provider}`, `    ${reference}`];
  }
}

function uses({ id, key, keys }: KeyUser, name: string): boolean {
  if (keys !== undefined) return keys.some((entry) => entry.key === `keychain:${name}`);
  return key === undefined ? id === name : key === `keychain:${name}`;
}
