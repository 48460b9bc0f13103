/** Configuration keys that this version does not support. Unsupported limits are refused, because whoever sets one relies on it. */
import type { Budgets } from "./Budgets.ts"
import type { Configuration } from "./Configuration.ts"

/** Keys that are set and have no effect. */
export interface Unkept {
  /** Limits that would not be enforced. */
  readonly refused: ReadonlyArray<string>
  readonly ignored: ReadonlyArray<string>
}

/** The keys of a configuration that have no effect in this version. */
export const unkept = (configuration: Configuration): Unkept => {
  const { budgets, repositories } = configuration
  const named = Object.entries(repositories)
  const refused = [
    ...unknown("budgets", budgets),
    ...named.flatMap(([name, settings]) => unknown(`repositories.${name}.budgets`, settings?.budgets ?? {})),
  ]
  const ignored = Object.keys(configuration.operators).length === 0 ? [] : ["operators"]
  return { refused, ignored }
}

/** The tokens and the money that a run uses are not measured yet. */
const unknown = (key: string, budgets: Budgets): ReadonlyArray<string> =>
  (["day", "issue"] as const).flatMap((scope) =>
    (["cost", "tokens"] as const).flatMap((what) =>
      budgets[scope]?.[what] === undefined ? [] : [`${key}.${scope}.${what}`],
    ),
  )
