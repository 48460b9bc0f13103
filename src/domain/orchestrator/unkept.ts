/** Configuration keys that this version does not support. They are refused, because whoever sets one relies on it. */
import { Duration } from "effect"
import type { Budgets } from "./Budgets.ts"
import type { Configuration } from "./Configuration.ts"

/** The keys of a configuration that are set and would have no effect in this version. */
export const unkept = (configuration: Configuration): ReadonlyArray<string> => {
  const { budgets, repositories, operators, retention } = configuration
  const named = Object.entries(repositories)
  return [
    ...unknown("budgets", budgets),
    ...named.flatMap(([name, settings]) => unknown(`repositories.${name}.budgets`, settings?.budgets ?? {})),
    ...(Object.keys(operators).length === 0 ? [] : ["operators"]),
    ...(["provenance", "output"] as const).flatMap((key) =>
      Duration.equals(retention[key], KEPT[key]) ? [] : [`retention.${key}`],
    ),
  ]
}

/** The defaults of `retention`. */
const KEPT = { provenance: Duration.days(365), output: Duration.days(30) } as const

/** The tokens and the money that a run uses are not measured yet. */
const unknown = (key: string, budgets: Budgets): ReadonlyArray<string> =>
  (["day", "issue"] as const).flatMap((scope) =>
    (["cost", "tokens"] as const).flatMap((what) =>
      budgets[scope]?.[what] === undefined ? [] : [`${key}.${scope}.${what}`],
    ),
  )
