/** Containers of this installation: their state, and how to remove them in any state. */
import { Effect, Option, Schema } from "effect"
import type { Slug } from "../../domain/Slug.ts"
import { Slug as SlugSchema } from "../../domain/Slug.ts"
import type { BackendBottle } from "../../services/Backends.ts"
import { INITIALIZED, lastLine } from "./dialect.ts"
import type { Engine, Purpose } from "./engine.ts"
import type { Naming } from "./naming.ts"
import { LABEL } from "./naming.ts"

const ContainerJson = Schema.Struct({
  Id: Schema.String,
  /** docker puts a `/` before it. */
  Name: Schema.transform(Schema.String, Schema.String, {
    decode: (name) => name.replace(/^\//, ""),
    encode: (name) => name,
  }),
  Image: Schema.String,
  Created: Schema.String,
  Config: Schema.Struct({
    User: Schema.String,
    WorkingDir: Schema.optionalWith(Schema.String, { default: () => "" }),
    Tty: Schema.optionalWith(Schema.Boolean, { default: () => false }),
    Labels: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
      nullable: true,
      default: () => ({}),
    }),
  }),
  State: Schema.Struct({
    Status: Schema.String,
    ExitCode: Schema.Number,
    OOMKilled: Schema.Boolean,
    Error: Schema.String,
    StartedAt: Schema.optionalWith(Schema.String, { default: () => "" }),
    FinishedAt: Schema.optionalWith(Schema.String, { default: () => "" }),
  }),
})

/** The fields that we read of a container. */
export type Container = typeof ContainerJson.Type

const decode = Schema.decodeUnknown(Schema.Array(ContainerJson))

/** The containers with these names or IDs. Missing ones are left out. */
export const inspectContainers = Effect.fn("inspectContainers")(function* (
  engine: Engine,
  purpose: Purpose,
  names: ReadonlyArray<string>,
) {
  const found = yield* (yield* engine.transport).containers(purpose, names)
  return yield* Effect.mapError(decode(found), () =>
    engine.failure(purpose, "the engine described it in an unknown form"),
  )
})

/** Labels are inherited from images: a container is ours if its labels contain its own name. */
export const isOurs = (naming: Naming, container: Container): boolean =>
  container.Config.Labels[LABEL.installation] === naming.installation &&
  container.Config.Labels[LABEL.name] === container.Name

/** The bottle's container; none when there is none. Fails for a container of that name that is not ours. */
export const findContainer = Effect.fn("findContainer")(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  slug: Slug,
) {
  const name = naming.container(slug)
  const [container] = yield* inspectContainers(engine, purpose, [name])
  if (container === undefined) return Option.none<Container>()
  if (isOurs(naming, container)) return Option.some(container)
  return yield* engine.failure(
    purpose,
    `container ${name} was not created by bot-bottle: rename or remove it`,
  )
})

/** Whether a container was created and never started. */
export const isUnstarted = ({ State }: Container): boolean =>
  State.Status === "created" || State.Status === INITIALIZED

/** The run that a container was created for. */
export const runOf = (container: Container): number => Number(container.Config.Labels[LABEL.run])

/** A container as a bottle. `paused` and `stopping` are still running; `dead` and `removing` were running once. */
export const toBottle = (slug: Slug, { State, Created }: Container): BackendBottle => {
  const createdAt = Date.parse(Created)
  switch (State.Status) {
    case "created":
    case INITIALIZED:
      return { slug, state: "created", createdAt }
    case "running":
    case "paused":
    case "restarting":
    case "stopping":
      return { slug, state: "running", createdAt }
    default: {
      const finishedAt = Date.parse(State.FinishedAt)
      return {
        slug,
        state: "exited",
        exitCode: State.ExitCode,
        outOfMemory: State.OOMKilled,
        createdAt,
        // The engine uses the year 1 for an unknown time.
        ...(finishedAt >= createdAt && { finishedAt }),
      }
    }
  }
}

/** Every bottle of this installation. */
export const listBottles = Effect.fn("listBottles")(function* (engine: Engine, naming: Naming) {
  const purpose = { operation: "list", target: "containers" }
  const found = yield* labelled(engine, naming, purpose)
  return found.flatMap((container) => {
    const slug = Schema.decodeOption(SlugSchema)(container.Config.Labels[LABEL.slug] ?? "")
    return Option.isSome(slug) && container.Name === naming.container(slug.value)
      ? [toBottle(slug.value, container)]
      : []
  })
})

/** All containers of a slug that are ours, including helpers. */
export const containersOf = Effect.fn("containersOf")(
  (engine: Engine, naming: Naming, purpose: Purpose, slug: Slug) =>
    labelled(engine, naming, purpose, `${LABEL.slug}=${slug}`),
)

/** Removes containers in any state, with their anonymous volumes. */
export const removeContainers = Effect.fn("removeContainers")(function* (
  engine: Engine,
  purpose: Purpose,
  containers: ReadonlyArray<Container>,
) {
  if (containers.length === 0) return
  const ids = containers.map(({ Id }) => Id)
  const { exitCode, stderr } = yield* engine.run(purpose, [...engine.dialect.remove, ...ids])
  if (exitCode === 0) return
  const left = yield* inspectContainers(engine, purpose, ids)
  if (left.length === 0) return
  const names = left.map(({ Name }) => Name).join(", ")
  return yield* engine.failure(purpose, `container ${names} could not be removed: ${lastLine(stderr)}`)
})

const labelled = Effect.fnUntraced(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  ...labels: ReadonlyArray<string>
) {
  const filters = [`${LABEL.installation}=${naming.installation}`, ...labels]
  const ids = yield* (yield* engine.transport).labelled(purpose, filters)
  const containers = yield* inspectContainers(engine, purpose, ids)
  return containers.filter((container) => isOurs(naming, container))
})

/** A container of an image that never runs, to read its files. Removed with the scope. */
export const stillContainer = Effect.fn("stillContainer")(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  slug: Slug,
  use: string,
  image: string,
) {
  const name = `${naming.container(slug)}.${use}`
  const labels = Object.entries({ ...naming.containerLabels(slug, 0), [LABEL.name]: name })
  // As root: podman cannot copy files out of a container whose user its image does not know. It never runs.
  const create = ["create", "--name", name, "--pull", "never", "--network", "none", "--user", "0:0"]
  const marks = labels.flatMap(([key, value]) => ["--label", `${key}=${value}`])
  yield* Effect.acquireRelease(engine.succeed(purpose, [...create, ...marks, image, "none"]), () =>
    Effect.ignore(engine.run(purpose, [...engine.dialect.remove, name])),
  )
  return name
})
