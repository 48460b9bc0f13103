/** Images: inspects them, pulls them by policy, and refuses those that cannot be used for a bottle. */
import { Clock, Effect, Option, Schema } from "effect"
import type { BottlePlan } from "../../domain/Bottle.ts"
import { LaunchRefused } from "../../domain/Errors.ts"
import type { Engine } from "./engine.ts"
import { tellLines } from "./lines.ts"

/** Go encodes an empty list or map as `null`. */
const orNull = <A, I>(schema: Schema.Schema<A, I>, empty: () => A) =>
  Schema.optionalWith(schema, { nullable: true, default: empty })

const ImageJson = Schema.Struct({
  Id: Schema.String,
  RepoDigests: orNull(Schema.Array(Schema.String), () => []),
  RootFS: Schema.Struct({ Layers: orNull(Schema.Array(Schema.String), () => []) }),
  Config: orNull(
    Schema.Struct({
      User: orNull(Schema.String, () => ""),
      Env: orNull(Schema.Array(Schema.String), () => []),
      WorkingDir: orNull(Schema.String, () => ""),
      Volumes: orNull(Schema.Record({ key: Schema.String, value: Schema.Unknown }), () => ({})),
      Labels: orNull(Schema.Record({ key: Schema.String, value: Schema.String }), () => ({})),
    }),
    () => ({ User: "", Env: [], WorkingDir: "", Volumes: {}, Labels: {} }),
  ),
})

/** The fields that we read of an image. */
export type Image = typeof ImageJson.Type

const decode = Schema.decodeUnknown(Schema.Array(ImageJson))

/** The image with a reference or ID; none when the engine has none. */
export const inspectImage = Effect.fn("inspectImage")(function* (engine: Engine, reference: string) {
  const purpose = { operation: "inspect", target: reference }
  const found = yield* (yield* engine.transport).images(purpose, [reference])
  const images = yield* Effect.mapError(decode(found), () =>
    engine.failure(purpose, "the engine described it in an unknown form"),
  )
  return Option.fromNullable(images[0])
})

/** Label of an image whose workspace exists and belongs to its agent, as `<uid>:<gid>@<path>`. Nothing is then copied to create it. */
export const WORKSPACE_LABEL = "bot-bottle.workspace"

/** Whether the image declares that it has the plan's workspace, owned by the agent. A false declaration harms only its own agent. */
export const hasWorkspace = (image: Image, plan: BottlePlan, user: string): boolean => {
  const labels: Readonly<Record<string, string>> = image.Config.Labels
  return labels[WORKSPACE_LABEL] === `${user}@${plan.workdir}`
}

/** The digest, which names the image everywhere; its local ID when no registry knows it. */
export const digestOf = (image: Image): string => image.RepoDigests[0]?.split("@")[1] ?? image.Id

/** Makes the plan's image present by its pull policy. */
export const presentImage = Effect.fn("presentImage")(function* (engine: Engine, plan: BottlePlan) {
  const { image: reference, rehydrate } = plan
  const pull = rehydrate ? "never" : plan.pull
  if (pull === "always") yield* pullImage(engine, reference)
  const present = yield* inspectImage(engine, reference)
  if (Option.isSome(present)) return yield* withoutVolumes(reference, present.value)
  if (pull === "never") return yield* missing(engine, reference, rehydrate)
  yield* pullImage(engine, reference)
  const pulled = yield* inspectImage(engine, reference)
  if (Option.isNone(pulled)) return yield* missing(engine, reference, rehydrate)
  return yield* withoutVolumes(reference, pulled.value)
})

const missing = (engine: Engine, reference: string, rehydrate: boolean) =>
  engine.failure(
    { operation: "pull", target: reference },
    rehydrate
      ? "the artifact is gone from this engine: destroy the bottle and start a new one"
      : "the image is not on this engine, and its pull policy is never: pull or build it, or start with --pull missing",
  )

/** A volume is outside of the container, so its content would be lost at a freeze. */
export const withoutVolumes = (reference: string, image: Image): Effect.Effect<Image, LaunchRefused> => {
  const volumes = Object.keys(image.Config.Volumes)
  return volumes.length === 0
    ? Effect.succeed(image)
    : Effect.fail(
        new LaunchRefused({
          reason: `image "${reference}" declares VOLUME ${volumes.join(", ")}, whose content a freeze would lose: use an image without it`,
        }),
      )
}

/** Pulls an image. The client's output goes to the log, at most one line per second. */
const pullImage = Effect.fn("pullImage")(function* (engine: Engine, reference: string) {
  const purpose = { operation: "pull", target: reference }
  yield* Effect.logInfo(`pulling image ${reference}`)
  const layers = { all: 0, done: 0 }
  let said = yield* Clock.currentTimeMillis
  const errors: Array<string> = []
  const progress = Effect.fnUntraced(function* (line: string) {
    if (/: Pulling fs layer|: Already exists/.test(line)) layers.all += 1
    if (/: Pull complete|: Already exists/.test(line)) layers.done += 1
    if (/^Digest: |^Status: /.test(line)) return yield* Effect.logInfo(`${reference}: ${line}`)
    const now = yield* Clock.currentTimeMillis
    if (now - said < 1000 || layers.all === 0) return
    said = now
    yield* Effect.logInfo(`pulling image ${reference}: ${layers.done} of ${layers.all} layers`)
  })
  const exit = yield* Effect.scoped(
    Effect.gen(function* () {
      const client = yield* engine.stream(purpose, ["pull", engine.dialect.pullName(reference)])
      yield* tellLines(client.output, (line, stream) =>
        stream === "stdout" ? progress(line) : Effect.sync(() => void errors.push(line)),
      )
      return yield* client.exit
    }),
  )
  if (exit.exitCode === 0) return
  return yield* engine.refusal(purpose, errors.join("\n"))
})
