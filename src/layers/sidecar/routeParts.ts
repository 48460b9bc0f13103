/** Resolves a manifest's routes with their secrets, on the host at launch. They go to the sidecar's stdin and nowhere else. */
import { Clock, Effect, Either, Option, Redacted } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import { allowOf } from "../../domain/ProviderRoutes.ts"
import { type SecretSource, sourceText } from "../../domain/SecretSource.ts"
import { expiryOf, loginProblem, subscriptionOf } from "../../domain/SubscriptionRoutes.ts"
import { Secrets } from "../../services/Secrets.ts"
import type { SidecarConfig } from "../../services/Sidecar.ts"
import { type RoutePart, readRoute } from "../../sidecar/routes/Route.ts"

/** The routes to serve. Fails with the problem and the route's name: a missing secret by its name, never a value. */
export const routeParts = ({
  slug,
  routes,
  modelRoutes = [],
}: SidecarConfig): Effect.Effect<ReadonlyArray<RoutePart>, SidecarError, Secrets> =>
  Effect.forEach(Object.entries(routes), ([name, route]) =>
    Effect.gen(function* () {
      const { secret, secretHeaders = {}, ...rest } = route
      const allow = allowOf(name, route)
      const more = yield* Effect.forEach(Object.entries(secretHeaders), ([header, source]) =>
        Effect.map(valueOf(source), (value) => ({ header, ...value })),
      )
      const part: RoutePart = {
        ...rest,
        ...(allow !== undefined && { allow }),
        ...(modelRoutes.includes(name) && { model: true }),
        name,
        ...(yield* valueOf(secret)),
        ...(more.length > 0 && { more }),
      }
      yield* Either.mapLeft(readRoute(part), (problem) =>
        problem.replace(
          /^value:/,
          `${[secret, ...Object.values(secretHeaders)].map(sourceText).join(" or ")}:`,
        ),
      )
      yield* demandLogin(part)
      return part
    }).pipe(
      Effect.mapError(
        (problem) => new SidecarError({ slug, operation: "launch", reason: `route "${name}": ${problem}` }),
      ),
    ),
  )

/** A secret, and how the sidecar reads it again. A variable is the launcher's, and stays the same. */
const valueOf = Effect.fnUntraced(function* (source: SecretSource) {
  const secrets = yield* Secrets
  const { secret, until } = yield* Effect.mapError(secrets.readDated(source), ({ reason }) => reason)
  return {
    value: secret,
    ...(!("env" in source) && { source }),
    ...(until !== undefined && { until }),
  }
})

/** A login that has expired is reported before the launch, while somebody is there to renew it. */
const demandLogin = Effect.fnUntraced(function* ({ name, value }: RoutePart) {
  const provider = subscriptionOf(name)
  const now = yield* Clock.currentTimeMillis
  const isOver = Option.exists(expiryOf(Redacted.value(value)), (expiry) => expiry <= now)
  if (provider !== undefined && isOver) return yield* Effect.fail(loginProblem(provider, "expired"))
})
