import { mapTexts } from '../../src-shared/map-texts.ts';
import type { FromDatabase, ToDatabase } from '../storage/database-calls.ts';
import { serveCalls } from '../storage/serve-calls.ts';
import type { BodiesCalls, CleaningCalls, Secrets, StoredBodies } from './bodies-calls.ts';
import { BodiesDatabase } from './bodies-database.ts';
import { bodyView, Cleaner } from './clean-body.ts';

/** Keeps the last one: keys rarely change, and making it anew costs. */
function cleaners(): (secrets: Secrets) => Cleaner {
  let last = new Cleaner([]);
  return (secrets) => {
    if (!last.isFor(secrets)) last = new Cleaner(secrets);
    return last;
  };
}

/** Keys that have become known since it was written are cut out as well. */
const again = (stored: StoredBodies | null, cleaner: Cleaner): StoredBodies | null =>
  stored === null ? null : mapTexts(stored, (text) => cleaner.text(text));

/** Answers calls with the database of bodies. */
export function serveBodies(
  file: string,
  send: (message: FromDatabase) => void,
): (message: ToDatabase<BodiesCalls>) => void {
  const cleanerFor = cleaners();
  return serveCalls<BodiesDatabase, BodiesCalls>(
    {
      file,
      open: (warn, now) => BodiesDatabase.open(file, warn, now),
      answer: (database, { call, asked, now }) => {
        switch (call) {
          case 'write':
            database.write(asked.entries, cleanerFor(asked.secrets), asked.limits, now);
            return { answer: null };
          case 'read':
            return { answer: again(database.read(asked.id, now), cleanerFor(asked.secrets)) };
          case 'expire':
            database.expire(asked, now);
            return { answer: null };
          case 'clear':
            return { answer: database.clear(now) };
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

/** Cuts keys out of bodies that are in memory. It needs no disk. */
export function serveCleaning(send: (message: FromDatabase) => void): (message: ToDatabase<CleaningCalls>) => void {
  const cleanerFor = cleaners();
  const answer = (message: ToDatabase<CleaningCalls>): unknown => {
    switch (message.call) {
      case 'clean':
        return cleanerFor(message.asked.secrets).request(message.asked.bodies);
      case 'cleanBody':
        return bodyView(cleanerFor(message.asked.secrets).body(message.asked.body));
      case 'close':
        return null;
    }
  };
  return (message) => {
    try {
      send({ id: message.id, answer: answer(message) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      send({ id: message.id, problem: { retry: 'later', reason } });
    }
  };
}
