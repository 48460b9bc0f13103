/** servedBy: the orchestrator's allow-list from its configuration. */
import { Option, Redacted } from "effect"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import { lifeSettings, repositorySettings } from "../domain/orchestrator/ConfigurationFile.ts"
import { accountOf } from "./accounts.ts"
import { tellsOf } from "./tell/receivers.ts"
import { ServedRepositories } from "./ServedRepositories.ts"

/** Inputs that are not in the configuration. Each is read at each use, so a getter may return a new value. */
export interface ServedOptions {
  /** The secret of `forge.token`. */
  readonly token: Redacted.Redacted
  /** The token of an account, by its key in `forge.accounts`; undefined for one that was not read. */
  readonly tokenAt?: (account: string) => Redacted.Redacted | undefined
  /** The logins of all accounts; only the account of the repository is known unless given. */
  readonly bots?: (typeof ServedRepositories.Service)["bots"]
  /** Launches are paused. */
  readonly paused?: boolean
  /** Kind of the forge; `gitea` unless given. */
  readonly kind?: string
  /** Backend of new bottles; the manifest's unless given. */
  readonly backend?: string
}

/** The forge of a configuration, as named in hints and rows. */
export const forgeOf = ({ forge: { api } }: Configuration): string =>
  Option.getOrElse(forgeAddress(api), () => api)

/** Repositories of the configured forge that match a key of `repositories`; none on another forge. */
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
    ...(options.bots !== undefined && { bots: options.bots }),
    find: ({ forge, owner, repo }) =>
      forge !== address
        ? Option.none()
        : Option.map(repositorySettings(configuration, owner, repo), (settings) => {
            const { backend, kind = "gitea", paused = false } = options
            const account = accountOf(configuration, { owner, repo })
            const token = account === undefined ? options.token : (options.tokenAt?.(account) ?? NO_TOKEN)
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

/** The forge refuses it. A repository is never reached with the token of another account. */
const NO_TOKEN = Redacted.make("no-token")

/** A text that changes when the served repositories, their agents or accounts, change. */
export const listingOf = ({ repositories, forge: { accounts } }: Configuration): string =>
  JSON.stringify([
    ...Object.entries(repositories)
      .map(([name, settings]) => [name.toLowerCase(), settings?.agents ?? null, settings?.bottles ?? null])
      .toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
    ...Object.keys(accounts)
      .map((name) => `account ${name.toLowerCase()}`)
      .toSorted(),
  ])
