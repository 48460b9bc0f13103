/** servedBy: the allow-list of the orchestrator as its configuration has it. */
import { Option, type Redacted } from "effect"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import { lifeSettings, repositorySettings } from "../domain/orchestrator/ConfigurationFile.ts"
import { ServedRepositories } from "./ServedRepositories.ts"

/** What the configuration does not hold. */
export interface ServedOptions {
  /** The secret that `forge.token` names. */
  readonly token: Redacted.Redacted
  /** Nothing starts. */
  readonly paused?: boolean
  /** Backend of new bottles; the manifest's unless given. */
  readonly backend?: string
}

/** Repositories of the configured forge that a key of `repositories` matches; none of another forge. */
export const servedBy = (
  configuration: Configuration,
  { token, paused = false, backend }: ServedOptions,
): typeof ServedRepositories.Service => {
  const { api, org, trustOrg, closingKeywords } = configuration.forge
  const address = Option.getOrElse(forgeAddress(api), () => api)
  const { running, perRepository } = configuration.limits
  return ServedRepositories.of({
    running,
    find: ({ forge, owner, repo }) =>
      forge !== address
        ? Option.none()
        : Option.map(repositorySettings(configuration, owner, repo), (settings) => {
            const most = settings.limits?.running ?? perRepository
            return {
              target: { kind: "gitea", apiUrl: address, token, owner, repo },
              life: lifeSettings(configuration, settings, { paused, botLogin: "" }),
              org,
              closingKeywords,
              ...(trustOrg !== undefined && { trustOrg }),
              ...(backend !== undefined && { backend }),
              ...(most !== undefined && { running: most }),
            }
          }),
  })
}
