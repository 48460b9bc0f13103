/** Keys of the configuration that this version does not act on: limits are refused, because whoever sets one relies on it. */
import type { Configuration } from "./Configuration.ts"

/** Keys that are set and have no effect. */
export interface Unkept {
  /** Limits that would not be kept. */
  readonly refused: ReadonlyArray<string>
  readonly ignored: ReadonlyArray<string>
}

/** The keys of a configuration that have no effect in this version. */
export const unkept = (configuration: Configuration): Unkept => {
  const { limits, repositories } = configuration
  const named = Object.entries(repositories)
  const refused = [
    ...(limits.perOrganisation === undefined ? [] : ["limits.perOrganisation"]),
  ]
  const ignored = [
    ...(configuration.publicUrl === undefined ? [] : ["publicUrl"]),
    ...(configuration.acknowledge === "none" ? [] : ["acknowledge"]),
    ...(configuration.notify.length === 0 ? [] : ["notify"]),
    ...(Object.keys(configuration.operators).length === 0 ? [] : ["operators"]),
    ...named.flatMap(([name, settings]) =>
      settings?.base === undefined ? [] : [`repositories.${name}.base`],
    ),
  ]
  return { refused, ignored }
}
