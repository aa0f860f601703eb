import type { Migration } from './sqlite.ts';

/**
 * The schema of reasoning.db, a step for each version it has had; a new version adds one, and none is ever changed.
 *
 * Made for many small conversations: their ids are the first 8 bytes of a digest, which are integers to SQLite, and no text or
 * id is kept twice. Payloads have a table with the order of their writing, in which space is never left free between rows.
 */
export const migrations: readonly Migration[] = [
  (db) =>
    db.exec(`
      CREATE TABLE conversation (
        id INTEGER PRIMARY KEY,
        used INTEGER NOT NULL, -- Unix time in ms
        turns INTEGER NOT NULL,
        bytes INTEGER NOT NULL -- of its payloads
      ) STRICT;
      CREATE INDEX conversation_by_use ON conversation (used);
      CREATE TABLE payload (
        id INTEGER PRIMARY KEY,
        data ANY NOT NULL -- turn-payload.ts
      ) STRICT;
      CREATE TABLE turn (
        conversation INTEGER NOT NULL,
        key TEXT NOT NULL,
        payload INTEGER NOT NULL,
        PRIMARY KEY (conversation, key)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE provider (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
      ) STRICT;
      CREATE TABLE signature (
        digest INTEGER PRIMARY KEY,
        provider INTEGER NOT NULL, -- 0: nobody takes it any more
        day INTEGER NOT NULL -- since 1970
      ) STRICT;
      CREATE TABLE correction (
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        data TEXT NOT NULL, -- JSON
        saved INTEGER NOT NULL, -- Unix time in ms
        PRIMARY KEY (provider, model)
      ) STRICT, WITHOUT ROWID;
    `),
  (db) =>
    db.exec(`
      CREATE TABLE text (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL
      ) STRICT;
      CREATE TABLE note (
        digest INTEGER PRIMARY KEY,
        system INTEGER, -- a text
        home TEXT,
        day INTEGER NOT NULL -- of its last use, since 1970
      ) STRICT;
    `),
];
