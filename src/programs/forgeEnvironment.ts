/** forgeEnvironment: the FORGE_* variables of an orchestrated run, read with Config. No other run reads them. */
import { Config, Effect, Option, Schema } from "effect"
import { ForgeConfigInvalid } from "../domain/Errors.ts"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import type { ForgeStateKey } from "../domain/ForgeState.ts"
import { ForgeNumber } from "../domain/Forge.ts"
import type { ForgeEnv } from "../services/Sidecar.ts"

const names = [
  "FORGE_GITEA_API",
  "FORGE_GITEA_TOKEN_FILE",
  "FORGE_OWNER",
  "FORGE_REPO",
  "FORGE_ISSUE_NUMBER",
  "FORGE_PR_NUMBER",
  "FORGE_ORG",
  "FORGE_TRUST_ORG",
  "FORGE_CLOSING_KEYWORDS",
] as const

/** The variables that are set, the token redacted, and the issue they name. */
export const forgeEnvironment = Effect.gen(function* () {
  const texts = yield* Effect.forEach(names, (name) =>
    Effect.map(Config.option(Config.string(name)), (value) => [name, value] as const),
  )
  const token = yield* Config.option(Config.redacted("FORGE_GITEA_TOKEN"))
  const forgeEnv: ForgeEnv = {
    ...Object.fromEntries(
      texts.flatMap(([name, value]) => (Option.isSome(value) ? [[name, value.value]] : [])),
    ),
    ...(Option.isSome(token) && { FORGE_GITEA_TOKEN: token.value }),
  }
  yield* Config.option(Config.duration("FORGE_WATCHDOG_TIMEOUT"))
  return { forgeEnv, key: yield* keyOf(forgeEnv), namedPr: yield* namedPrOf(forgeEnv) }
}).pipe(
  Effect.catchTag(
    "ConfigError",
    () =>
      new ForgeConfigInvalid({
        variable: "FORGE_WATCHDOG_TIMEOUT",
        reason: "it is no duration: write it as 30 minutes",
      }),
  ),
)

/** The address of a forge and its token, as far as they are set: what `gc` revokes left deploy keys with. */
export const forgeAccess: Effect.Effect<ForgeEnv> = Effect.gen(function* () {
  const api = yield* Config.option(Config.string("FORGE_GITEA_API"))
  const file = yield* Config.option(Config.string("FORGE_GITEA_TOKEN_FILE"))
  const token = yield* Config.option(Config.redacted("FORGE_GITEA_TOKEN"))
  return {
    ...(Option.isSome(api) && { FORGE_GITEA_API: api.value }),
    ...(Option.isSome(file) && { FORGE_GITEA_TOKEN_FILE: file.value }),
    ...(Option.isSome(token) && { FORGE_GITEA_TOKEN: token.value }),
  }
}).pipe(Effect.orElseSucceed(() => ({})))

const keyOf = Effect.fn("keyOf")(function* (forgeEnv: ForgeEnv) {
  const apiUrl = yield* required(forgeEnv, "FORGE_GITEA_API")
  const forge = yield* Effect.mapError(
    forgeAddress(apiUrl),
    () =>
      new ForgeConfigInvalid({
        variable: "FORGE_GITEA_API",
        reason: "it is not an http or https URL, or it has a user, a password, a query or a fragment",
      }),
  )
  const owner = yield* required(forgeEnv, "FORGE_OWNER")
  const repo = yield* required(forgeEnv, "FORGE_REPO")
  const issueNumber = yield* forgeNumber(
    "FORGE_ISSUE_NUMBER",
    yield* required(forgeEnv, "FORGE_ISSUE_NUMBER"),
  )
  return { forge, owner, repo, issueNumber } satisfies ForgeStateKey
})

/** The PR that the operator named. */
const namedPrOf = (forgeEnv: ForgeEnv) => {
  const text = forgeEnv["FORGE_PR_NUMBER"]
  return typeof text !== "string" || text.trim() === ""
    ? Effect.succeedNone
    : Effect.asSome(forgeNumber("FORGE_PR_NUMBER", text.trim()))
}

const forgeNumber = (variable: string, text: string) =>
  Effect.mapError(
    Schema.decodeUnknown(ForgeNumber)(/^\d+$/.test(text) ? Number(text) : undefined),
    () => new ForgeConfigInvalid({ variable, reason: "it is not a positive whole number" }),
  )

const required = (
  forgeEnv: ForgeEnv,
  variable: (typeof names)[number],
): Effect.Effect<string, ForgeConfigInvalid> => {
  const value = forgeEnv[variable]
  return typeof value === "string" && value !== ""
    ? Effect.succeed(value)
    : Effect.fail(new ForgeConfigInvalid({ variable, reason: "it is not set: orchestrate needs it" }))
}
