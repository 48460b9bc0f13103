/** The current credentials of each route: read again from files and commands while the run goes on. */
import { Clock, Effect, Either, Option, Redacted } from "effect"
import { expiryOf, loginProblem } from "../../domain/SubscriptionRoutes.ts"
import { Secrets } from "../../services/Secrets.ts"
import { OperationLog } from "../record/OperationLog.ts"
import { type Credential, HEADER_VALUE_RULE, headerValueOf, isHeaderValue, type Route } from "./Route.ts"

/** The headers with a route's credentials, ready to be sent. Names are in lower case. */
export type CredentialHeaders = Readonly<Record<string, string>>

/** The credentials of one route. */
export interface RouteCredentials {
  /** The headers for a call that begins now. Left: why no call can be made, in words for the agent. */
  readonly current: Effect.Effect<Either.Either<CredentialHeaders, string>>
  /** Other headers after a call with these was refused; absent when no source can have another secret. None: there are no others. */
  readonly renewed:
    | ((refused: CredentialHeaders) => Effect.Effect<Option.Option<CredentialHeaders>>)
    | undefined
}

/** After a failure a source is asked again at the earliest after this time: an agent may call in a loop. */
const AGAIN_MS = 10_000

/** Makes the credentials of routes. `learn` is called with each new secret before it is used. */
export const makeCredentials = (
  routes: ReadonlyMap<string, Route>,
  learn: (credential: Credential, secret: string) => Effect.Effect<void>,
): Effect.Effect<(route: Route) => RouteCredentials, never, Secrets | OperationLog> =>
  Effect.gen(function* () {
    const secrets = yield* Secrets
    const log = yield* OperationLog

    /** One line for each run of a command, and for each file that is new or unreadable; never with a secret. */
    const note = (route: string, header: string, problem: string | undefined) =>
      log
        .append({
          op: "secret",
          target: `${route} ${header}`,
          outcome: problem === undefined ? "ok" : "failed",
          ...(problem !== undefined && { reason: problem }),
          durationMs: 0,
          detail: problem === undefined ? "read again" : "cannot be read again; the previous value is used",
        })
        .pipe(Effect.ignore)

    const keep = (route: string, credential: Credential) => {
      const { header, source } = credential
      let value = Redacted.value(credential.secret)
      let until = source !== undefined && "command" in source ? (credential.until ?? 0) : 0
      let problem: string | undefined
      const take = Effect.fnUntraced(function* (read: ReturnType<typeof secrets.readDated>) {
        const found = yield* read.pipe(
          Effect.filterOrFail(
            ({ secret }) => isHeaderValue(Redacted.value(secret)),
            () => ({ message: `the secret ${HEADER_VALUE_RULE}` }),
          ),
          Effect.either,
        )
        if (Either.isLeft(found)) {
          until = (yield* Clock.currentTimeMillis) + AGAIN_MS
          const before = problem
          problem = found.left.message
          if (problem !== before) yield* note(route, header, problem)
          return
        }
        const next = Redacted.value(found.right.secret)
        problem = undefined
        until = found.right.until ?? 0
        if (next === value) return
        yield* learn(credential, next)
        value = next
        yield* note(route, header, undefined)
      })
      return {
        header,
        value: () => headerValueOf(credential, value),
        secret: () => value,
        fresh:
          source === undefined
            ? undefined
            : Effect.suspend(() =>
                Effect.flatMap(Clock.currentTimeMillis, (now) =>
                  now < until ? Effect.void : take(secrets.readDated(source)),
                ),
              ),
        renew:
          source === undefined
            ? undefined
            : (refused: CredentialHeaders) =>
                Effect.suspend(() =>
                  refused[header] === headerValueOf(credential, value)
                    ? take(secrets.renew(source, Redacted.make(value)))
                    : Effect.void,
                ),
      }
    }

    const made = (route: Route): RouteCredentials => {
      const kept = route.credentials.map((credential) => keep(route.name, credential))
      const [first] = kept
      const headers = (): CredentialHeaders =>
        Object.fromEntries(kept.map(({ header, value }) => [header, value()]))
      const fresh = kept.flatMap(({ fresh }) => fresh ?? [])
      const renew = kept.flatMap(({ renew }) => renew ?? [])
      const checked = Effect.map(Clock.currentTimeMillis, (now): Either.Either<CredentialHeaders, string> => {
        const { subscription } = route
        return subscription !== undefined &&
          Option.exists(expiryOf(first?.secret() ?? ""), (expiry) => expiry <= now)
          ? Either.left(loginProblem(subscription, "expired"))
          : Either.right(headers())
      })
      const constant = Effect.succeed(Either.right(headers()))
      return {
        current:
          fresh.length > 0
            ? Effect.zipRight(Effect.all(fresh, { concurrency: "unbounded" }), checked)
            : route.subscription === undefined
              ? constant
              : checked,
        renewed:
          renew.length === 0
            ? undefined
            : (refused) =>
                Effect.map(
                  Effect.forEach(renew, (again) => again(refused), { concurrency: "unbounded" }),
                  () => {
                    const now = headers()
                    return Object.entries(now).some(([name, value]) => refused[name] !== value)
                      ? Option.some(now)
                      : Option.none()
                  },
                ),
      }
    }

    const byName = new Map([...routes].map(([name, route]) => [name, made(route)]))
    return (route) => byName.get(route.name) ?? made(route)
  })
