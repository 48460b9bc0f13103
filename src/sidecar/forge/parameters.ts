/** Parameters of calls: schemas with a JSON Schema, and messages for `-32602`. */
import { Schema } from "effect"
import { ForgeNumber } from "../../domain/Forge.ts"

/** A parameter with the description for models. */
export const described = <A, I, R>(schema: Schema.Schema<A, I, R>, description: string, json: object = {}) =>
  schema.annotations({ description, jsonSchema: { ...json, description } })

/** A number of an issue or a pull request: `numberOf("the issue")`. */
export const numberOf = (what: string) =>
  described(ForgeNumber, `Number of ${what}`, { type: "integer", minimum: 1 })

/** A text of 1 to `max` characters. */
export const text = (max: number, description: string) =>
  described(
    Schema.String.pipe(
      Schema.filter((value) => value.length >= 1 && value.length <= max, {
        message: () => `must be a text of 1 to ${max} characters`,
      }),
    ),
    description,
    { minLength: 1, maxLength: max },
  )

/** A text of any length. */
export const anyText = (description: string) => Schema.String.annotations({ description })
