/** A row of an INSERT statement, by the names of its columns. */
export type SqlRow = Record<string, string | number | null>;

/**
 * The rows that a dump of SQLite inserts into one table. Nothing is run: a dump may hold any statement.
 * @throws Error where a statement for the table cannot be read
 */
export function rowsInserted(sql: string, table: string): SqlRow[] {
  const rows: SqlRow[] = [];
  for (const statement of statementsOf(sql)) {
    const head = /^\s*INSERT\s+(?:OR\s+\w+\s+)?INTO\s+["'`[]?(\w+)["'`\]]?\s*\(([^()]*)\)\s*VALUES\s*/i.exec(statement);
    if (head?.[1]?.toLowerCase() !== table) continue;
    const columns = (head[2] ?? '').split(',').map((name) => name.trim().replace(/^["'`[]|["'`\]]$/g, ''));
    for (const values of tuplesOf(statement.slice(head[0].length))) {
      if (values.length !== columns.length)
        throw new Error(`a row of ${table} has ${values.length} of ${columns.length} values`);
      rows.push(Object.fromEntries(columns.map((name, index) => [name, values[index] ?? null])));
    }
  }
  return rows;
}

/** Texts, quoted names and comments, in which a `;` ends nothing. */
const PART = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|[^'"\-/;]+|[\s\S]/g;

function statementsOf(sql: string): string[] {
  const statements: string[] = [];
  let current = '';
  for (const [part] of sql.matchAll(PART)) {
    if (part === ';') {
      statements.push(current);
      current = '';
    } else if (!part.startsWith('--') && !(part.startsWith('/*') && part.length > 1)) current += part;
  }
  return [...statements, current].filter((statement) => statement.trim() !== '');
}

const VALUE =
  /\s*(?:'((?:[^']|'')*)'|(NULL)|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|CAST\(\s*X'([0-9A-Fa-f]*)'\s+AS\s+TEXT\s*\)|X'([0-9A-Fa-f]*)')\s*/iy;

/** `(1, 'a'),(2, NULL)` */
function tuplesOf(text: string): (string | number | null)[][] {
  const tuples: (string | number | null)[][] = [];
  let at = 0;
  const skip = (wanted: string): boolean => {
    while (/\s/.test(text[at] ?? '')) at += 1;
    if (text[at] !== wanted) return false;
    at += 1;
    return true;
  };
  do {
    if (!skip('(')) throw new Error('a row does not begin with (');
    const values: (string | number | null)[] = [];
    do {
      VALUE.lastIndex = at;
      const found = VALUE.exec(text);
      if (found === null) throw new Error('a value cannot be read');
      at = VALUE.lastIndex;
      const [, quoted, empty, number, cast, blob] = found;
      const hex = cast ?? blob;
      if (quoted !== undefined) values.push(quoted.replaceAll("''", "'"));
      else if (empty !== undefined) values.push(null);
      else if (number !== undefined) values.push(Number(number));
      else values.push(Buffer.from(hex ?? '', 'hex').toString('utf8'));
    } while (skip(','));
    if (!skip(')')) throw new Error('a row does not end with )');
    tuples.push(values);
  } while (skip(','));
  return tuples;
}
