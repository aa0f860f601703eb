import type { Config } from '../../src-shared/config.ts';
import { openKeyFile } from './key-file.ts';
import { openKeychain } from './keychain.ts';
import type { SecretStore } from './secret-store.ts';

/** Where the configuration has keys kept. A file is its user's own choice, and never one that is fallen back to. */
export function openSecretStore({ store }: Config['secrets'], dataFolder: string): SecretStore {
  return store === 'file' ? openKeyFile(dataFolder) : openKeychain();
}
