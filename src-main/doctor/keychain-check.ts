import { randomBytes } from 'node:crypto';
import type { Config } from '../../src-shared/config.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import { amber, type Check, green, reasonOf, red } from './check.ts';

/** Nothing is ever sent there (RFC 2606). */
const ORIGIN = 'https://cproxy-doctor.invalid';

/** Writes, reads and removes an entry under a name that nobody else uses. */
export async function keychainCheck(store: SecretStore, { providers }: Pick<Config, 'providers'>): Promise<Check> {
  const name = `doctor-${randomBytes(6).toString('hex')}`;
  const key = randomBytes(24).toString('hex');
  const users = providers.filter(({ key: one, keys = [] }) =>
    [one, ...keys.map((entry) => entry.key)].some((reference) => reference?.startsWith('keychain:') === true),
  );
  const failed = (reason: string): Check =>
    users.length > 0
      ? red('key store', reason, `It holds the keys of ${users.map(({ id }) => `'${id}'`).join(', ')}.`)
      : amber('key store', reason, 'No provider in the configuration has its key there, so nothing is lost by it.');
  try {
    // A file that cannot be understood is moved away when something is written, which is not for a check to do.
    await store.get(name);
    await store.set(name, { key, origin: ORIGIN });
    const kept = await store.get(name).finally(() => store.remove(name));
    if (kept?.key !== key) return failed(`${store.place} did not keep what was put into it.`);
  } catch (error) {
    return failed(reasonOf(error));
  }
  return store.encrypted
    ? green('key store', `An entry could be written, read and removed in ${store.place}.`)
    : amber(
        'key store',
        `Keys are kept in ${store.place}.`,
        'You chose that with secrets.store: file. Where there is a keychain, `secrets: { store: keychain }` is safer.',
      );
}
