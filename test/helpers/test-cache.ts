import { homedir } from 'node:os';
import path from 'node:path';

/** A folder of the user's cache for programs that only tests need. */
export function testCacheFolder(name: string): string {
  const cache = process.env.XDG_CACHE_HOME;
  return path.join(cache === undefined || cache === '' ? path.join(homedir(), '.cache') : cache, 'cproxy-test', name);
}
