/** parseSlug: checks a slug that a caller typed. */
import { Effect, Schema } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { Slug } from "../domain/Slug.ts"

/** The slug, or `InvalidInput` with the rule for slugs. */
export const parseSlug = (text: string): Effect.Effect<Slug, InvalidInput> =>
  Effect.mapError(
    Schema.decodeUnknown(Slug)(text),
    () =>
      new InvalidInput({
        field: "slug",
        reason: `"${text.slice(0, 60)}" is not a slug: a slug has only a-z, 0-9 and -, does not start with -, and has at most 40 characters`,
      }),
  )
