import { DatabaseSync } from 'node:sqlite';
import { importCcSwitchRows } from './cc-switch.ts';
import { importClaudeCodeRouter } from './claude-code-router.ts';
import type { Imported } from './report.ts';
import type { SqlRow } from './sql-rows.ts';

const HEADER = 'SQLite format 3\0';

export function isSqlite(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, HEADER.length)).toString('latin1') === HEADER;
}

/**
 * Carries over what the programs keep in a database: cc-switch in cc-switch.db, claude-code-router from version 3 on in
 * config.sqlite. It is opened for reading alone.
 * @returns null where it is neither
 * @throws Error of SQLite
 */
export function importSqlite(file: string, env: NodeJS.ProcessEnv): Imported | null {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = new Set(
      database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .all()
        .map(({ name }) => name),
    );
    const rowsOf = (table: string): SqlRow[] =>
      tables.has(table) ? database.prepare(`SELECT * FROM ${table}`).all().map(plainRow) : [];
    if (tables.has('app_config')) {
      const row = rowsOf('app_config').find(({ key }) => key === 'default');
      const value: unknown = typeof row?.value_json === 'string' ? JSON.parse(row.value_json) : {};
      return importClaudeCodeRouter(value, env);
    }
    if (!tables.has('providers')) return null;
    return importCcSwitchRows('cc-switch, its database', rowsOf, env);
  } finally {
    database.close();
  }
}

const plainRow = (row: Record<string, unknown>): SqlRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' || typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : null,
    ]),
  );
