/** bottleNamed: which bottle an operator means, by its slug or by its label. */
import { Effect, Option } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { parseSlug } from "./parseSlug.ts"

/**
 * The slug of a bottle, by its slug or, where one bottle alone has it, by its label. A name of no bottle is returned as it
 * is, for the program that uses it to report. Never for what removes bottles: that takes the slug.
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

/** The name as it is, for what removes bottles; one that is a label and no slug fails, and says which slug it would be. */
export const slugAlone = Effect.fn("slugAlone")(function* (name: string) {
  const slug = yield* bottleNamed(name)
  if (slug === name) return name
  return yield* new InvalidInput({
    field: "slug",
    reason: `"${name}" is a label, and bottles are removed by their slug: ${slug}`,
  })
})

/** The command line that goes on with a bottle: one that works on an issue needs its forge, which `resume` does not have. */
export const resumeLine = Effect.fn("resumeLine")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const spec = Option.map(yield* (yield* BottleStore).get(slug), (row) => row.spec)
  if (Option.exists(spec, ({ forgeTargeted }) => forgeTargeted))
    return `bot-bottle orchestrate resume --slug ${slug} --prompt ...`
  return Option.exists(spec, ({ headless }) => headless)
    ? `bot-bottle resume ${slug} --headless --prompt ...`
    : `bot-bottle resume ${slug}`
})
