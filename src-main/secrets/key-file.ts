import { lstat, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { parseJson, writePrivateFile } from '../config/private-file.ts';
import { type SecretStore, type StoredKey, storeFailed } from './secret-store.ts';

const fileSchema = z.object({
  version: z.literal(1),
  keys: z.array(z.object({ name: z.string().min(1), key: z.string().min(1), origin: z.string().min(1) })),
});

type Keys = ReadonlyMap<string, StoredKey>;
type Content = { keys: Keys; problem: null } | { keys: null; problem: string };

/** Keys in `keys.json` of a data folder (0600), not encrypted: for where there is no keychain and its user says so. */
export function openKeyFile(dataFolder: string): SecretStore {
  const file = path.join(dataFolder, 'keys.json');
  /** Changes are made one after the other. */
  let lastChange: Promise<unknown> = Promise.resolve();

  async function read(): Promise<Content> {
    const stats = await lstat(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw storeFailed(`${file} cannot be read: ${error.message}`, error);
    });
    if (stats === null) return { keys: new Map(), problem: null };
    if (!stats.isFile()) return { keys: null, problem: `${file} is not a plain file, so it is not used.` };
    if (process.getuid !== undefined && stats.uid !== process.getuid())
      return { keys: null, problem: `${file} belongs to another user, so it is not used.` };
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0)
      throw storeFailed(
        `${file} can be read by other users of this machine, so its keys are not used. Close it with \`chmod 600\`, and replace keys that others may have seen.`,
      );
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw storeFailed(`${file} cannot be read: ${error.message}`, error);
    });
    const content = fileSchema.safeParse(parseJson(text));
    return content.success
      ? { keys: new Map(content.data.keys.map(({ name, key, origin }) => [name, { key, origin }])), problem: null }
      : { keys: null, problem: `${file} cannot be understood, so it is not used.` };
  }

  async function readable(): Promise<Keys> {
    const { keys, problem } = await read();
    if (keys === null)
      throw storeFailed(
        `${problem} \`cproxy keys set\` moves it aside and begins a new one; mend it to keep its keys.`,
      );
    return keys;
  }

  async function write(keys: Keys): Promise<void> {
    const list = [...keys].map(([name, { key, origin }]) => ({ name, key, origin }));
    const text = `${JSON.stringify({ version: 1, keys: list }, null, 2)}\n`;
    await writePrivateFile(file, text).catch((error: NodeJS.ErrnoException) => {
      throw storeFailed(`${file} cannot be written: ${error.message}`, error);
    });
  }

  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = lastChange.then(change);
    // A change that failed is reported to whom it belongs, and must not stop the next one.
    lastChange = result.catch(() => undefined);
    return result;
  }

  return {
    place: `the file ${file}, which is not encrypted`,
    encrypted: false,
    get: async (name) => (await readable()).get(name) ?? null,
    set: (name, { key, origin }) =>
      inTurn(async () => {
        const { keys, problem } = await read();
        const aside = keys === null ? `${file}.unreadable-${Date.now()}` : null;
        if (aside !== null) await rename(file, aside);
        await write(new Map(keys ?? []).set(name, { key, origin }));
        return aside === null ? null : `${problem} It was moved to ${aside}.`;
      }),
    remove: (name) =>
      inTurn(async () => {
        const keys = new Map(await readable());
        if (!keys.delete(name)) return false;
        await write(keys);
        return true;
      }),
    list: async () => [...(await readable())].map(([name, { origin }]) => ({ name, origin })),
  };
}
