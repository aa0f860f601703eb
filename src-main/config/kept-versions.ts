import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { ConfigVersionView } from '../../src-shared/control.ts';
import { parseJson, writePrivateFile } from './private-file.ts';

const KEPT = 10;

const versionSchema = z.object({
  id: z.string(),
  /** Absolute path of the configuration file. */
  file: z.string(),
  at: z.number(),
  reason: z.string(),
  text: z.string(),
});
export type KeptVersion = z.output<typeof versionSchema>;

/** Texts that the configuration file had before, the last ten of each file, in the data folder, for their owner alone. */
export class KeptVersions {
  readonly #folder: string;
  readonly #now: () => number;

  constructor(dataFolder: string, now: () => number = Date.now) {
    this.#folder = path.join(dataFolder, 'config-versions');
    this.#now = now;
  }

  /**
   * Newest first.
   * @throws the error of the file system
   */
  async list(file: string): Promise<KeptVersion[]> {
    return (await this.#all(file)).slice(0, KEPT);
  }

  /** Of a writer that was killed, there may be one more than the last ten. */
  async #all(file: string): Promise<KeptVersion[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const versions = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map(async (name) => {
          // Another process may take away the oldest meanwhile, and one that cannot be read does not hide the others.
          const json = await readFile(path.join(this.#folder, name), 'utf8').catch(() => '');
          const read = versionSchema.safeParse(parseJson(json));
          return read.success && read.data.file === file ? [read.data] : [];
        }),
    );
    return versions.flat().sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  }

  /**
   * Keeps a text, unless it is the last that was kept.
   * @param reason by what it is replaced
   * @throws the error of the file system
   */
  async keep(file: string, text: string, reason: string): Promise<void> {
    const before = await this.#all(file);
    if (before[0]?.text === text) return;
    const at = Math.max(this.#now(), (before[0]?.at ?? 0) + 1);
    const id = new Date(at).toISOString().replaceAll(/[-:]/g, '').replace('.', '').replace('T', '-').replace('Z', '');
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const version: KeptVersion = { id, file, at, reason, text };
    await writePrivateFile(this.#fileOf(id), `${JSON.stringify(version)}\n`);
    for (const old of before.slice(KEPT - 1)) await rm(this.#fileOf(old.id), { force: true });
  }

  #fileOf(id: string): string {
    return path.join(this.#folder, `${id}.json`);
  }
}

export const viewVersion = ({ id, at, reason, text }: KeptVersion): ConfigVersionView => ({
  id,
  at,
  reason,
  bytes: Buffer.byteLength(text),
});
