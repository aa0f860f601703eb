import { ensureFolders, resolveFolders } from '../config/folders.ts';
import { loadConfig } from '../config/load-config.ts';
import { acquireLock } from '../config/lock-file.ts';
import { keyUsersOf } from '../secrets/key-users.ts';
import { openSecretStore } from '../secrets/open-secret-store.ts';
import { StoredKeys } from '../secrets/stored-keys.ts';
import { withEngine } from './control-client.ts';
import { endSoon } from './end-soon.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { columns, commandName, note, print, printJson } from './output.ts';
import { readHidden } from './read-hidden.ts';

interface KeysOptions {
  config?: string;
  env?: string;
  name?: string;
  json?: boolean;
}

/** The keychain may wait for its user, longer than an engine usually takes to answer. */
const ANSWER_LIMIT_MS = 70_000;

/** `cproxy keys set PROVIDER` @param rest what stood behind it, which is refused unseen: it may be the key. */
export async function setKey(
  provider: string,
  rest: readonly string[],
  { name, json, ...from }: KeysOptions,
): Promise<void> {
  if (rest.length > 0)
    throw new CommandError(
      'A key is never an argument: other programs can see those, and the shell remembers them. Leave it out and you are asked for it, or pipe it in. If it was one, replace it.',
      exitCodes.usage,
    );
  const key = await readHidden('Key (nothing is shown): ', { input: process.stdin, output: process.stderr });
  if (key.trim() === '') throw new CommandError('No key was entered. Nothing was changed.');
  const entry = name === undefined ? { provider } : { provider, name };
  const { result, live } = await withKeys(from, (keys) => keys.set({ ...entry, key }));
  if (json === true) {
    printJson({ ...result, live });
    return;
  }
  print(`Stored '${result.name}' for ${result.origin} in ${result.place}.`);
  for (const line of result.notes) note(line);
  if (result.configuration.length > 0) {
    note('The configuration does not use it yet. What it takes:');
    for (const line of result.configuration) note(`  ${line}`);
  } else if (live) note('The running CProxy uses it from now on.');
}

/** `cproxy keys list` */
export async function listKeys({ json, ...from }: KeysOptions): Promise<void> {
  const { result } = await withKeys(from, (keys) => keys.list());
  if (json === true) {
    printJson(result);
    return;
  }
  if (!result.encrypted) note(`Kept in ${result.place}.`);
  if (result.keys.length === 0) {
    note(`${result.place} holds no keys of CProxy. \`${commandName(process.env)} keys set PROVIDER\` stores one.`);
    return;
  }
  for (const line of columns([
    ['NAME', 'FOR', 'USED BY'],
    ...result.keys.map(({ name, origin, providers }) => [name, origin, providers.join(', ') || 'nothing']),
  ]))
    print(line);
}

/** `cproxy keys remove PROVIDER` */
export async function removeKey(provider: string, { name, json, ...from }: KeysOptions): Promise<void> {
  const entry = name === undefined ? { provider } : { provider, name };
  const { result } = await withKeys(from, (keys) => keys.remove(entry));
  if (!result.removed)
    throw new CommandError(`No key of that name is stored. \`${commandName(process.env)} keys list\` shows them.`);
  if (json === true) printJson(result);
  else print(`Removed '${result.name}'.`);
}

type Keys = Pick<StoredKeys, 'list' | 'set' | 'remove'>;

/** Through the engine that runs, which uses a key at once; where none runs, under the lock so that none starts meanwhile. */
export async function withKeys<T>(
  { config, env }: KeysOptions,
  action: (keys: Keys) => Promise<T>,
): Promise<{ result: T; live: boolean }> {
  const folders = resolveFolders(process.env);
  const remote = await withEngine(
    folders.data,
    ({ keys }) =>
      action({
        list: () => keys.list(),
        set: (entry) => keys.set(entry),
        remove: (entry) => keys.remove(entry),
      }),
    ANSWER_LIMIT_MS,
  );
  if (remote !== null) return { result: remote.result, live: true };

  const loaded = loadConfig({ file: config, environment: env, env: process.env, folders });
  for (const warning of ensureFolders(folders)) note(warning);
  const lock = await acquireLock(folders.data, { host: 'command' });
  try {
    const store = openSecretStore(loaded.config.secrets, folders.data);
    return { result: await action(new StoredKeys({ store, providers: keyUsersOf(loaded.config) })), live: false };
  } finally {
    lock.release();
    endSoon();
  }
}
