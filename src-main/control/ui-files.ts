import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

/** What a built renderer may hold; any other file is not served. */
const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

export interface UiFile {
  contentType: string;
  content: Buffer;
}

/**
 * The file of the built renderer at a path such as `assets/index.js`; null where there is none. A path is only ever
 * compared with the names of the plain files that are in the folder, never joined to it, so it cannot lead out of it, and
 * links are not followed.
 */
export async function readUiFile(folder: string, path: string): Promise<UiFile | null> {
  const contentType = contentTypes[extname(path)];
  if (contentType === undefined) return null;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && relative(folder, file).split(sep).join('/') === path)
      return { contentType, content: await readFile(file) };
  }
  return null;
}
