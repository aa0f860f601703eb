import type { FromDatabase, ToDatabase } from './database-calls.ts';
import type { DatabaseOptions, DiskCalls } from './disk-calls.ts';
import { ReasoningDatabase } from './reasoning-database.ts';
import { serveCalls } from './serve-calls.ts';

/** Answers calls with the database of what is remembered of conversations. */
export function serveDatabase(
  options: DatabaseOptions,
  send: (message: FromDatabase, moved: ArrayBuffer[]) => void,
): (message: ToDatabase<DiskCalls>) => void {
  return serveCalls<ReasoningDatabase, DiskCalls>(
    {
      file: options.file,
      open: (warn, now) => ReasoningDatabase.open(options, warn, now),
      answer: (database, { call, asked, now }) => {
        switch (call) {
          case 'read':
            return { answer: database.read(asked.conversation, now) };
          case 'write':
            database.write(asked, now);
            return { answer: null };
          case 'owners': {
            const owners = database.owners(now);
            return { answer: owners, moved: [owners.digests.buffer, owners.owners.buffer, owners.days.buffer] };
          }
          case 'notes':
            return { answer: database.notes(now) };
          case 'corrections':
            return { answer: database.corrections(now) };
          case 'expire':
            database.expire(now);
            return { answer: null };
          case 'stats':
            return { answer: database.stats(now) };
          case 'close':
            return { answer: null };
        }
      },
    },
    send,
  );
}
