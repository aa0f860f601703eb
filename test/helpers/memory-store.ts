import type { SecretStore, StoredKey } from '../../src-main/secrets/secret-store.ts';

/** A store of keys that forgets with its process. */
export function memoryStore(keys: Readonly<Record<string, StoredKey>> = {}): SecretStore {
  const held = new Map(Object.entries(keys));
  return {
    place: 'the memory of a test',
    encrypted: true,
    get: async (name) => held.get(name) ?? null,
    set: async (name, key) => {
      held.set(name, key);
      return null;
    },
    remove: async (name) => held.delete(name),
    list: async () => [...held].map(([name, { origin }]) => ({ name, origin })),
  };
}
