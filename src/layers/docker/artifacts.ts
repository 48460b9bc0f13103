/** The engine's artifacts of all bottles of this installation. */
import { Effect, Option, Schema } from "effect"
import { Slug } from "../../domain/Slug.ts"
import type { BackendArtifact } from "../../services/Backends.ts"
import type { Engine, Purpose } from "./engine.ts"
import { inspectImage } from "./image.ts"
import type { Naming } from "./naming.ts"
import { LABEL } from "./naming.ts"

const decode = Schema.decodeUnknown(
  Schema.Array(
    Schema.Struct({
      Id: Schema.String,
      RepoTags: Schema.optionalWith(Schema.Array(Schema.String), { nullable: true, default: () => [] }),
      Created: Schema.String,
      Config: Schema.Struct({
        Labels: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
          nullable: true,
          default: () => ({}),
        }),
      }),
    }),
  ),
)

/** Images of a repository, with all their names. */
export const taggedImages = Effect.fn("taggedImages")(function* (
  engine: Engine,
  purpose: Purpose,
  repository: string,
) {
  const transport = yield* engine.transport
  const listed = yield* transport.listImages(purpose, { reference: repository })
  const found = yield* transport.images(
    purpose,
    listed.map(({ id }) => id),
  )
  const images = yield* Effect.mapError(decode(found), () =>
    engine.failure(purpose, "the engine described them in an unknown form"),
  )
  return images.map(({ Id, RepoTags, Created, Config }) => ({ Id, RepoTags, Created, Labels: Config.Labels }))
})

/** Whether the engine has that artifact, and it is ours. */
export const hasArtifact = Effect.fn("Backend.hasArtifact")(function* (
  engine: Engine,
  naming: Naming,
  slug: Slug,
  reference: string,
) {
  if (!naming.isArtifact(slug, reference)) return false
  const image = yield* inspectImage(engine, reference)
  return Option.exists(image, ({ Config }) => isOurs(naming, slug, reference, Config.Labels))
})

/** Labels are inherited from images: an artifact is ours if its labels contain its own reference. */
const isOurs = (
  naming: Naming,
  slug: Slug,
  reference: string,
  labels: Readonly<Record<string, string>>,
): boolean =>
  labels[LABEL.installation] === naming.installation &&
  labels[LABEL.slug] === slug &&
  labels[LABEL.artifact] === reference

/** Every artifact of this installation. */
export const listArtifacts = Effect.fn("Backend.artifacts")(function* (engine: Engine, naming: Naming) {
  const purpose = { operation: "list", target: "artifacts" }
  const images = yield* taggedImages(engine, purpose, naming.artifacts)
  return images.flatMap(({ RepoTags, Created, Labels }): ReadonlyArray<BackendArtifact> => {
    const slug = Labels[LABEL.slug]
    const reference = Labels[LABEL.artifact]
    const ours =
      reference !== undefined &&
      Schema.is(Slug)(slug) &&
      isOurs(naming, slug, reference, Labels) &&
      RepoTags.includes(reference) &&
      naming.isArtifact(slug, reference)
    return ours ? [{ slug, reference, createdAt: Date.parse(Created) }] : []
  })
})
