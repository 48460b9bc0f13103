/** bottleNamed: finds the bottle that an operator names by slug or label. */
import { Effect, Option } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { parseSlug } from "./parseSlug.ts"

/**
 * The slug of a bottle, by its slug or by a label that only one bottle has. An unknown name is returned as it is, for the calling
 * program to report. Never used to remove bottles: that takes the slug.
 */
export const bottleNamed = Effect.fn("bottleNamed")(function* (name: string) {
  const rows = yield* (yield* BottleStore).all
  if (rows.some(({ slug }) => slug === name)) return name
  const labelled = rows.filter(({ spec }) => spec.label === name)
  if (labelled.length > 1) {
    const slugs = labelled.map(({ slug }) => slug).join(", ")
    return yield* new InvalidInput({
      field: "slug",
      reason: `several bottles have the label "${name}", so give a slug: ${slugs}`,
    })
  }
  return labelled[0]?.slug ?? name
})

/** The name as it is, for commands that remove bottles. A label that is not a slug fails, with the slug that it stands for. */
export const slugAlone = Effect.fn("slugAlone")(function* (name: string) {
  const slug = yield* bottleNamed(name)
  if (slug === name) return name
  return yield* new InvalidInput({
    field: "slug",
    reason: `"${name}" is a label, and bottles are removed by their slug: ${slug}`,
  })
})

/** The command line that continues a bottle. One that works on an issue needs its forge, which `resume` does not have. */
export const resumeLine = Effect.fn("resumeLine")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const spec = Option.map(yield* (yield* BottleStore).get(slug), (row) => row.spec)
  if (Option.exists(spec, ({ forgeTargeted }) => forgeTargeted))
    return `bot-bottle orchestrate resume --slug ${slug} --prompt ...`
  return Option.exists(spec, ({ headless }) => headless)
    ? `bot-bottle resume ${slug} --headless --prompt ...`
    : `bot-bottle resume ${slug}`
})
