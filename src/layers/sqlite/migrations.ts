/** The tables of the database, as migration steps: steps are only added, never changed. */

/** Step n brings a database from schema version n to n+1. */
export const migrations: ReadonlyArray<ReadonlyArray<string>> = [
  [
    `CREATE TABLE forge_state (
       owner TEXT NOT NULL,
       repo TEXT NOT NULL,
       issue_number INTEGER NOT NULL,
       slug TEXT NOT NULL,
       agent_name TEXT NOT NULL,
       bottle_names TEXT NOT NULL,
       backend_name TEXT NOT NULL,
       agent_git_user TEXT NOT NULL,
       pr_number INTEGER,
       status TEXT NOT NULL,
       last_checkin_at TEXT NOT NULL,
       last_checkin_ms INTEGER NOT NULL,
       PRIMARY KEY (owner, repo, issue_number)
     ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX forge_state_running ON forge_state (last_checkin_ms) WHERE status = 'running'`,
    `CREATE TABLE bottles (
       slug TEXT NOT NULL PRIMARY KEY,
       created_ms INTEGER NOT NULL,
       metadata TEXT NOT NULL,
       operation TEXT,
       watcher TEXT
     ) STRICT`,
  ],
  [
    `CREATE TABLE verifications (
       image TEXT NOT NULL,
       engine TEXT NOT NULL,
       version TEXT NOT NULL,
       verified_at TEXT NOT NULL,
       PRIMARY KEY (image, engine, version)
     ) STRICT, WITHOUT ROWID`,
  ],
  // A primary key cannot be changed in place. The index is dropped with the old table.
  [
    `CREATE TABLE forge_state_keyed (
       forge TEXT NOT NULL,
       owner TEXT NOT NULL,
       repo TEXT NOT NULL,
       issue_number INTEGER NOT NULL,
       slug TEXT NOT NULL,
       agent_name TEXT NOT NULL,
       bottle_names TEXT NOT NULL,
       backend_name TEXT NOT NULL,
       agent_git_user TEXT NOT NULL,
       pr_number INTEGER,
       status TEXT NOT NULL,
       last_checkin_at TEXT NOT NULL,
       last_checkin_ms INTEGER NOT NULL,
       PRIMARY KEY (forge, owner, repo, issue_number)
     ) STRICT, WITHOUT ROWID`,
    `INSERT INTO forge_state_keyed
       SELECT '', owner, repo, issue_number, slug, agent_name, bottle_names, backend_name, agent_git_user, pr_number,
         status, last_checkin_at, last_checkin_ms
       FROM forge_state`,
    `DROP TABLE forge_state`,
    `ALTER TABLE forge_state_keyed RENAME TO forge_state`,
    `CREATE INDEX forge_state_running ON forge_state (last_checkin_ms) WHERE status = 'running'`,
  ],
  // The orchestrator's tables. Names of a forge are compared case-insensitively.
  [
    `CREATE TABLE inbox (
       seq INTEGER PRIMARY KEY AUTOINCREMENT,
       id TEXT NOT NULL UNIQUE,
       forge TEXT NOT NULL,
       owner TEXT NOT NULL COLLATE NOCASE,
       repo TEXT NOT NULL COLLATE NOCASE,
       issue_number INTEGER,
       kind TEXT NOT NULL,
       received_ms INTEGER NOT NULL,
       detail TEXT NOT NULL,
       state TEXT NOT NULL DEFAULT 'open',
       tries INTEGER NOT NULL DEFAULT 0,
       problem TEXT,
       handled_ms INTEGER
     ) STRICT`,
    `CREATE INDEX inbox_open ON inbox (forge, owner, repo, issue_number, seq) WHERE state = 'open'`,
    `CREATE INDEX inbox_unrouted ON inbox (seq) WHERE state = 'open' AND issue_number IS NULL`,
    `CREATE INDEX inbox_aside ON inbox (seq) WHERE state = 'set-aside'`,
    `CREATE INDEX inbox_handled ON inbox (handled_ms) WHERE state = 'handled'`,
    `CREATE TABLE sweeps (
       forge TEXT NOT NULL PRIMARY KEY,
       forge_ms INTEGER NOT NULL,
       swept_ms INTEGER NOT NULL,
       listing TEXT NOT NULL
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE issue_state (
       forge TEXT NOT NULL,
       owner TEXT NOT NULL COLLATE NOCASE,
       repo TEXT NOT NULL COLLATE NOCASE,
       issue_number INTEGER NOT NULL,
       version INTEGER NOT NULL,
       phase TEXT NOT NULL,
       next_ms INTEGER,
       state TEXT NOT NULL,
       rule TEXT NOT NULL,
       waits TEXT,
       decided_ms INTEGER NOT NULL,
       PRIMARY KEY (forge, owner, repo, issue_number)
     ) STRICT`,
    `CREATE INDEX issue_state_due ON issue_state (next_ms, forge, owner, repo, issue_number) WHERE next_ms IS NOT NULL`,
    `CREATE TABLE operations (
       seq INTEGER PRIMARY KEY AUTOINCREMENT,
       id TEXT NOT NULL UNIQUE,
       forge TEXT NOT NULL,
       owner TEXT NOT NULL COLLATE NOCASE,
       repo TEXT NOT NULL COLLATE NOCASE,
       issue_number INTEGER NOT NULL,
       generation INTEGER NOT NULL,
       step INTEGER NOT NULL,
       host TEXT NOT NULL,
       kind TEXT NOT NULL,
       input TEXT NOT NULL,
       state TEXT NOT NULL DEFAULT 'open',
       problem TEXT,
       slug TEXT,
       run INTEGER,
       created_ms INTEGER NOT NULL,
       ended_ms INTEGER
     ) STRICT`,
    `CREATE UNIQUE INDEX operations_one_open ON operations (forge, owner, repo, issue_number) WHERE state = 'open'`,
    `CREATE INDEX operations_newest ON operations (forge, owner, repo, issue_number, seq)`,
    `CREATE INDEX operations_host ON operations (host, seq) WHERE state = 'open'`,
    `CREATE TABLE usage (
       forge TEXT NOT NULL,
       owner TEXT NOT NULL COLLATE NOCASE,
       repo TEXT NOT NULL COLLATE NOCASE,
       issue_number INTEGER NOT NULL,
       generation INTEGER NOT NULL,
       run INTEGER NOT NULL,
       day TEXT NOT NULL,
       seconds INTEGER NOT NULL,
       tokens INTEGER NOT NULL,
       cost INTEGER,
       PRIMARY KEY (forge, owner, repo, issue_number, generation, run)
     ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX usage_day ON usage (day, forge, owner, repo)`,
    `CREATE TABLE home_lease (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT NOT NULL) STRICT`,
    `CREATE TABLE service (one INTEGER PRIMARY KEY CHECK (one = 1), paused_ms INTEGER, health TEXT) STRICT`,
    `CREATE TABLE looks_asked (
       seq INTEGER PRIMARY KEY,
       forge TEXT NOT NULL,
       owner TEXT NOT NULL COLLATE NOCASE,
       repo TEXT NOT NULL COLLATE NOCASE,
       issue_number INTEGER NOT NULL
     ) STRICT`,
  ],
  // Messages to send: next_ms is when one is due, over_ms when it was sent or given up.
  [
    `CREATE TABLE outbox (
       seq INTEGER PRIMARY KEY AUTOINCREMENT,
       id TEXT NOT NULL UNIQUE,
       body TEXT NOT NULL,
       tries INTEGER NOT NULL DEFAULT 0,
       next_ms INTEGER,
       over_ms INTEGER
     ) STRICT`,
    `CREATE INDEX outbox_due ON outbox (next_ms) WHERE next_ms IS NOT NULL`,
  ],
  // What is read for events: without these, each event would read every issue that was ever handled.
  [
    `CREATE INDEX issue_state_waits ON issue_state (waits, forge, owner, repo, issue_number) WHERE waits IS NOT NULL`,
    `CREATE INDEX issue_state_live ON issue_state (forge, owner, repo, issue_number) WHERE json_extract(state, '$.live') = 1`,
    `CREATE INDEX forge_state_pr ON forge_state (forge, pr_number) WHERE pr_number IS NOT NULL`,
  ],
  // Statements about runs. They outlive the rows of their bottles.
  [
    `CREATE TABLE provenance (
       slug TEXT NOT NULL,
       run INTEGER NOT NULL,
       stated_ms INTEGER NOT NULL,
       payload TEXT NOT NULL,
       envelope TEXT,
       PRIMARY KEY (slug, run)
     ) STRICT`,
    `CREATE INDEX provenance_unsigned ON provenance (stated_ms) WHERE envelope IS NULL`,
    `CREATE TABLE provenance_issues (
       owner TEXT NOT NULL COLLATE NOCASE,
       repo TEXT NOT NULL COLLATE NOCASE,
       issue_number INTEGER NOT NULL,
       forge TEXT NOT NULL,
       slug TEXT NOT NULL,
       run INTEGER NOT NULL,
       PRIMARY KEY (owner, repo, issue_number, forge, slug, run)
     ) STRICT, WITHOUT ROWID`,
  ],
  // For operators: what happened, titles, the list of issues with the newest decision first, and who is signed in.
  [
    `CREATE TABLE history (
       seq INTEGER PRIMARY KEY AUTOINCREMENT,
       forge TEXT,
       owner TEXT COLLATE NOCASE,
       repo TEXT COLLATE NOCASE,
       issue_number INTEGER,
       at_ms INTEGER NOT NULL,
       event TEXT NOT NULL
     ) STRICT`,
    `CREATE INDEX history_issue ON history (forge, owner, repo, issue_number, seq) WHERE forge IS NOT NULL`,
    `CREATE INDEX history_at ON history (at_ms)`,
    `ALTER TABLE issue_state ADD COLUMN title TEXT`,
    `CREATE INDEX issue_state_decided ON issue_state (decided_ms DESC, forge, owner, repo, issue_number)`,
    `CREATE TABLE sign_in_codes (
       digest TEXT NOT NULL PRIMARY KEY,
       operator TEXT NOT NULL,
       until_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE sessions (
       seq INTEGER PRIMARY KEY AUTOINCREMENT,
       digest TEXT NOT NULL UNIQUE,
       operator TEXT NOT NULL,
       proof TEXT NOT NULL,
       until_ms INTEGER NOT NULL
     ) STRICT`,
  ],
]

/** The schema version that this program reads and writes. */
export const SCHEMA_VERSION = migrations.length
