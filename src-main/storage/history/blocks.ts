import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { RequestRow } from '../../../src-shared/requests.ts';
import type { RouteView } from '../../../src-shared/routing.ts';
import type { HistoryEntry, StoredRequest } from './history-calls.ts';
import { packLines, unpackLines } from './line-bytes.ts';

/**
 * What is shown of requests. Those that were written together are made small together, which takes a fraction of the time and the
 * room that each by itself would: a block, under the key of its first request, has two lines for each, the row and its route.
 */
export class Blocks {
  readonly #add: StatementSync;
  readonly #get: StatementSync;
  readonly #drop: StatementSync;

  constructor(db: DatabaseSync) {
    this.#add = db.prepare('INSERT INTO block VALUES (?, ?, ?)');
    this.#get = db.prepare('SELECT key, data FROM block WHERE key <= ? ORDER BY key DESC LIMIT 1');
    this.#drop = db.prepare(`DELETE FROM block WHERE key = (SELECT max(key) FROM block WHERE key <= ?)
      AND NOT EXISTS (SELECT 1 FROM request WHERE request.key BETWEEN block.key AND block.last)`);
  }

  /** @param first the key of the first request; the others have those that follow it. */
  add(first: number, entries: readonly HistoryEntry[]): void {
    const lines = entries.flatMap(({ row, route }) => [row, route ?? 'null']);
    this.#add.run(first, first + entries.length - 1, packLines(lines));
  }

  /** Requests by their keys, in that order. Those that are next to each other are cheap. */
  read(keys: readonly number[]): StoredRequest[] {
    let open: { key: number; lines: readonly string[] } | null = null;
    return keys.map((key) => {
      if (open === null || key < open.key || key >= open.key + open.lines.length / 2) open = this.#open(key);
      const line = (key - open.key) * 2;
      return {
        row: JSON.parse(open.lines[line] ?? '') as RequestRow,
        route: JSON.parse(open.lines[line + 1] ?? '') as RouteView | null,
      };
    });
  }

  /** After a request was dropped: its block goes with the last of them. */
  dropped(key: number): void {
    this.#drop.run(key);
  }

  #open(key: number): { key: number; lines: readonly string[] } {
    const found = this.#get.get(key);
    return { key: Number(found?.key), lines: found?.data instanceof Uint8Array ? unpackLines(found.data) : [] };
  }
}
