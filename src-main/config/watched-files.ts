import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type FSWatcher, watch } from 'chokidar';

/** How long it must be silent after a change, in ms: programs write in several steps. */
const SETTLE_MS = 75;
/** How often it is looked without having been told, in ms: some file systems, and links that lead over links, tell nothing. */
const SWEEP_MS = 2_000;

/** Tells when something may have happened to one of some files, which need not exist, nor their folders. */
export class WatchedFiles {
  readonly #files: readonly string[];
  readonly #onChange: () => void;
  readonly #onError: (error: unknown) => void;
  #watcher: FSWatcher | null = null;
  #settling: NodeJS.Timeout | null = null;
  #sweep: NodeJS.Timeout | null = null;

  /** @param onChange is called again and again; it finds out itself what has changed */
  constructor(files: readonly string[], onChange: () => void, onError: (error: unknown) => void) {
    this.#files = files;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** Ends when everything that happens from then on is noticed. */
  async start(): Promise<void> {
    const watched = this.#placesToWatch();
    const names = new Set(watched.map((file) => path.basename(file)));
    const folders = new Set(watched.map((file) => path.dirname(file)));
    // Editors and atomic writers put another file in its place, which a watch of the file itself may lose.
    const watcher = watch([...folders], {
      depth: 0,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      atomic: false,
      ignored: (place, stats) => stats?.isFile() === true && !names.has(path.basename(place)),
    });
    this.#watcher = watcher;
    watcher.on('all', (_, place) => {
      if (names.has(path.basename(place)) || folders.has(place)) this.#changed();
    });
    watcher.on('error', (error) => this.#onError(error));
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
    this.#sweep = setInterval(this.#onChange, SWEEP_MS);
    this.#sweep.unref();
  }

  async close(): Promise<void> {
    if (this.#settling !== null) clearTimeout(this.#settling);
    if (this.#sweep !== null) clearInterval(this.#sweep);
    await this.#watcher?.close();
  }

  #changed(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#settling = setTimeout(this.#onChange, SETTLE_MS);
  }

  /** The files, and where they lead. */
  #placesToWatch(): string[] {
    return this.#files.flatMap((file) => {
      try {
        const target = realpathSync(file);
        return target === file ? [file] : [file, target];
      } catch {
        // Not there yet, or a link to what is not.
        return [file];
      }
    });
  }
}
