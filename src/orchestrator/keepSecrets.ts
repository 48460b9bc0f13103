/** keepSecrets: reads the secrets of a configuration at start and repeatedly, so that a new token needs no restart. */
import { Effect, Either, Redacted, Schedule } from "effect"
import { ConfigurationInvalid, SecretUnreadable } from "../domain/Errors.ts"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import type { SecretSource } from "../domain/SecretSource.ts"
import { Secrets } from "../services/Secrets.ts"
import { TOKEN_LENGTH_MIN } from "./http/gate.ts"
import { tokenKeyOf } from "./accounts.ts"
import type { OrchestratorSecrets } from "./Orchestrator.ts"

/** How often secrets are read again. A command runs again when its `ttl` is over. */
const AGAIN = "30 seconds"

/** A secret with its key in the configuration. */
type Read = readonly [key: string, secret: Effect.Effect<Redacted.Redacted, SecretUnreadable>]

/** How each secret that the service uses is read. */
export const secretsOf = ({
  forge,
  webhook,
  notify,
  operators,
}: Configuration): Effect.Effect<ReadonlyArray<Read>, never, Secrets> =>
  Effect.map(Secrets, (secrets): ReadonlyArray<Read> => {
    // Read each time, even if `read` is eager.
    const read = (source: SecretSource) => Effect.suspend(() => secrets.read(source))
    const token = (source: SecretSource) => Effect.filterOrFail(read(source), isToken, () => NO_TOKEN)
    return [
      ["forge.token", token(forge.token)],
      ...Object.entries(forge.accounts).map(
        ([account, at]) => [tokenKeyOf(account), token(at.token)] as const,
      ),
      ...(webhook === undefined ? [] : [["webhook.secret", read(webhook.secret)] as const]),
      ...notify.flatMap(({ url, secret }, index) => [
        ...(typeof url === "string"
          ? []
          : [[`notify.${index}.url`, Effect.filterOrFail(read(url), isWebAddress, () => NO_URL)] as const]),
        ...(secret === undefined ? [] : [[`notify.${index}.secret`, read(secret)] as const]),
      ]),
      ...Object.entries(operators).map(
        ([name, { token }]) =>
          [
            `operators.${name}.token`,
            Effect.filterOrFail(read(token), isOperatorToken, () => NO_OPERATOR_TOKEN),
          ] as const,
      ),
    ]
  })

/** The current secrets of a configuration, until the scope ends. Fails with all secrets that cannot be read. */
export const keepSecrets = Effect.fn("keepSecrets")(function* (file: string, configuration: Configuration) {
  const reads = yield* secretsOf(configuration)
  const readAll = Effect.forEach(reads, ([key, secret]) =>
    Effect.map(Effect.either(secret), (found) => ({ key, found })),
  )
  const first = yield* readAll
  const problems = first.flatMap(({ key, found }) =>
    Either.isLeft(found) ? [{ file, key, expected: found.left.message }] : [],
  )
  const values = new Map(
    first.flatMap(({ key, found }) => (Either.isRight(found) ? [[key, found.right] as const] : [])),
  )
  const token = values.get("forge.token")
  if (problems.length > 0 || token === undefined) return yield* new ConfigurationInvalid({ problems })
  let problem: string | undefined
  const again = Effect.gen(function* () {
    let wrong: string | undefined
    for (const { key, found } of yield* readAll) {
      if (Either.isRight(found)) values.set(key, found.right)
      else wrong ??= `${key}: ${found.left.message}`
    }
    if (wrong !== undefined && wrong !== problem)
      yield* Effect.logWarning(`${wrong}; the previous value is used`)
    problem = wrong
  })
  yield* Effect.forkScoped(Effect.schedule(again, Schedule.spaced(AGAIN)))
  return {
    get token() {
      return values.get("forge.token") ?? token
    },
    get webhook() {
      return values.get("webhook.secret")
    },
    at: (key) => values.get(key),
    get problem() {
      return problem
    },
  } satisfies OrchestratorSecrets
})

/** A token is sent in a header, where anything but visible ASCII is an injection or a mistake. */
const isToken = (secret: Redacted.Redacted): boolean => /^[\x21-\x7e]{1,4096}$/.test(Redacted.value(secret))

const isWebAddress = (secret: Redacted.Redacted): boolean =>
  /^https?:\/\/[!-~]+$/.test(Redacted.value(secret)) && URL.canParse(Redacted.value(secret))

const isOperatorToken = (secret: Redacted.Redacted): boolean =>
  isToken(secret) && Redacted.value(secret).length >= TOKEN_LENGTH_MIN

const NO_OPERATOR_TOKEN = new SecretUnreadable({
  reason: `is not a token: expected at least ${TOKEN_LENGTH_MIN} visible ASCII characters, such as "openssl rand -hex 32" prints`,
})

const NO_URL = new SecretUnreadable({ reason: "is not an http or https URL" })

const NO_TOKEN = new SecretUnreadable({
  reason: "is not a token: expected one word of visible ASCII characters",
})
