/** Secrets from the variables of this process, from files, and from commands on this machine. */
import { Clock, Deferred, Effect, Either, Layer, Redacted, type Scope } from "effect"
import { SecretUnreadable } from "../../domain/Errors.ts"
import { type ChangingSource, type SecretSource, sourceText, ttlOf } from "../../domain/SecretSource.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type ReadSecret, Secrets } from "../../services/Secrets.ts"
import { COMMAND_VARIABLES, variablesOf } from "./commandVariables.ts"
import { atHome, isReadByOthers, readPlace, SECRET_BYTES_MAX, secretIn } from "./readSecret.ts"

/** Time limit of a command. */
const COMMAND_MS = 30_000

/** How often a command may run because its secret was refused: an agent can provoke refusals in a loop. */
const RENEW_MS = 10_000

type CommandSource = Extract<SecretSource, { readonly command: unknown }>

/** What a command printed. */
interface Printed {
  readonly text: string
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number
}

/** Secrets of this machine. Warns once about a file that others can read. Commands that run end with the layer. */
export const layer: Layer.Layer<Secrets, never, ProcessRunner> = Layer.scoped(
  Secrets,
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const scope = yield* Effect.scope
    const warned = new Set<string>()
    const printed = new Map<string, Printed>()
    const running = new Map<string, Deferred.Deferred<Printed, string>>()
    const tried = new Map<string, { readonly at: number; readonly problem?: string }>()

    const warnOfOthers = Effect.fnUntraced(function* (path: string) {
      if (warned.has(path) || !(yield* isReadByOthers(path))) return
      warned.add(path)
      yield* Effect.logWarning(
        `the file ${path} holds a secret, and other users of this machine may read it: chmod 600 ${path}`,
      )
    })

    const run = ({ command }: CommandSource, key: string) =>
      shared(
        running,
        key,
        scope,
        Effect.gen(function* () {
          const text = yield* Effect.either(print(runner, command))
          const at = yield* Clock.currentTimeMillis
          tried.set(key, { at, ...(Either.isLeft(text) && { problem: text.left }) })
          if (Either.isLeft(text)) return yield* Effect.fail(text.left)
          const found = { text: text.right, at }
          printed.set(key, found)
          return found
        }),
      )

    const dated = Effect.fnUntraced(function* (source: CommandSource, { text, at }: Printed) {
      const secret = yield* Effect.tapError(secretIn(source, text), (problem) =>
        // An output that holds no secret is not used again.
        Effect.sync(() => {
          const key = keyOf(source)
          printed.delete(key)
          tried.set(key, { at, problem })
        }),
      )
      return { secret: Redacted.make(secret), until: at + ttlOf(source) } satisfies ReadSecret
    })

    const readDated = Effect.fnUntraced(function* (source: SecretSource) {
      if (!("command" in source)) {
        const secret = Redacted.make(yield* secretIn(source, yield* readPlace(source)))
        if ("file" in source) yield* warnOfOthers(source.file)
        return { secret } satisfies ReadSecret
      }
      const key = keyOf(source)
      const known = printed.get(key)
      const isFresh = known !== undefined && (yield* Clock.currentTimeMillis) < known.at + ttlOf(source)
      return yield* dated(source, isFresh ? known : yield* run(source, key))
    })

    const renew = Effect.fnUntraced(function* (source: ChangingSource, refused: Redacted.Redacted) {
      if (!("command" in source)) return yield* readDated(source)
      const key = keyOf(source)
      const known = printed.get(key)
      const last = tried.get(key)
      const isSoon = last !== undefined && (yield* Clock.currentTimeMillis) < last.at + RENEW_MS
      if (!running.has(key)) {
        if (isSoon && last.problem !== undefined) return yield* Effect.fail(last.problem)
        const current = known && (yield* dated(source, known))
        if (current !== undefined && (isSoon || Redacted.value(current.secret) !== Redacted.value(refused)))
          return current
      }
      return yield* dated(source, yield* run(source, key))
    })

    const failing = Effect.mapError((reason: string) => new SecretUnreadable({ reason }))
    return Secrets.of({
      read: Effect.fn("Secrets.read")((source) =>
        Effect.map(failing(readDated(source)), ({ secret }) => secret),
      ),
      readDated: Effect.fn("Secrets.readDated")((source) => failing(readDated(source))),
      renew: Effect.fn("Secrets.renew")((source, refused) => failing(renew(source, refused))),
    })
  }),
)

/** Two fields of one output are one run. */
const keyOf = ({ command }: CommandSource): string => JSON.stringify(command)

/** One run for all who ask while it lasts. It goes on when those who asked have gone. */
const shared = <A, E>(
  running: Map<string, Deferred.Deferred<A, E>>,
  key: string,
  scope: Scope.Scope,
  effect: Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const before = running.get(key)
      if (before !== undefined) return yield* restore(Deferred.await(before))
      const result = yield* Deferred.make<A, E>()
      running.set(key, result)
      yield* Effect.interruptible(effect).pipe(
        Effect.ensuring(Effect.sync(() => running.delete(key))),
        Effect.intoDeferred(result),
        Effect.forkIn(scope),
      )
      return yield* restore(Deferred.await(result))
    }),
  )

/**
 * Runs a command and returns what it printed. It gets no input, no variable that it does not need, and no directory of a repository.
 * Neither its output nor what it wrote to stderr is in an error: both may be the secret.
 */
const print = Effect.fnUntraced(function* (
  runner: typeof ProcessRunner.Service,
  command: CommandSource["command"],
) {
  const [program, ...args] = command
  const place = sourceText({ command, ttl: "" })
  const result = yield* Effect.mapError(
    runner.run({
      command: atHome(program),
      args,
      env: variablesOf(COMMAND_VARIABLES),
      cwd: "/",
      timeoutMs: COMMAND_MS,
      maxOutputBytes: SECRET_BYTES_MAX + 1,
      endsWithUs: true,
    }),
    ({ reason }) =>
      reason === "timeout"
        ? `${place} did not end within ${COMMAND_MS / 1000} s and was stopped: it must not ask for input`
        : `${place} cannot be run (${reason})`,
  )
  if (result.exitCode === NOT_FOUND) return yield* Effect.fail(`${place} cannot be run (not-found)`)
  if (result.exitCode !== 0)
    return yield* Effect.fail(`${place} ended with ${result.exitCode}: run it in a terminal to see why`)
  if (Buffer.byteLength(result.stdout) > SECRET_BYTES_MAX)
    return yield* Effect.fail(`${place} printed more than 64 KiB: expected one secret`)
  return result.stdout
})

/** By which a shell says that there is no such program. */
const NOT_FOUND = 127
