import { describe, expect, test } from 'vitest';
import { type KeyringModule, openKeychain } from '../../../src-main/secrets/keychain.ts';

const stored = { key: 'sk-CANARY', origin: 'https://a.example' };

/** A keyring that does as it is told; `calls` counts what would open prompts. */
function keyring(behaviour: { get?: () => Promise<string | null>; find?: () => Promise<never> } = {}) {
  const entries = new Map<string, string>();
  const told = { calls: 0, stores: new Set<string>() };
  const module: KeyringModule = {
    AsyncEntry: class {
      readonly #name: string;
      constructor(_service: string, name: string, { linux }: { linux: { store: 'secret-service' } }) {
        this.#name = name;
        told.stores.add(linux.store);
      }
      async getPassword() {
        told.calls += 1;
        return behaviour.get === undefined ? (entries.get(this.#name) ?? null) : behaviour.get();
      }
      async setPassword(value: string) {
        entries.set(this.#name, value);
      }
      async deleteCredential() {
        return entries.delete(this.#name);
      }
    },
    findCredentialsAsync: async (service) => {
      if (behaviour.find !== undefined) return behaviour.find();
      return service === 'cproxy' ? [...entries].map(([account, password]) => ({ account, password })) : [];
    },
  };
  return { module, entries, told };
}

const failing = (message: string) => async (): Promise<never> => {
  throw new Error(message);
};

describe('the keychain', () => {
  test('keeps a key with its origin, in the Secret Service only', async () => {
    const { module, entries, told } = keyring();
    const store = openKeychain({ load: async () => module });
    expect(await store.get('a')).toBeNull();
    await store.set('a', stored);
    expect(entries.get('a')).toBe('{"v":1,"key":"sk-CANARY","origin":"https://a.example"}');
    expect(await store.get('a')).toEqual(stored);
    expect(await store.list()).toEqual([{ name: 'a', origin: 'https://a.example' }]);
    expect([await store.remove('a'), await store.remove('a')]).toEqual([true, false]);
    expect([...told.stores]).toEqual(['secret-service']);
  });

  test.each(['sk-CANARY', '{"v":2}', '{"v":1,"key":"sk-CANARY"}'])(
    'an entry that is not ours is not used: %s',
    async (value) => {
      const { module, entries } = keyring();
      entries.set('a', value);
      const store = openKeychain({ load: async () => module });
      await expect(store.get('a')).rejects.toThrow(/^(?!.*CANARY).*was not made by `cproxy keys set`/);
      expect(await store.list()).toEqual([{ name: 'a', origin: 'unknown' }]);
    },
  );

  // What the library says, as seen with gnome-keyring 42 and without a bus.
  test.each([
    [
      'zbus error: Failed to connect to address `unix:path=/x/bus`: No such file or directory',
      'There is no keychain here',
    ],
    ['Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled', 'There is no keychain here'],
    ['zbus error: org.freedesktop.Secret.Error.IsLocked: Cannot get secret of a locked object', 'is locked'],
    ["Couldn't access platform storage: Secret Service: unlock prompt was dismissed", 'is locked'],
    ['something new', "The system's keychain failed: something new"],
  ])('%s', async (message, words) => {
    const { module } = keyring({ find: failing(message) });
    await expect(openKeychain({ platform: 'linux', load: async () => module }).list()).rejects.toMatchObject({
      code: 'key_store_failed',
      message: expect.stringContaining(words),
    });
  });

  test('a module that does not load is explained', async () => {
    const store = openKeychain({ load: failing('Cannot find native binding') });
    await expect(store.get('a')).rejects.toThrow(/its module does not load on this system.*secrets: \{ store: file \}/);
  });

  test('one that hangs is waited for once, and no second call is made meanwhile', async () => {
    const answer = Promise.withResolvers<string | null>();
    const { module, told } = keyring({ get: () => answer.promise });
    const store = openKeychain({ load: async () => module, limitMs: 20 });
    await expect(store.get('a')).rejects.toThrow(/does not answer/);
    await expect(store.get('a')).rejects.toThrow(/does not answer/);
    expect(told.calls).toBe(1);
    answer.resolve(null);
    await answer.promise;
    await expect.poll(() => store.get('a').catch(() => 'waiting')).toBeNull();
  });

  test('after a prompt was dismissed, requests open no other for a while; what its user does asks at once', async () => {
    let time = 0;
    let locked = true;
    const { module, told } = keyring({
      get: async () => (locked ? failing('unlock prompt was dismissed')() : JSON.stringify({ v: 1, ...stored })),
    });
    const store = openKeychain({ load: async () => module, now: () => time });
    for (const _ of [1, 2, 3]) await expect(store.get('a')).rejects.toThrow(/is locked/);
    expect(told.calls).toBe(1);
    time = 30_000;
    await expect(store.get('a')).rejects.toThrow(/is locked/);
    expect(told.calls).toBe(2);
    locked = false;
    await store.set('b', stored);
    expect(await store.get('a')).toEqual(stored);
  });

  test('reads of several providers at once each get their answer', async () => {
    const { module } = keyring();
    const store = openKeychain({ load: async () => module });
    await store.set('a', stored);
    expect(await Promise.all([store.get('a'), store.get('b'), store.get('a')])).toEqual([stored, null, stored]);
  });
});
