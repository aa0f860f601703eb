import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Names known without asking; more than that, and it begins anew. */
const MOST_KNOWN = 10_000;
/** Names as texts that are looked for may have. */
const MOST_FOUND = 500;

/** Texts that come again and again, and the numbers they have in the database. */
export class Names {
  readonly #add: StatementSync;
  readonly #find: StatementSync;
  readonly #like: StatementSync;
  readonly #known = new Map<string, number>();

  constructor(db: DatabaseSync) {
    this.#add = db.prepare('INSERT INTO name (text) VALUES (?) ON CONFLICT DO NOTHING');
    this.#find = db.prepare('SELECT id FROM name WHERE text = ?');
    this.#like = db.prepare(`SELECT id FROM name WHERE text LIKE ? ESCAPE '\\' LIMIT ${MOST_FOUND}`);
  }

  /** The number of a text, which it gets now if it has none. */
  number(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    const { changes, lastInsertRowid } = this.#add.run(text);
    const id = Number(changes === 0 ? this.#find.get(text)?.id : lastInsertRowid);
    this.#known.set(text, id);
    return id;
  }

  /** null: nothing is called so. */
  find(text: string): number | null {
    const found = this.#find.get(text);
    return found === undefined ? null : Number(found.id);
  }

  /** The numbers of texts that have this in them, at most 500. */
  like(text: string): number[] {
    return this.#like.all(`%${text.replace(/[\\%_]/g, '\\$&')}%`).map(({ id }) => Number(id));
  }

  /** What was rolled back may have had names. */
  forget(): void {
    this.#known.clear();
  }
}
