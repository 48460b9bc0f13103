/** What a schema of a manifest or a configuration says in place of its own messages. */
import { Schema } from "effect"

/** Replaces a schema's own message at any depth: for choices, whose parts would each tell of themselves. */
export const expecting = (expected: string) => ({
  message: () => ({ message: `expected ${expected}`, override: true }),
})

/** A key that must be there; `expected` is what a manifest without it is told. */
export const required = <A, I>(schema: Schema.Schema<A, I>, expected: string) =>
  Schema.propertySignature(schema).annotations({ missingMessage: () => `is missing: expected ${expected}` })
