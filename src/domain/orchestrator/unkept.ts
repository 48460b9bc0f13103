/** Configuration keys that this version does not support. They are refused, because whoever sets one relies on it. */
import type { Configuration } from "./Configuration.ts"

/** The keys of a configuration that are set and would have no effect in this version: there are none now. */
export const unkept: (configuration: Configuration) => ReadonlyArray<string> = () => []
