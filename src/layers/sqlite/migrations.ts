/** The tables of the database, as the steps that made them: never changed, only added to. */

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
  // A primary key cannot be changed in place. The index goes with the old table.
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
]

/** The schema version this program reads and writes. */
export const SCHEMA_VERSION = migrations.length
