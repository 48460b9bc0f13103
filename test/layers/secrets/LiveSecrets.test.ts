/** Secrets come from variables, files and commands, without the newline at their end; what is wrong is said without them. */
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Redacted, Schema, TestClock } from "effect"
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { type ChangingSource, SecretSource } from "../../../src/domain/SecretSource.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as LiveSecrets from "../../../src/layers/secrets/LiveSecrets.ts"
import { Secrets } from "../../../src/services/Secrets.ts"
import { eventually } from "../../support/egress.ts"
import { tempDir } from "../../support/tempDir.ts"

const SECRET = "s3cret-0123456789"
const NAME = "BOT_BOTTLE_TEST_SECRET"

/** Reads within one layer; `lines` is what was logged. */
const withSecrets = <A, E, R>(
  body: (
    read: (source: SecretSource) => Effect.Effect<string, string>,
    lines: ReadonlyArray<string>,
  ) => Effect.Effect<A, E, R>,
) => {
  const lines: Array<string> = []
  const logger = Logger.map(Logger.stringLogger, (line) => void lines.push(line))
  return Effect.gen(function* () {
    const secrets = yield* Secrets
    const read = (source: SecretSource) =>
      Effect.mapBoth(secrets.read(source), { onFailure: ({ message }) => message, onSuccess: Redacted.value })
    return yield* body(read, lines)
  }).pipe(
    Effect.provide(
      Layer.merge(
        Layer.provide(LiveSecrets.layer, NodeProcessRunner.layer),
        Logger.replace(Logger.defaultLogger, logger),
      ),
    ),
  )
}

const variable = Effect.acquireRelease(
  Effect.sync(() => void (process.env[NAME] = SECRET)),
  () => Effect.sync(() => void delete process.env[NAME]),
)

it.scoped("a secret is read from a variable or a file, of which only a newline at the end is dropped", () =>
  withSecrets((read, lines) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(read({ env: NAME }))).toContain(`${NAME}, which is not set`)
      yield* variable
      expect(yield* read({ env: NAME })).toBe(SECRET)
      const file = join(yield* tempDir, "secret")
      expect(yield* Effect.flip(read({ file }))).toContain("cannot be read (ENOENT)")
      writeFileSync(file, "\n")
      expect(yield* Effect.flip(read({ file }))).toContain("is empty")
      writeFileSync(file, ` ${SECRET} \n`, { mode: 0o600 })
      chmodSync(file, 0o600)
      expect(yield* read({ file })).toBe(` ${SECRET} `)
      writeFileSync(file, `${SECRET}\r\n`)
      expect(yield* read({ file })).toBe(SECRET)
      expect(yield* Effect.flip(read({ file: "secret" }))).toMatch(/absolute path or begin with ~\//)
      expect(lines).toEqual([])
    }),
  ),
)

it.scoped("~/ is the operator's home", () =>
  withSecrets((read) =>
    Effect.gen(function* () {
      const missing = `no-such-${process.pid}`
      expect(yield* Effect.flip(read({ file: `~/${missing}` }))).toContain("ENOENT")
      const file = join(homedir(), `.${missing}`)
      yield* Effect.acquireRelease(
        Effect.sync(() => writeFileSync(file, SECRET, { mode: 0o600 })),
        () => Effect.promise(() => import("node:fs/promises").then(({ rm }) => rm(file))),
      )
      expect(yield* read({ file: `~/.${missing}` })).toBe(SECRET)
    }),
  ),
)

it.scoped("a file that its group or others may read is warned of, once", () =>
  withSecrets((read, lines) =>
    Effect.gen(function* () {
      const file = join(yield* tempDir, "secret")
      writeFileSync(file, SECRET)
      for (const mode of [0o640, 0o604]) {
        chmodSync(file, mode)
        yield* read({ file })
      }
      expect(lines.length).toBe(1)
      expect(lines[0]).toContain(`chmod 600 ${file}`)
      expect(lines[0]).not.toContain(SECRET)
    }),
  ),
)

it.scoped("what a command printed is kept for its ttl, and then asked for again", () =>
  withSecrets((read) =>
    Effect.gen(function* () {
      const count = join(yield* tempDir, "count")
      const script = `echo x >>'${count}'; echo "secret-$(wc -l <'${count}')"`
      const source: SecretSource = { command: ["sh", "-c", script], ttl: "5 minutes" }
      const asked = () => readFileSync(count, "utf8").length / 2
      const first = yield* read(source)
      yield* TestClock.adjust("299 seconds")
      expect([yield* read(source), asked()]).toEqual([first, 1])
      yield* TestClock.adjust("1 second")
      expect([(yield* read(source)) === first, asked()]).toEqual([false, 2])
    }),
  ),
)

it.scoped("a command that fails, prints nothing or is not there is an error that quotes nothing of it", () =>
  withSecrets((read) =>
    Effect.gen(function* () {
      const ttl = "5 minutes"
      const failed = read({ command: ["sh", "-c", `echo ${SECRET}; echo ${SECRET} >&2; exit 3`], ttl })
      expect(yield* Effect.flip(failed)).toBe("the command sh ended with 3: run it in a terminal to see why")
      expect(yield* Effect.flip(read({ command: ["true"], ttl }))).toBe(
        "what the command true printed is empty",
      )
      expect(yield* Effect.flip(read({ command: ["no-such-command"], ttl }))).toBe(
        "the command no-such-command cannot be run (not-found)",
      )
      // Failures are not kept.
      expect(yield* read({ command: ["sh", "-c", `echo ${SECRET}`], ttl })).toBe(SECRET)
    }),
  ),
)

const ttl = "10m"

/** A command that counts its runs in a file, and what it prints each time. */
const counted = (count: string, rest: string): ChangingSource => ({
  command: ["sh", "-c", `echo x >>'${count}'; ${rest}`],
  ttl,
})
const runsIn = (count: string): number => readFileSync(count, "utf8").length / 2

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

it.scoped("those who ask a command at once share its run, also when the first has gone", () =>
  withSecrets((read) =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const [count, go] = [join(directory, "count"), join(directory, "go")]
      const source = counted(count, `while [ ! -e '${go}' ]; do sleep 0.02; done; echo ${SECRET}`)
      const first = yield* Effect.fork(read(source))
      yield* eventually(() => existsSync(count))
      const others = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 8 }, () => read(source)),
          { concurrency: "unbounded" },
        ),
      )
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      writeFileSync(go, "")
      expect(new Set(yield* Fiber.join(others))).toEqual(new Set([SECRET]))
      expect(runsIn(count)).toBe(1)
    }),
  ),
)

it.scoped(
  "a command gets no input, no working directory of a repository, and only the variables that it needs",
  () =>
    withSecrets((read) =>
      Effect.gen(function* () {
        yield* variable
        const directory = yield* tempDir
        const seen = join(directory, "seen")
        const script = `{ env; pwd; cat; } >'${seen}'; echo ${SECRET}`
        expect(yield* read({ command: ["sh", "-c", script], ttl })).toBe(SECRET)
        const lines = readFileSync(seen, "utf8").trim().split("\n")
        expect(lines.pop()).toBe("/")
        expect(lines.map((line) => line.replace(/=.*/, ""))).toEqual(expect.arrayContaining(["PATH", "HOME"]))
        const allowed =
          /^(?:PATH|HOME|LANG|LC_ALL|TZ|USER|LOGNAME|XDG_\w+|DBUS_\w+|SSH_AUTH_SOCK|GNUPGHOME|\w+_proxy|\w+_PROXY|NODE_EXTRA_CA_CERTS|SSL_\w+|PWD|OLDPWD|SHLVL|_)=/
        expect(lines.filter((line) => !allowed.test(line))).toEqual([])
      }),
    ),
)

it.scoped("a program is never looked for in the working directory, whatever its name and the PATH", () =>
  withSecrets((read) =>
    Effect.gen(function* () {
      const repository = yield* tempDir
      mkdirSync(join(repository, "bin"))
      for (const name of ["gh", "bin/gh", "only-here"]) {
        writeFileSync(join(repository, name), `#!/bin/sh\ntouch '${repository}/ran'; echo ${SECRET}\n`)
        chmodSync(join(repository, name), 0o755)
      }
      const before = { cwd: process.cwd(), path: process.env["PATH"] }
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          process.chdir(repository)
          process.env["PATH"] = `.:bin::${before.path}`
        }),
        () =>
          Effect.sync(() => {
            process.chdir(before.cwd)
            process.env["PATH"] = before.path
          }),
      )
      for (const command of [["only-here"], ["env", "only-here"]] as const)
        expect(yield* Effect.flip(read({ command, ttl }))).toMatch(/cannot be run \(not-found\)$/)
      for (const program of ["./gh", "bin/gh", "../gh", "-gh", ""])
        expect([program, Schema.is(SecretSource)({ command: [program], ttl })]).toEqual([program, false])
      for (const program of ["gh", "/usr/bin/gh", "~/bin/gh"])
        expect(Schema.is(SecretSource)({ command: [program], ttl })).toBe(true)
      expect(existsSync(join(repository, "ran"))).toBe(false)
    }),
  ),
)

it.scoped(
  "a command that takes too long is killed with its children; one that prints too much is no secret",
  () =>
    withSecrets((read) =>
      Effect.gen(function* () {
        const pids = join(yield* tempDir, "pids")
        const script = `trap '' TERM; sleep 1000 & echo $! $$ >'${pids}'; wait; sleep 1000`
        const asked = yield* Effect.fork(Effect.flip(read({ command: ["sh", "-c", script], ttl })))
        yield* eventually(() => existsSync(pids) && readFileSync(pids, "utf8").endsWith("\n"))
        yield* TestClock.adjust("30 seconds")
        // It has two seconds to end by itself.
        yield* TestClock.adjust("2 seconds")
        expect(yield* Fiber.join(asked)).toBe(
          "the command sh did not end within 30 s and was stopped: it must not ask for input",
        )
        const started = readFileSync(pids, "utf8").trim().split(" ").map(Number)
        yield* eventually(() => !started.some(isAlive))
        const long = ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"] as const
        expect(yield* Effect.flip(read({ command: long, ttl }))).toBe(
          "the command sh printed more than 64 KiB: expected one secret",
        )
      }),
    ),
)

it.scoped(
  "a secret may be a field of JSON, in a file or printed; what is wrong is said without its content",
  () =>
    withSecrets((read) =>
      Effect.gen(function* () {
        const file = join(yield* tempDir, "auth.json")
        writeFileSync(file, JSON.stringify({ tokens: { access: SECRET, empty: "", list: [SECRET] } }), {
          mode: 0o600,
        })
        expect(yield* read({ file, field: "tokens.access" })).toBe(SECRET)
        expect(yield* read({ command: ["cat", file], ttl, field: "tokens.access" })).toBe(SECRET)
        for (const field of [
          "tokens",
          "tokens.empty",
          "tokens.list",
          "tokens.access.length",
          "__proto__.x",
          "no",
        ])
          expect(yield* Effect.flip(read({ file, field }))).toBe(
            `the file ${file} has no text at ${field}: expected JSON with it`,
          )
        writeFileSync(file, SECRET)
        expect(yield* Effect.flip(read({ file, field: "tokens" }))).not.toContain(SECRET)
      }),
    ),
)

it.scoped("a refused secret has its command run again once, and then at most every 10 seconds", () =>
  withSecrets((read) =>
    Effect.gen(function* () {
      const secrets = yield* Secrets
      const directory = yield* tempDir
      const [count, value] = [join(directory, "count"), join(directory, "value")]
      const source = counted(count, `cat '${value}'`)
      const renew = (refused: string) =>
        Effect.map(secrets.renew(source, Redacted.make(refused)), ({ secret }) => Redacted.value(secret))
      writeFileSync(value, "first-secret")
      expect(yield* read(source)).toBe("first-secret")
      writeFileSync(value, "second-secret")
      // What was printed a moment ago is refused: it is not asked again yet.
      expect([yield* renew("first-secret"), runsIn(count)]).toEqual(["first-secret", 1])
      yield* TestClock.adjust("10 seconds")
      const many = yield* Effect.all(
        Array.from({ length: 8 }, () => renew("first-secret")),
        { concurrency: "unbounded" },
      )
      expect([new Set(many), runsIn(count)]).toEqual([new Set(["second-secret"]), 2])
      // Refusals of the first that come late, and of the second in a loop.
      for (const refused of ["first-secret", "second-secret", "second-secret"])
        expect([yield* renew(refused), runsIn(count)]).toEqual(["second-secret", 2])
      expect(yield* read(source)).toBe("second-secret")
      yield* TestClock.adjust("10 seconds")
      writeFileSync(value, "")
      expect(yield* Effect.flip(renew("second-secret"))).toMatchObject({
        reason: expect.stringContaining("empty"),
      })
      expect(yield* Effect.flip(renew("second-secret"))).toMatchObject({
        reason: expect.stringContaining("empty"),
      })
      expect(runsIn(count)).toBe(3)
    }),
  ),
)
