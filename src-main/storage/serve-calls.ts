import type { CallTable, FromDatabase, ToDatabase } from './database-calls.ts';
import { explain } from './sqlite.ts';

export interface ServedDatabase<Database, Calls extends CallTable<Calls>> {
  file: string;
  open: (warn: (warning: string) => void, now: number) => Promise<Database>;
  /** @returns the answer, and what of it is handed over and not copied. */
  answer: (database: Database, message: ToDatabase<Calls>) => { answer: unknown; moved?: ArrayBuffer[] };
}

/** Answers calls with a database that the first of them opens, one after the other. */
export function serveCalls<Database extends { close(): void }, Calls extends CallTable<Calls>>(
  { file, open, answer }: ServedDatabase<Database, Calls>,
  send: (message: FromDatabase, moved: ArrayBuffer[]) => void,
): (message: ToDatabase<Calls>) => void {
  let database: Database | null = null;
  /** Opening takes a moment. */
  let last: Promise<void> = Promise.resolve();

  async function serve(message: ToDatabase<Calls>): Promise<void> {
    const { id, now, call } = message;
    try {
      if (call === 'close') {
        database?.close();
        database = null;
        send({ id, answer: null }, []);
        return;
      }
      database ??= await open((warning) => send({ warning }, []), now);
      const { answer: given, moved = [] } = answer(database, message);
      send({ id, answer: given }, moved);
    } catch (error) {
      // The next call opens it anew: what it had open may be what does not work.
      database?.close();
      database = null;
      send({ id, problem: explain(error, file) }, []);
    }
  }

  return (message) => {
    last = last.then(() => serve(message));
  };
}
