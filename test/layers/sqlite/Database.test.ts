/** Opening the database: made when missing, refused when it is not ours to write, and then left as it is. */
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Layer, Option } from "effect"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { StateStoreError } from "../../../src/domain/Errors.ts"
import { ForgeState } from "../../../src/domain/ForgeState.ts"
import { Home, homeAt } from "../../../src/layers/home/Home.ts"
import * as SqliteBottleStore from "../../../src/layers/sqlite/SqliteBottleStore.ts"
import { migrations, SCHEMA_VERSION } from "../../../src/layers/sqlite/migrations.ts"
import * as SqliteVerificationStore from "../../../src/layers/sqlite/SqliteVerificationStore.ts"
import { VerificationStore } from "../../../src/services/VerificationStore.ts"
import * as SqliteForgeStateStore from "../../../src/layers/sqlite/SqliteForgeStateStore.ts"
import { BottleStore } from "../../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../../src/services/ForgeStateStore.ts"
import { bottle } from "../../contracts/BottleStore.ts"
import { alter } from "../../support/alter.ts"
import { tempDir } from "../../support/tempDir.ts"
import { Slug } from "../../../src/domain/Slug.ts"

const row = new ForgeState({
  forge: "https://git.example/api/v1",
  owner: "ada",
  repo: "engine",
  issueNumber: 17,
  slug: Slug.make("fix-abcde"),
  agentName: "fixer",
})
const one = bottle("one-abcde")

const stores = (filename?: string) => {
  const options = filename === undefined ? {} : { filename }
  return Layer.merge(SqliteForgeStateStore.layer(options), SqliteBottleStore.layer(options))
}

/** A path in a directory of its own. */
const newFile = Effect.map(tempDir, (dir) => join(dir, "bot-bottle.db"))

/** A database with a few hundred rows, closed. */
const filled = Effect.gen(function* () {
  const filename = yield* newFile
  yield* Effect.gen(function* () {
    const store = yield* ForgeStateStore
    for (let n = 1; n <= 300; n++) yield* store.upsert(new ForgeState({ ...row, issueNumber: n }))
    yield* (yield* BottleStore).put(one)
  }).pipe(Effect.provide(stores(filename)))
  return filename
})

const refusal = (filename: string) =>
  Effect.scoped(Layer.build(stores(filename))).pipe(
    Effect.flip,
    Effect.tap((error) => {
      expect(error).toBeInstanceOf(StateStoreError)
      expect(error.message).toContain(filename)
    }),
  )

/** Root may write everywhere: until the scope closes we are nobody. */
const notRoot = Effect.acquireRelease(
  Effect.sync(() => {
    if (process.getuid?.() === 0) process.seteuid?.(65534)
  }),
  () =>
    Effect.sync(() => {
      if (process.getuid?.() === 0) process.seteuid?.(0)
    }),
)

/** SQL in a process that is killed before it can close the file. */
const alterAndDie = (filename: string, statements: string) => {
  const script = `const Sqlite = require("better-sqlite3"); const db = new Sqlite(process.argv[1]); db.exec(process.argv[2]); process.kill(process.pid, "SIGKILL")`
  try {
    execFileSync(process.execPath, ["-e", script, filename, statements], { stdio: "ignore" })
  } catch {
    // It was killed, as it should be.
  }
}

/** Fills the cache and spills to the file: what it changed is undone from the journal. */
const unfinishedWrite = (table: string) =>
  `PRAGMA cache_size = 1; BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
   INSERT INTO ${table} SELECT hex(randomblob(250)), i, i, i FROM n`

describe("opening the database", () => {
  it.scoped("makes the home's database and its folders, for their owner alone", () =>
    Effect.gen(function* () {
      const root = join(yield* tempDir, "some", "home")
      const found = yield* Effect.gen(function* () {
        yield* (yield* ForgeStateStore).upsert(row)
        return yield* (yield* BottleStore).all
      }).pipe(Effect.provide(stores().pipe(Layer.provide(Layer.succeed(Home, homeAt(root))))))
      expect(found).toEqual([])
      expect(readdirSync(root)).toEqual(["bot-bottle.db"])
      expect((statSync(root).mode & 0o777).toString(8)).toBe("700")
      expect((statSync(dirname(root)).mode & 0o777).toString(8)).toBe("700")
    }),
  )

  it.scoped("is one connection for both stores, closed with their layer", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const descriptors = () =>
        process.platform === "linux"
          ? readdirSync("/proc/self/fd").flatMap((fd) => {
              const link = `/proc/self/fd/${fd}`
              return existsSync(link) && readlinkSync(link) === filename ? [link] : []
            }).length
          : undefined
      yield* Effect.gen(function* () {
        yield* (yield* ForgeStateStore).upsert(row)
        yield* (yield* BottleStore).put(one)
        expect(descriptors()).toBe(process.platform === "linux" ? 1 : undefined)
        expect(existsSync(`${filename}-wal`)).toBe(true)
      }).pipe(Effect.provide(stores(filename)))
      expect(descriptors()).toBe(process.platform === "linux" ? 0 : undefined)
      expect(existsSync(`${filename}-wal`)).toBe(false)
    }),
  )

  it.scoped("finds what an earlier run stored", () =>
    Effect.gen(function* () {
      const filename = yield* filled
      const found = yield* Effect.provide(
        Effect.flatMap(ForgeStateStore, (store) => store.get(row)),
        stores(filename),
      )
      expect(found).toEqual(Option.some(row))
    }),
  )

  it.scoped("takes an empty file for a new database, and follows a link", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      writeFileSync(filename, "")
      const link = join(dirname(filename), "link.db")
      symlinkSync(filename, link)
      yield* Effect.provide(
        Effect.flatMap(ForgeStateStore, (store) => store.upsert(row)),
        stores(link),
      )
      expect(statSync(filename).size).toBeGreaterThan(0)
    }),
  )

  it.scoped("goes on after a crash that left a rollback journal", () =>
    Effect.gen(function* () {
      const filename = yield* filled
      alter(filename, "PRAGMA journal_mode = DELETE")
      alterAndDie(filename, unfinishedWrite("verifications (image, engine, version, verified_at)"))
      expect(statSync(`${filename}-journal`).size).toBeGreaterThan(0)
      yield* Effect.provide(
        Effect.flatMap(ForgeStateStore, (store) => store.upsert(row)),
        stores(filename),
      )
    }),
  )
})

describe("a database of a newer version is refused and left as it is", () => {
  it.scoped("when it was closed well", () =>
    Effect.gen(function* () {
      const filename = yield* filled
      alter(filename, "PRAGMA user_version = 99", "ALTER TABLE bottles ADD COLUMN mood TEXT")
      const before = readFileSync(filename)
      const error = yield* refusal(filename)
      expect(error.message).toContain(`newer bot-bottle (schema 99, this one knows ${SCHEMA_VERSION})`)
      expect(readFileSync(filename).equals(before)).toBe(true)
    }),
  )

  it.scoped("when it never had a write-ahead log", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      alter(filename, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`, "CREATE TABLE forge_state (x)")
      const before = readFileSync(filename)
      expect((yield* refusal(filename)).message).toContain("newer")
      expect(readFileSync(filename).equals(before)).toBe(true)
      expect(readdirSync(dirname(filename))).toEqual(["bot-bottle.db"])
    }),
  )

  it.scoped("when its process was killed and the version is in the write-ahead log alone", () =>
    Effect.gen(function* () {
      const filename = yield* filled
      alterAndDie(filename, "PRAGMA user_version = 99; CREATE TABLE more (x)")
      const before = [readFileSync(filename), readFileSync(`${filename}-wal`)]
      expect(before[1]?.length).toBeGreaterThan(0)
      expect((yield* refusal(filename)).message).toContain("schema 99")
      expect([readFileSync(filename), readFileSync(`${filename}-wal`)]).toEqual(before)
    }),
  )
})

describe("a database of another program is refused, left as it is, and moved aside by the command named", () => {
  const pythonSchema = `CREATE TABLE forge_state (owner TEXT, repo TEXT, issue_number INTEGER, slug TEXT,
    PRIMARY KEY (owner, repo, issue_number)); INSERT INTO forge_state VALUES ('ada', 'engine', 17, 'fix-1')`
  const others: ReadonlyArray<readonly [string, string, (filename: string) => void]> = [
    ["the Python bot-bottle's", "the Python bot-bottle", (file) => alter(file, pythonSchema)],
    [
      "the Python bot-bottle's, with a write-ahead log of a killed process",
      "the Python bot-bottle",
      (file) => alterAndDie(file, `PRAGMA journal_mode = WAL; ${pythonSchema}`),
    ],
    ["one with another table", "another program", (file) => alter(file, "CREATE TABLE unrelated (x)")],
    ["one with a view alone", "another program", (file) => alter(file, "CREATE VIEW one AS SELECT 1")],
    [
      "one that counts its own versions",
      "another program",
      (file) => alter(file, "CREATE TABLE unrelated (x)", "PRAGMA user_version = 2"),
    ],
    [
      "one that counts past ours",
      "another program",
      (file) => alter(file, "CREATE TABLE unrelated (x)", "PRAGMA user_version = 2000"),
    ],
    [
      "one with a rollback journal of a killed process",
      "another program",
      (file) => {
        alter(file, "CREATE TABLE unrelated (a, b, c, d)")
        alterAndDie(file, unfinishedWrite("unrelated"))
      },
    ],
  ]
  for (const [title, writer, write] of others) {
    it.scoped(title, () =>
      Effect.gen(function* () {
        const filename = join(yield* tempDir, "ada's home", "bot-bottle.db")
        mkdirSync(dirname(filename))
        write(filename)
        const rollsBack = existsSync(`${filename}-journal`)
        const before = readFileSync(filename)
        const { message } = yield* refusal(filename)
        expect(message).toContain(`is the database of ${writer}`)
        // A rollback journal is undone by whoever opens the file first: this is how SQLite reads it at all.
        expect(rollsBack || readFileSync(filename).equals(before)).toBe(true)
        const [command] = /mkdir .*$/.exec(message) ?? []
        execFileSync("sh", ["-c", command ?? "false"])
        yield* Effect.provide(
          Effect.flatMap(ForgeStateStore, (store) => store.upsert(row)),
          stores(filename),
        )
        const old = new Sqlite(join(dirname(filename), "old-bot-bottle.db", "bot-bottle.db"))
        expect(old.prepare("SELECT count(*) AS n FROM sqlite_master").get()).not.toEqual({ n: 0 })
        expect(old.pragma("user_version", { simple: true })).not.toBe(SCHEMA_VERSION)
        old.close()
      }),
    )
  }
})

it.scoped("rows of a schema that did not know forges keep everything, with an empty forge", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    alter(
      filename,
      ...migrations.slice(0, 2).flat(),
      "PRAGMA user_version = 2",
      `INSERT INTO forge_state VALUES
         ('ada', 'engine', 17, 'fix-abcde', 'fixer', '["plain","more"]', 'docker', 'bot', 18, 'running', '2026-01-01T00:00:00+02:00', 1767218400000),
         ('ada', 'engine', 18, 'fix-fghij', 'fixer', '[]', '', '', NULL, 'destroyed', '', -1)`,
    )
    yield* Effect.gen(function* () {
      const store = yield* ForgeStateStore
      const old = new ForgeState({
        ...row,
        forge: "",
        bottleNames: ["plain", "more"],
        backendName: "docker",
        agentGitUser: "bot",
        prNumber: Option.some(18),
        lastCheckinAt: "2026-01-01T00:00:00+02:00",
      })
      const gone = new ForgeState({
        ...row,
        forge: "",
        issueNumber: 18,
        slug: Slug.make("fix-fghij"),
        status: "destroyed",
      })
      expect(yield* store.all).toEqual([old, gone])
      expect(yield* store.stale("2026-01-01T00:00:00Z")).toEqual([old])
      yield* store.upsert(row)
      expect(yield* store.all).toEqual([old, gone, row])
    }).pipe(Effect.provide(stores(filename)))
  }),
)

it.scoped("a database of the first version gets what came since, and keeps its rows", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    alter(
      filename,
      ...migrations.slice(0, 1).flat(),
      "PRAGMA user_version = 1",
      `INSERT INTO forge_state VALUES ('ada', 'engine', 17, 'fix-abcde', 'fixer', '[]', '', '', NULL, 'running', '', -1)`,
    )
    const rows = yield* Effect.provide(
      Effect.flatMap(ForgeStateStore, (store) => store.all),
      stores(filename),
    )
    expect(rows.length).toBeGreaterThan(0)
    const key = { image: "sha256:aa", engine: "docker", version: "1" }
    const passed = Effect.flatMap(VerificationStore, (store) => store.passedAt(key))
    expect(yield* Effect.provide(passed, SqliteVerificationStore.layer({ filename }))).toEqual(Option.none())
  }),
)

describe("a damaged database is refused and left as it is", () => {
  const damages: ReadonlyArray<readonly [string, (filename: string) => void]> = [
    ["another format", (filename) => writeFileSync(filename, "name,age\nada,36\n")],
    [
      "random bytes",
      (filename) =>
        writeFileSync(filename, Buffer.from(Array.from({ length: 9000 }, (_, n) => (n * 7919) % 251))),
    ],
    ["zeros", (filename) => writeFileSync(filename, Buffer.alloc(8192))],
    ...[50, 100, 4096, 5000, 16384].map(
      (size) => [`cut off after ${size} bytes`, (filename: string) => truncateSync(filename, size)] as const,
    ),
    [
      "a page overwritten in the middle",
      (filename) => {
        const bytes = readFileSync(filename)
        bytes.fill(7, 12288, 16384)
        writeFileSync(filename, bytes)
      },
    ],
    [
      "its first bytes overwritten",
      (filename) =>
        writeFileSync(filename, Buffer.concat([Buffer.alloc(16), readFileSync(filename).subarray(16)])),
    ],
  ]
  for (const [title, damage] of damages) {
    it.scoped(title, () =>
      Effect.gen(function* () {
        const filename = yield* filled
        damage(filename)
        const before = readFileSync(filename)
        const error = yield* refusal(filename)
        expect(error.message).toMatch(/is damaged or not a database/)
        expect(error.message).toContain("move it away")
        expect(readFileSync(filename).equals(before)).toBe(true)
      }),
    )
  }
})

describe("a path that cannot hold a database is a clear error", () => {
  it.scoped("a directory", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      mkdirSync(filename)
      expect((yield* refusal(filename)).message).toContain("is not a file")
    }),
  )

  it.scoped("a folder that is a file", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      writeFileSync(filename, "")
      expect((yield* refusal(join(filename, "bot-bottle.db"))).message).toContain("cannot be")
    }),
  )

  it.scoped("a name that is too long for the file system", () =>
    Effect.gen(function* () {
      const filename = join(yield* tempDir, "x".repeat(300))
      expect((yield* refusal(filename)).message).toContain("ENAMETOOLONG")
    }),
  )

  it.scoped("a path that is too long for SQLite", () =>
    Effect.gen(function* () {
      const filename = join(
        yield* tempDir,
        ...Array.from({ length: 4 }, () => "x".repeat(150)),
        "bot-bottle.db",
      )
      expect((yield* refusal(filename)).message).toContain("500 bytes")
    }),
  )

  it.scoped.skipIf(process.platform !== "linux")("a folder that takes no files, not even root's", () =>
    Effect.gen(function* () {
      expect((yield* refusal("/proc/bot-bottle.db")).message).toContain("cannot be opened")
      expect((yield* refusal("/proc/bot-bottle/bot-bottle.db")).message).toContain(
        "cannot be reached or made (ENOENT)",
      )
    }),
  )

  it.scoped("a folder or a file without write permission", () =>
    Effect.gen(function* () {
      const filename = yield* filled
      const sealed = dirname(filename)
      chmodSync(filename, 0o444)
      chmodSync(sealed, 0o555)
      yield* notRoot
      const error = yield* refusal(filename)
      expect(error.message).toMatch(/cannot be (opened|written)/)
      expect((yield* refusal(join(sealed, "other.db"))).message).toContain("cannot be opened")
      expect((yield* refusal(join(sealed, "a", "other.db"))).message).toContain("EACCES")
    }),
  )
})

describe("a row that this version cannot read is an error that names it", () => {
  const calls: ReadonlyArray<
    readonly [string, Effect.Effect<unknown, unknown, ForgeStateStore | BottleStore>]
  > = [
    ["ada/engine#17", Effect.flatMap(ForgeStateStore, (store) => store.get(row))],
    ["ada/engine#17", Effect.flatMap(ForgeStateStore, (store) => store.all)],
    ["ada/engine#17", Effect.flatMap(ForgeStateStore, (store) => store.stale("2030-01-01T00:00:00Z"))],
    [
      "ada/engine#17",
      Effect.flatMap(ForgeStateStore, (store) => store.modify(row, () => [1, Option.none()])),
    ],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.get(one.slug))],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.all)],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.mint(() => bottle("two-abcde")))],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.modify(one.slug, (current) => current))],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.withOperation(one.slug, "stop", Effect.void))],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.watch(one.slug, Effect.void))],
    ["one-abcde", Effect.flatMap(BottleStore, (store) => store.leases(one.slug))],
  ]

  it.scoped("in every call that reads it, and it can still be replaced or removed", () =>
    Effect.gen(function* () {
      const filename = yield* filled
      alter(
        filename,
        `UPDATE forge_state SET bottle_names = 'dev' WHERE issue_number = 17`,
        `UPDATE bottles SET metadata = '{"slug":"one-abcde"}', operation = '{"pid":1}', watcher = 'me'`,
      )
      yield* Effect.gen(function* () {
        for (const [name, call] of calls) {
          const error = yield* Effect.flip(call)
          expect(error).toBeInstanceOf(StateStoreError)
          expect(String(error)).toContain(name)
        }
        const [forge, bottles] = [yield* ForgeStateStore, yield* BottleStore]
        yield* forge.upsert(row)
        expect((yield* forge.all).length).toBe(300)
        yield* bottles.remove(one.slug)
        expect(yield* bottles.all).toEqual([])
      }).pipe(Effect.provide(stores(filename)))
    }),
  )

  it.scoped("whatever of it is strange", () =>
    Effect.gen(function* () {
      for (const strange of [
        "status = 'melted'",
        "pr_number = -1",
        "bottle_names = '{}'",
        "bottle_names = '[1]'",
        "bottle_names = ''",
      ]) {
        const filename = yield* filled
        alter(filename, `UPDATE forge_state SET ${strange} WHERE issue_number = 17`)
        const error = yield* Effect.flip(
          Effect.provide(
            Effect.flatMap(ForgeStateStore, (store) => store.all),
            stores(filename),
          ),
        )
        expect(error.message).toContain("ada/engine#17")
      }
    }),
  )

  it.scoped("and a failure after the layer is closed is an error too, not a crash", () =>
    Effect.gen(function* () {
      const filename = yield* newFile
      const store = yield* Effect.provide(ForgeStateStore, stores(filename))
      expect(yield* Effect.flip(store.upsert(row))).toMatchObject({
        _tag: "StateStoreError",
        operation: "upsert",
      })
      expect(yield* Effect.flip(store.all)).toMatchObject({ _tag: "StateStoreError", operation: "all" })
      expect(yield* Effect.flip(store.modify(row, () => [1, Option.none()]))).toMatchObject({
        _tag: "StateStoreError",
        operation: "modify",
      })
    }),
  )

  it.scoped("a new one is its owner's alone, with its log, whatever folder it is in", () =>
    Effect.gen(function* () {
      const filename = join(yield* tempDir, "open.db")
      const store = yield* Effect.provide(ForgeStateStore, stores(filename))
      yield* Effect.ignore(store.upsert(row))
      expect(statSync(filename).mode & 0o777).toBe(0o600)
    }),
  )
})
