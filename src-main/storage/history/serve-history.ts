import type { FromDatabase, ToDatabase } from '../database-calls.ts';
import { serveCalls } from '../serve-calls.ts';
import type { HistoryCalls, HistoryOptions } from './history-calls.ts';
import { HistoryDatabase } from './history-database.ts';

/** Answers calls with the log of requests. */
export function serveHistory(
  { file }: HistoryOptions,
  send: (message: FromDatabase) => void,
): (message: ToDatabase<HistoryCalls>) => void {
  return serveCalls<HistoryDatabase, HistoryCalls>(
    {
      file,
      open: (warn, now) => HistoryDatabase.open(file, warn, now),
      answer: (database, { call, asked, now }) => {
        switch (call) {
          case 'write':
            database.write(asked, now);
            return { answer: null };
          case 'page':
            return { answer: database.page(asked, now) };
          case 'find':
            return { answer: database.find(asked.which, now) };
          case 'usage':
            return { answer: database.usage(asked, now) };
          case 'expire':
            database.expire(asked, now);
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
