/** assignedForge: decodes the forge target and assignment of a run once, when a program is called. */
import { Effect, Either, Schema } from "effect"
import { AssignedForge } from "../domain/Assignment.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { firstProblem } from "../domain/firstProblem.ts"
import { type ForgeEnv, withForgeEnv } from "../services/ForgeEnv.ts"
import { Sidecar } from "../services/Sidecar.ts"

/** The forge of a run, in one of two forms; neither: a run without a forge. */
export interface ForgeOption {
  /** The target and the assignment as values. They are used when both are given. */
  readonly forge?: AssignedForge
  /** FORGE_* variables, as the CLI reads them; an empty map means no forge. */
  readonly forgeEnv?: ForgeEnv
}

/**
 * The forge of a run; undefined for a run without one. Fails with `ForgeConfigInvalid`, which names the variable, and with
 * `InvalidInput`, which names the field, when no forge can have the value.
 */
export const assignedForge = Effect.fn("assignedForge")(function* ({ forge, forgeEnv = {} }: ForgeOption) {
  if (forge !== undefined) return yield* validated(forge)
  if (Object.keys(forgeEnv).length === 0) return undefined
  return yield* withForgeEnv(forgeEnv)((yield* Sidecar).variables.assigned)
})

/**
 * Checks values from a caller: names become path segments and the token a header, and the type alone does not make them safe. Fails
 * with `InvalidInput`.
 */
export const validated = (forge: AssignedForge): Effect.Effect<AssignedForge, InvalidInput> =>
  Either.mapLeft(validate(forge), (error) => {
    const { path, problem } = firstProblem(error)
    return new InvalidInput({ field: path === "" ? "forge" : `forge.${path}`, reason: problem })
  })

const validate = Schema.validateEither(AssignedForge)

/** Options with a forge that is already decoded, so that nothing is read again. */
export const watchOptions = <O extends ForgeOption>(
  options: O,
  forge: AssignedForge | undefined,
): Omit<O, "forge" | "forgeEnv"> & ForgeOption => {
  const { forge: _given, forgeEnv: _variables, ...rest } = options
  return { ...rest, ...(forge !== undefined && { forge }) }
}
