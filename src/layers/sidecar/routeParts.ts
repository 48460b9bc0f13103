/** Resolves a manifest's routes with their secrets, on the host at launch. They go to the sidecar's stdin and nowhere else. */
import { Effect, Either, Redacted } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import { modelAllow } from "../../domain/ProviderRoutes.ts"
import type { SidecarConfig } from "../../services/Sidecar.ts"
import { type RoutePart, readRoute } from "../../sidecar/routes/Route.ts"
import { placeText, readSecret } from "../secrets/readSecret.ts"

/** The routes to serve. Fails with the problem and the route's name: a missing secret by its name, never a value. */
export const routeParts = ({
  slug,
  routes,
  modelRoutes = [],
}: SidecarConfig): Effect.Effect<ReadonlyArray<RoutePart>, SidecarError> =>
  Effect.forEach(Object.entries(routes), ([name, route]) =>
    Effect.gen(function* () {
      const { secret: _secret, ...rest } = route
      const allow = route.allow ?? modelAllow(route.upstream)
      const part: RoutePart = {
        ...rest,
        ...(allow !== undefined && { allow }),
        ...(modelRoutes.includes(name) && { model: true }),
        name,
        value: Redacted.make(yield* readSecret(route.secret)),
      }
      yield* Either.mapLeft(readRoute(part), (problem) =>
        problem.replace(/^value:/, `${placeText(route.secret)}:`),
      )
      return part
    }).pipe(
      Effect.mapError(
        (problem) => new SidecarError({ slug, operation: "launch", reason: `route "${name}": ${problem}` }),
      ),
    ),
  )
