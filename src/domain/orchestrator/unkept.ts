/** Configuration keys that this version does not support. They are refused, because whoever sets one relies on it. */
import { Duration } from "effect"
import type { Configuration } from "./Configuration.ts"

/** The keys of a configuration that are set and would have no effect in this version. */
export const unkept = ({ operators, retention }: Configuration): ReadonlyArray<string> => [
  ...(Object.keys(operators).length === 0 ? [] : ["operators"]),
  ...(["provenance", "output"] as const).flatMap((key) =>
    Duration.equals(retention[key], KEPT[key]) ? [] : [`retention.${key}`],
  ),
]

/** The defaults of `retention`. */
const KEPT = { provenance: Duration.days(365), output: Duration.days(30) } as const
