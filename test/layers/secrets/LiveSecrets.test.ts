/** Secrets come from variables, files and commands, without the newline at their end; what is wrong is said without them. */
import { expect, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Redacted, TestClock } from "effect"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import type { SecretSource } from "../../../src/domain/orchestrator/SecretSource.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as LiveSecrets from "../../../src/layers/secrets/LiveSecrets.ts"
import { Secrets } from "../../../src/services/Secrets.ts"
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
      const source: SecretSource = { command: ["sh", "-c", script], ttl: Duration.minutes(5) }
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
      const ttl = Duration.minutes(5)
      const failed = read({ command: ["sh", "-c", `echo ${SECRET}; echo ${SECRET} >&2; exit 3`], ttl })
      expect(yield* Effect.flip(failed)).toBe("the command sh ended with 3")
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
