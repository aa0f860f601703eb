import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import type { Blocks } from './blocks.ts';
import type { HistoryEntry } from './history-calls.ts';
import type { Names } from './names.ts';
import { SumWriter } from './sums.ts';

const ADD_REQUEST = `INSERT INTO request (id, started, state, asked, model, provider, route, session, project, client, class)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key`;
const ADD_ATTEMPT = `INSERT INTO attempt VALUES (${'?, '.repeat(18)}?)`;

export const states: Partial<Record<RequestRow['state'], number>> = { answered: 0, failed: 1, aborted: 2 };
const outcomes: Partial<Record<AttemptRow['outcome'], number>> = { answered: 0, failed: 1, aborted: 2 };

/** Writes requests that have ended, their attempts and their sums, in the transaction of whoever calls. */
export class RequestWriter {
  readonly #addRequest: StatementSync;
  readonly #addAttempt: StatementSync;
  readonly #names: Names;
  readonly #blocks: Blocks;
  readonly #sums: SumWriter;

  constructor(db: DatabaseSync, names: Names, blocks: Blocks) {
    this.#addRequest = db.prepare(ADD_REQUEST);
    this.#addAttempt = db.prepare(ADD_ATTEMPT);
    this.#names = names;
    this.#blocks = blocks;
    this.#sums = new SumWriter(db);
  }

  /** One that is there already stays as it is. @returns how many were not there */
  add(entries: readonly HistoryEntry[]): number {
    const added: { entry: HistoryEntry; row: RequestRow; key: number }[] = [];
    for (const entry of entries) {
      // Our own, written a moment ago.
      const row = JSON.parse(entry.row) as RequestRow;
      const key = this.#addRow(row);
      if (key !== null) added.push({ entry, row, key });
    }
    const [first] = added;
    if (first === undefined) return 0;
    // Keys that SQLite gives out one after the other follow one another: nobody else writes.
    this.#blocks.add(
      first.key,
      added.map(({ entry }) => entry),
    );
    this.#sums.add(
      added.map(({ row }) => row),
      (text) => this.#name(text) ?? 0,
    );
    return added.length;
  }

  #addRow(row: RequestRow): number | null {
    const last = row.attempts.at(-1);
    const added = this.#addRequest.get(
      row.id,
      row.startedAt,
      states[row.state] ?? 1,
      this.#name(row.askedModel),
      this.#name(last?.model ?? null),
      this.#name(last?.provider ?? null),
      this.#name(row.route),
      this.#name(row.sessionId),
      this.#name(row.project),
      this.#name(row.client),
      this.#name(row.class),
    );
    if (added === undefined) return null;
    const key = Number(added.key);
    const found = new Set([last?.provider]);
    for (const [number, attempt] of row.attempts.entries()) {
      const isLeft = !found.has(attempt.provider);
      found.add(attempt.provider);
      this.#addAttempt.run(key, number, ...this.#ledgerRow(row, attempt), isLeft ? row.startedAt : null);
    }
    return key;
  }

  #ledgerRow({ startedAt }: RequestRow, attempt: AttemptRow): SQLInputValue[] {
    const { usage, cost, startedMs, endedMs } = attempt;
    const written1h = usage?.cacheWrite1h ?? 0;
    return [
      Math.round(startedAt + startedMs),
      this.#name(attempt.provider),
      this.#name(attempt.model),
      this.#name(attempt.key),
      outcomes[attempt.outcome] ?? 1,
      this.#name(attempt.error?.code ?? null),
      endedMs === null ? null : endedMs - startedMs,
      usage?.input ?? null,
      usage?.cacheRead ?? null,
      usage === null ? null : usage.cacheWrite - written1h,
      usage === null ? null : written1h,
      usage?.output ?? null,
      usage?.reasoning ?? null,
      attempt.usageIsPartial ? 1 : 0,
      cost?.usd ?? null,
      cost?.source === 'provider' ? 1 : 0,
    ];
  }

  #name(text: string | null): number | null {
    return text === null ? null : this.#names.number(text);
  }
}
