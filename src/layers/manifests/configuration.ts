/** Reads the orchestrator's configuration: `orchestrator.yaml` of the home, or another file, and variables. */
import { Effect, Option } from "effect"
import { join, resolve } from "node:path"
import type { ManifestInvalid } from "../../domain/Errors.ts"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import {
  decodeConfiguration,
  type Variables,
  VARIABLE_PREFIX,
} from "../../domain/orchestrator/ConfigurationFile.ts"
import { Home } from "../home/Home.ts"
import { fileInvalid, readBounded } from "./readBounded.ts"
import { decodeText, parseYaml } from "./yaml.ts"

/** A configuration, and the file named in its errors. */
export interface ReadConfiguration {
  readonly file: string
  readonly configuration: Configuration
}

/**
 * The configuration; none when there is neither a file nor a variable. A file named explicitly must exist. Fails with the file or the
 * variable, the key, and what was expected there. Never quotes a value.
 */
export const readConfiguration = Effect.fn("readConfiguration")(function* (
  named: Option.Option<string>,
  variables: Variables,
): Effect.fn.Return<Option.Option<ReadConfiguration>, ManifestInvalid> {
  const home = yield* Home
  const file = Option.match(named, {
    onNone: () => join(home.root, "orchestrator.yaml"),
    onSome: (path) => resolve(path),
  })
  const bytes = yield* readBounded(file)
  if (Option.isNone(bytes) && Option.isSome(named)) return yield* fileInvalid(file, "there is no such file")
  const isSet = Object.keys(variables).some((name) => name.startsWith(VARIABLE_PREFIX))
  if (Option.isNone(bytes) && !isSet) return Option.none()
  const value = Option.isNone(bytes) ? null : yield* parseYaml(file, yield* decodeText(file, bytes.value))
  return Option.some({ file, configuration: yield* decodeConfiguration(file, value, variables) })
})
