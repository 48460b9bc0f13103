/** bottleBackend: the backend that made a bottle, and whether it currently reaches the bottle's own engine. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { BackendFailure, InvalidInput } from "../domain/Errors.ts"
import type { Backend, BackendError } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"

/**
 * The backend that made a bottle. `asked` is the name or alias that the caller gave: another backend is refused, because it knows
 * nothing of the bottle.
 */
export const bottleBackend = Effect.fn("bottleBackend")(function* (
  { slug, spec }: Pick<BottleMetadata, "slug" | "spec">,
  asked?: string,
) {
  const backends = yield* Backends
  const named = asked === undefined ? undefined : yield* backends.get(asked)
  if (named !== undefined && named.name !== spec.backend) {
    return yield* new InvalidInput({
      field: "backend",
      reason: `bottle "${slug}" belongs to backend ${spec.backend}, not to ${named.name}: leave out --backend`,
    })
  }
  return named ?? (yield* backends.get(spec.backend))
})

/** Whether a backend currently reaches the bottle's own engine. `unknown`: the row or the backend names none. */
export const engineOf = (
  backend: Backend,
  { engine }: Pick<BottleMetadata, "engine">,
): Effect.Effect<"own" | "other" | "unknown", BackendError> =>
  backend.engine === undefined || Option.isNone(engine)
    ? Effect.succeed("unknown")
    : Effect.map(backend.engine, (id) => (id === engine.value ? "own" : "other"))

/** The backend with its engine's name cached, for several bottles. */
export const engineOnce = Effect.fnUntraced(function* (backend: Backend) {
  return backend.engine === undefined
    ? backend
    : ({ ...backend, engine: yield* Effect.cached(backend.engine) } satisfies Backend)
})

/** Whether the backend still has the artifact of the bottle's newest freeze. */
export const hasArtifact = (
  backend: Backend,
  { slug, artifact }: Pick<BottleMetadata, "slug" | "artifact">,
): Effect.Effect<boolean, BackendError> => {
  if (Option.isNone(artifact)) return Effect.succeed(false)
  return (
    backend.hasArtifact?.(slug, artifact.value) ??
    Effect.map(backend.artifacts, (kept) => kept.some(({ reference }) => reference === artifact.value))
  )
}

/** Fails when another engine has the bottle and this one has nothing of it: the results of this one then mean nothing for the bottle. */
export const requireOwnEngine = Effect.fn("requireOwnEngine")(function* (
  backend: Backend,
  bottle: BottleMetadata,
) {
  const { slug } = bottle
  if (Option.isSome(yield* backend.inspect(slug)) || (yield* hasArtifact(backend, bottle))) return
  if ((yield* engineOf(backend, bottle)) === "other") return yield* otherEngine(backend, bottle)
})

/** The error of a command on a bottle that another engine has. */
export const otherEngine = (backend: Backend, { slug }: Pick<BottleMetadata, "slug">): BackendFailure =>
  new BackendFailure({
    backend: backend.name,
    operation: "inspect",
    target: slug,
    reason: `another engine has it, not the one that ${backend.name} reaches now: point ${backend.name} to that engine. If it is gone for good, "bot-bottle destroy ${slug} --backend ${backend.name}" removes what is left here`,
  })
