/** Error messages of manifest and configuration schemas, in place of the library's own. */
import { Schema } from "effect"

/** Replaces a schema's message at any depth: for unions, whose members would each report their own. */
export const expecting = (expected: string) => ({
  message: () => ({ message: `expected ${expected}`, override: true }),
})

/** A required key; `expected` is the message when it is missing. */
export const required = <A, I>(schema: Schema.Schema<A, I>, expected: string) =>
  Schema.propertySignature(schema).annotations({ missingMessage: () => `is missing: expected ${expected}` })
