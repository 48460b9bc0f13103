/** The routes of a manifest with the secrets that it names, read on the host at launch; they go to the sidecar's stdin and nowhere else. */
import { Effect, Either, Redacted } from "effect"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { SidecarError } from "../../domain/Errors.ts"
import type { BottleManifest } from "../../domain/Manifest.ts"
import { modelAllow } from "../../domain/ProviderRoutes.ts"
import type { SidecarConfig } from "../../services/Sidecar.ts"
import { file } from "../../files/files.ts"
import { type RoutePart, readRoute } from "../../sidecar/routes/Route.ts"

type ManifestRoute = NonNullable<BottleManifest["routes"]>[string]

/** The routes to serve. Fails with what is wrong of which route: a secret that is not there by its name, never a value. */
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
        value: Redacted.make(yield* secretOf(route)),
      }
      yield* Either.mapLeft(readRoute(part), (problem) => problem.replace(/^value:/, `${sourceOf(route)}:`))
      return part
    }).pipe(
      Effect.mapError(
        (problem) => new SidecarError({ slug, operation: "launch", reason: `route "${name}": ${problem}` }),
      ),
    ),
  )

const sourceOf = ({ secret }: ManifestRoute): string =>
  "env" in secret ? `the variable ${secret.env}` : `the file ${secret.file}`

/** With a newline at its end, as editors leave it, a secret is the same secret. */
const secretOf = (route: ManifestRoute): Effect.Effect<string, string> =>
  Effect.flatMap(
    "env" in route.secret ? fromEnvironment(route.secret.env) : fromFile(route.secret.file),
    (text) => {
      const secret = text.replace(/\r?\n$/, "")
      return secret === "" ? Effect.fail(`${sourceOf(route)} is empty`) : Effect.succeed(secret)
    },
  )

const fromEnvironment = (name: string): Effect.Effect<string, string> =>
  Effect.suspend(() => {
    const value = process.env[name]
    return value === undefined
      ? Effect.fail(`its secret is in the variable ${name}, which is not set: set it and try again`)
      : Effect.succeed(value)
  })

/** Relative to what would not be clear: the manifest's folder, or the working directory. */
const fromFile = (path: string): Effect.Effect<string, string> => {
  const place = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path
  return isAbsolute(place)
    ? Effect.mapError(
        file(() => readFile(place, "utf8")),
        ({ code }) =>
          `its secret is in the file ${path}, which cannot be read${code === "" ? "" : ` (${code})`}`,
      )
    : Effect.fail(`secret.file must be an absolute path or begin with ~/, and is ${path}`)
}
