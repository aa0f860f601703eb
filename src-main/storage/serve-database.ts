import type { DatabaseOptions, FromWorker, ToWorker } from './disk-calls.ts';
import { ReasoningDatabase } from './reasoning-database.ts';
import { explain } from './sqlite.ts';

/**
 * Answers calls with a database that the first of them opens, one after the other.
 * @param send its second argument: what is handed over and not copied.
 */
export function serveDatabase(
  options: DatabaseOptions,
  send: (message: FromWorker, moved: ArrayBuffer[]) => void,
): (message: ToWorker) => void {
  let database: ReasoningDatabase | null = null;
  /** Opening takes a moment. */
  let last: Promise<void> = Promise.resolve();

  async function answer({ id, now, call, asked }: ToWorker): Promise<void> {
    const give = (answer: Extract<FromWorker, { answer: unknown }>['answer'], moved: ArrayBuffer[] = []): void =>
      send({ id, answer }, moved);
    try {
      if (call === 'close') {
        database?.close();
        database = null;
        return give(null);
      }
      database ??= await ReasoningDatabase.open(options, (warning) => send({ warning }, []), now);
      switch (call) {
        case 'read':
          return give(database.read(asked.conversation, now));
        case 'write':
          database.write(asked, now);
          return give(null);
        case 'owners': {
          const owners = database.owners(now);
          return give(owners, [owners.digests.buffer, owners.owners.buffer, owners.days.buffer]);
        }
        case 'notes':
          return give(database.notes(now));
        case 'corrections':
          return give(database.corrections(now));
        case 'expire':
          database.expire(now);
          return give(null);
        case 'stats':
          return give(database.stats(now));
      }
    } catch (error) {
      // The next call opens it anew: what it had open may be what does not work.
      database?.close();
      database = null;
      send({ id, problem: explain(error, options.file) }, []);
    }
  }

  return (message) => {
    last = last.then(() => answer(message));
  };
}
