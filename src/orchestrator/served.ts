/** servedBy: the allow-list of the orchestrator as its configuration has it. */
import { Option, type Redacted } from "effect"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import { lifeSettings, repositorySettings } from "../domain/orchestrator/ConfigurationFile.ts"
import { tellsOf } from "./tell/receivers.ts"
import { ServedRepositories } from "./ServedRepositories.ts"

/** What the configuration does not hold. Each is read anew at each use: a getter may give another value. */
export interface ServedOptions {
  /** The secret that `forge.token` names. */
  readonly token: Redacted.Redacted
  /** Nothing starts. */
  readonly paused?: boolean
  /** Kind of the forge; `gitea` unless given. */
  readonly kind?: string
  /** Backend of new bottles; the manifest's unless given. */
  readonly backend?: string
}

/** The forge of a configuration, as hints and rows name it. */
export const forgeOf = ({ forge: { api } }: Configuration): string =>
  Option.getOrElse(forgeAddress(api), () => api)

/** Repositories of the configured forge that a key of `repositories` matches; none of another forge. */
export const servedBy = (
  configuration: Configuration,
  options: ServedOptions,
): typeof ServedRepositories.Service => {
  const { org, trustOrg, closingKeywords } = configuration.forge
  const address = forgeOf(configuration)
  const { running, perRepository, perOrganisation } = configuration.limits
  const { timeZone, ...budgets } = configuration.budgets
  return ServedRepositories.of({
    running,
    ...(perOrganisation !== undefined && { perOrganisation }),
    timeZone,
    budgets,
    tells: tellsOf(configuration),
    find: ({ forge, owner, repo }) =>
      forge !== address
        ? Option.none()
        : Option.map(repositorySettings(configuration, owner, repo), (settings) => {
            const { backend, kind = "gitea", paused = false, token } = options
            const most = settings.limits?.running ?? perRepository
            return {
              target: { kind, apiUrl: address, token, owner, repo },
              life: lifeSettings(configuration, settings, { paused, botLogin: "" }),
              org,
              closingKeywords,
              ...(trustOrg !== undefined && { trustOrg }),
              ...(backend !== undefined && { backend }),
              ...(most !== undefined && { running: most }),
              ...(settings.budgets !== undefined && { budgets: settings.budgets }),
              ...(settings.base !== undefined && { base: settings.base }),
            }
          }),
  })
}

/** A text that differs when other repositories are served, or other agents there. */
export const listingOf = ({ repositories }: Configuration): string =>
  JSON.stringify(
    Object.entries(repositories)
      .map(([name, settings]) => [name.toLowerCase(), settings?.agents ?? null, settings?.bottles ?? null])
      .toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
  )
