/** Artifacts: a stopped container committed to an image, flattened before the engine's layer limit, and removed when superseded. */
import { Effect, MutableHashMap, Option } from "effect"
import { FreezeFailed } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { Docker } from "./agent.ts"
import { bytesOf } from "./bytes.ts"
import { lastLine } from "./dialect.ts"
import type { Container } from "./containers.ts"
import { findContainer, toBottle } from "./containers.ts"
import type { Engine, Purpose } from "./engine.ts"
import type { Image } from "./image.ts"
import { inspectImage } from "./image.ts"
import type { Naming } from "./naming.ts"
import { LABEL } from "./naming.ts"

/** An engine refuses an image of more than 125 layers, and every commit adds one. */
export const MAX_LAYERS = 120

/** Makes the artifact of a stopped bottle and returns its reference. Redoes what an interrupted freeze left incomplete. */
export const freezeBottle = Effect.fn("freezeBottle")(function* (
  { engine, naming, images }: Docker,
  maxLayers: number,
  slug: Slug,
  run: number,
) {
  const purpose = { operation: "freeze", target: slug }
  const container = yield* findContainer(engine, naming, purpose, slug)
  if (Option.isNone(container)) {
    return yield* new FreezeFailed({ slug, reason: "the engine has no container of it" })
  }
  const { state } = toBottle(slug, container.value)
  if (state !== "exited") {
    return yield* new FreezeFailed({
      slug,
      reason: state === "running" ? "its agent runs" : "it was never started",
    })
  }
  const reference = naming.artifact(slug, run)
  const known = Option.filter(MutableHashMap.get(images, slug), ({ Id }) => Id === container.value.Image)
  const image = Option.isSome(known) ? known : yield* inspectImage(engine, container.value.Image)
  const flat = Option.filter(image, ({ RootFS }) => RootFS.Layers.length + 1 > maxLayers)
  yield* Option.match(flat, {
    onNone: () => commit(engine, purpose, container.value.Id, reference),
    onSome: (base) => flatten(engine, naming, purpose, slug, container.value, base, reference),
  }).pipe(Effect.catchTag("BackendFailure", ({ reason }) => Effect.fail(new FreezeFailed({ slug, reason }))))
  return reference
})

const commit = (engine: Engine, purpose: Purpose, container: string, reference: string) =>
  engine.succeed(purpose, [
    ...engine.dialect.commit,
    "--change",
    `LABEL ${LABEL.artifact}=${reference}`,
    container,
    reference,
  ])

/**
 * Flattens an image into one layer with all files, then restores the configuration, which export and import lose: a container that is
 * created with it and committed has exactly the same one, whereas the instructions of `import --change` would have to be quoted.
 */
const flatten = Effect.fn("flatten")(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  slug: Slug,
  container: Container,
  base: Image,
  reference: string,
) {
  const draft = naming.artifactDraft(slug)
  const helper = naming.flat(slug)
  yield* Effect.logInfo(`bottle ${slug}: its image has ${base.RootFS.Layers.length} layers, flattening it`)
  yield* importFiles(engine, purpose, container.Id, draft)
  // Left by a freeze that was killed.
  yield* engine.run(purpose, [...engine.dialect.remove, helper])
  yield* engine.succeed(purpose, [
    "create",
    "--name",
    helper,
    "--pull",
    "never",
    "--network",
    "none",
    "--user",
    container.Config.User,
    ...(base.Config.WorkingDir === "" ? [] : ["--workdir", base.Config.WorkingDir]),
    ...base.Config.Env.flatMap((variable) => ["--env", variable]),
    ...Object.entries({ ...base.Config.Labels, ...container.Config.Labels, [LABEL.name]: helper }).flatMap(
      ([key, value]) => ["--label", `${key}=${value}`],
    ),
    draft,
    "/run/bottle/bin/enter",
  ])
  yield* commit(engine, purpose, helper, reference)
  yield* engine.succeed(purpose, [...engine.dialect.remove, helper])
  yield* engine.succeed(purpose, ["image", "rm", draft])
})

/** A partial export must not look complete: the import is killed with it instead of finished. */
const importFiles = Effect.fn("importFiles")(function* (
  engine: Engine,
  purpose: Purpose,
  container: string,
  reference: string,
) {
  const exported = bytesOf(engine, purpose, ["export", container])
  yield* engine.succeed(purpose, ["import", "-", reference], { stdin: exported })
})

/** Removes the artifacts of the slug, and drafts of killed freezes, except the one to keep. */
export const removeArtifacts = Effect.fn("removeArtifacts")(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  slug: Slug,
  keep: Option.Option<string>,
) {
  yield* yield* findArtifacts(engine, naming, purpose, slug, keep)
})

/** The same in two steps: finds them, and returns how to remove them. */
export const findArtifacts = Effect.fn("findArtifacts")(function* (
  engine: Engine,
  naming: Naming,
  purpose: Purpose,
  slug: Slug,
  keep: Option.Option<string>,
) {
  const { listImages } = yield* engine.transport
  const [tagged, untagged] = yield* Effect.all(
    [
      listImages(purpose, { reference: naming.artifacts }),
      listImages(purpose, { dangling: true, label: `${LABEL.slug}=${slug}` }),
    ],
    { concurrency: "unbounded" },
  )
  // podman treats two label filters as alternatives, so the second one is checked here.
  const images = yield* Effect.forEach(untagged, ({ id }) => inspectImage(engine, id))
  const leftovers = images.flatMap(Option.toArray).filter((image) => isOf(naming, image))
  const references = tagged
    .flatMap(({ names }) => names)
    .filter((reference) => naming.isArtifact(slug, reference) && reference !== Option.getOrNull(keep))
  return Effect.zipRight(
    removeImages(engine, purpose, references),
    removeImages(
      engine,
      purpose,
      leftovers.map(({ Id }) => Id),
    ),
  )
})

const isOf = (naming: Naming, { Config }: Image): boolean => {
  const labels: Readonly<Record<string, string>> = Config.Labels
  return labels[LABEL.installation] === naming.installation
}

const removeImages = Effect.fnUntraced(function* (
  engine: Engine,
  purpose: Purpose,
  images: ReadonlyArray<string>,
) {
  if (images.length === 0) return
  const { exitCode, stderr } = yield* engine.run(purpose, ["image", "rm", ...images])
  const left = stderr.split("\n").filter((line) => line.trim() !== "" && !engine.dialect.missing(line))
  if (exitCode === 0 || left.length === 0) return
  return yield* engine.failure(purpose, `an image could not be removed: ${lastLine(stderr)}`)
})
