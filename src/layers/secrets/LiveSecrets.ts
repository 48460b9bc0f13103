/** Secrets from the variables of this process, from files, and from commands on this machine. */
import { Clock, Duration, Effect, Layer, Redacted } from "effect"
import { SecretUnreadable } from "../../domain/Errors.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { Secrets } from "../../services/Secrets.ts"
import { isReadByOthers, placeText, readSecret, withoutNewline } from "./readSecret.ts"

/** Time limit of a command. */
const COMMAND_MS = 30_000

/** Secrets of this machine. Warns once about a file that others can read. */
export const layer: Layer.Layer<Secrets, never, ProcessRunner> = Layer.effect(
  Secrets,
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const warned = new Set<string>()
    const printed = new Map<string, { readonly secret: Redacted.Redacted; readonly until: number }>()

    const warnOfOthers = Effect.fnUntraced(function* (path: string) {
      if (warned.has(path) || !(yield* isReadByOthers(path))) return
      warned.add(path)
      yield* Effect.logWarning(
        `${placeText({ file: path })} holds a secret, and other users of this machine may read it: chmod 600 ${path}`,
      )
    })

    const print = Effect.fnUntraced(function* ([command, ...args]: readonly [
      string,
      ...ReadonlyArray<string>,
    ]) {
      const place = `the command ${command}`
      const env = Object.entries(process.env).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      )
      const result = yield* Effect.mapError(
        runner.run({ command, args, env: Object.fromEntries(env), timeoutMs: COMMAND_MS }),
        ({ reason }) => `${place} cannot be run (${reason})`,
      )
      // Its output is not quoted: it may be the secret.
      if (result.exitCode !== 0) return yield* Effect.fail(`${place} ended with ${result.exitCode}`)
      return Redacted.make(yield* withoutNewline(result.stdout, `what ${place} printed`))
    })

    return Secrets.of({
      read: Effect.fn("Secrets.read")((source) =>
        Effect.gen(function* () {
          if ("env" in source) return Redacted.make(yield* readSecret(source))
          if ("file" in source) {
            const secret = Redacted.make(yield* readSecret(source))
            yield* warnOfOthers(source.file)
            return secret
          }
          const key = JSON.stringify(source.command)
          const now = yield* Clock.currentTimeMillis
          const known = printed.get(key)
          if (known !== undefined && now < known.until) return known.secret
          const secret = yield* print(source.command)
          printed.set(key, { secret, until: now + Duration.toMillis(source.ttl) })
          return secret
        }).pipe(Effect.mapError((reason) => new SecretUnreadable({ reason }))),
      ),
    })
  }),
)
