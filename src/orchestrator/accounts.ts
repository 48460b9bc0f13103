/** The bot's accounts on the forge: which of them serves a repository, with which token, and the logins of all. */
import { Effect, Option, type Redacted, Ref } from "effect"
import type { ForgeConfigInvalid, ForgeRequestError } from "../domain/Errors.ts"
import type { ForgeTarget } from "../domain/ForgeTarget.ts"
import type { Configuration } from "../domain/orchestrator/Configuration.ts"
import type { RepositoryKey } from "../domain/orchestrator/IssueKey.ts"
import { repositoryEntry } from "../domain/orchestrator/RepositoryPattern.ts"
import { Forges } from "../services/Forges.ts"

/** The accounts of a configuration: the keys of `forge.accounts`, and undefined for the account of `forge.token`. */
export const accountsOf = ({ forge }: Configuration): ReadonlyArray<string | undefined> => [
  undefined,
  ...Object.keys(forge.accounts),
]

/** The account that serves a repository. */
export const accountOf = (
  { forge }: Configuration,
  { owner, repo }: Pick<RepositoryKey, "owner" | "repo">,
): string | undefined =>
  Option.getOrUndefined(Option.map(repositoryEntry(forge.accounts, owner, repo), ({ pattern }) => pattern))

/** The key of an account's token in the configuration. */
export const tokenKeyOf = (account: string | undefined): string =>
  account === undefined ? "forge.token" : `forge.accounts.${account}.token`

/** The current secret of a key. */
export type SecretAt = (key: string) => Redacted.Redacted | undefined

/**
 * The logins of all accounts, each asked for until the forge names it, and then remembered. A token that may not read its own user has
 * no login: its account counts as a bot by the organisation of the bots alone.
 */
export const botsOf = (
  configuration: Configuration,
  targetOf: (account: string | undefined) => ForgeTarget,
): Effect.Effect<
  Effect.Effect<ReadonlyArray<string>, ForgeRequestError | ForgeConfigInvalid>,
  never,
  Forges
> =>
  Effect.gen(function* () {
    const forges = yield* Forges
    const known = yield* Ref.make<ReadonlyMap<string, string>>(new Map())
    const loginOf = (account: string | undefined) =>
      Effect.gen(function* () {
        const key = tokenKeyOf(account)
        const remembered = (yield* Ref.get(known)).get(key)
        if (remembered !== undefined) return remembered
        const { self } = yield* forges.of(targetOf(account))
        const login = yield* self.pipe(
          Effect.map((user) => user.login),
          Effect.catchIf(
            ({ reason }) => reason === "Forbidden",
            () => Effect.succeed(""),
          ),
        )
        yield* Ref.update(known, (logins) => new Map([...logins, [key, login]]))
        return login
      })
    return Effect.forEach(accountsOf(configuration), loginOf).pipe(
      Effect.map((logins) => logins.filter((login) => login !== "")),
    )
  })
