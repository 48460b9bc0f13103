/** Configuration keys that have no effect in this version. */
import type { Configuration } from "./Configuration.ts"

/** The keys of a configuration that are set and have no effect. */
export const unkept = (configuration: Configuration): ReadonlyArray<string> =>
  Object.keys(configuration.operators).length === 0 ? [] : ["operators"]
