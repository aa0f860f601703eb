import type { Migration } from '../sqlite.ts';

/**
 * The schema of history.db, a step for each version it has had; a new version adds one, and none is ever changed.
 *
 * A request is found by what stands in `request`: numbers, and texts by their numbers in `name`. What is shown of it and how it was
 * routed is in `block` (blocks.ts). `attempt` is the ledger: what each call of a provider used and cost. `sum`, `day_sum` and
 * `session_sum` add it up as it is written, and outlive it.
 */
export const historyMigrations: readonly Migration[] = [
  (db) =>
    db.exec(`
      CREATE TABLE name (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL UNIQUE
      ) STRICT;
      CREATE TABLE request (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        started INTEGER NOT NULL, -- Unix time in ms
        state INTEGER NOT NULL, -- 0 answered, 1 failed, 2 aborted
        asked INTEGER NOT NULL, -- a name, as all that follow
        model INTEGER,
        provider INTEGER,
        route INTEGER,
        session INTEGER,
        project INTEGER,
        client INTEGER,
        class INTEGER
      ) STRICT;
      CREATE INDEX request_by_start ON request (started);
      CREATE INDEX request_by_state ON request (state, started) WHERE state > 0;
      CREATE INDEX request_by_asked ON request (asked, started);
      CREATE INDEX request_by_model ON request (model, started) WHERE model IS NOT NULL;
      CREATE INDEX request_by_provider ON request (provider, started) WHERE provider IS NOT NULL;
      CREATE INDEX request_by_route ON request (route, started) WHERE route IS NOT NULL;
      CREATE INDEX request_by_session ON request (session, started) WHERE session IS NOT NULL;
      CREATE INDEX request_by_project ON request (project, started) WHERE project IS NOT NULL;
      CREATE INDEX request_by_client ON request (client, started) WHERE client IS NOT NULL;
      CREATE INDEX request_by_class ON request (class, started) WHERE class IS NOT NULL;
      CREATE TABLE block (
        key INTEGER PRIMARY KEY, -- of its first request
        last INTEGER NOT NULL, -- the key of its last; none is missing in between when it is written
        data BLOB NOT NULL
      ) STRICT;
      CREATE TABLE attempt (
        request INTEGER NOT NULL,
        number INTEGER NOT NULL, -- the first is 0
        at INTEGER NOT NULL, -- Unix time in ms of its beginning
        provider INTEGER NOT NULL,
        model INTEGER NOT NULL,
        account INTEGER, -- the key, by its name
        outcome INTEGER NOT NULL, -- 0 answered, 1 failed, 2 aborted
        error INTEGER, -- its code
        ms REAL,
        input INTEGER, -- tokens; NULL: not reported
        cache_read INTEGER,
        cache_write_5m INTEGER,
        cache_write_1h INTEGER,
        output INTEGER,
        reasoning INTEGER, -- part of output; NULL: not reported
        is_partial INTEGER NOT NULL,
        usd REAL, -- NULL: not known
        is_reported INTEGER NOT NULL, -- whether the provider itself said the cost
        left_for INTEGER, -- the request's start, with the first attempt at each provider that was not the last one
        PRIMARY KEY (request, number)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX attempt_by_provider ON attempt (provider, left_for, request) WHERE left_for IS NOT NULL;
      CREATE TABLE sum (
        quarter INTEGER NOT NULL, -- of an hour, since 1970
        provider INTEGER NOT NULL, -- a name, as all that follow; 0: none
        model INTEGER NOT NULL,
        route INTEGER NOT NULL,
        project INTEGER NOT NULL,
        client INTEGER NOT NULL,
        class INTEGER NOT NULL,
        requests INTEGER NOT NULL, attempts INTEGER NOT NULL, failed INTEGER NOT NULL, aborted INTEGER NOT NULL,
        input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
        output INTEGER NOT NULL, reasoning INTEGER NOT NULL, usd REAL NOT NULL, cost_unknown INTEGER NOT NULL,
        PRIMARY KEY (quarter, provider, model, route, project, client, class)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE day_sum (
        day INTEGER NOT NULL, -- of the local calendar, as in 20261124
        provider INTEGER NOT NULL,
        model INTEGER NOT NULL,
        route INTEGER NOT NULL,
        project INTEGER NOT NULL,
        client INTEGER NOT NULL,
        class INTEGER NOT NULL,
        requests INTEGER NOT NULL, attempts INTEGER NOT NULL, failed INTEGER NOT NULL, aborted INTEGER NOT NULL,
        input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
        output INTEGER NOT NULL, reasoning INTEGER NOT NULL, usd REAL NOT NULL, cost_unknown INTEGER NOT NULL,
        PRIMARY KEY (day, provider, model, route, project, client, class)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE session_sum (
        session INTEGER PRIMARY KEY,
        first INTEGER NOT NULL, -- Unix times in ms of its first and last request
        last INTEGER NOT NULL,
        requests INTEGER NOT NULL, attempts INTEGER NOT NULL, failed INTEGER NOT NULL, aborted INTEGER NOT NULL,
        input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
        output INTEGER NOT NULL, reasoning INTEGER NOT NULL, usd REAL NOT NULL, cost_unknown INTEGER NOT NULL
      ) STRICT;
    `),
];
