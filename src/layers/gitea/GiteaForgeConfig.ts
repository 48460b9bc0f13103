/** The configuration of GiteaForge, and how it is read from FORGE_* variables. */
import { Config, type Duration, Effect, Option, Redacted } from "effect"
import { readFile } from "node:fs/promises"
import { isClosingKeyword } from "../../domain/ClosingKeywords.ts"
import { type Assignment, DEFAULT_FORGE_ORG, type ForgeTrust } from "../../domain/Assignment.ts"
import { durationOf } from "../../domain/durationOf.ts"
import { ForgeConfigInvalid } from "../../domain/Errors.ts"
import { forgeAddress } from "../../domain/ForgeAddress.ts"
import { type ForgeAccess, atRepository } from "../../domain/ForgeTarget.ts"
import type { ForgeVariables } from "../../services/Forges.ts"

/** How to reach one repository on a Gitea, and who is trusted there. */
export interface GiteaForgeConfig {
  /** Base URL of the API, including `/api/v1`; a trailing slash does not matter. */
  readonly apiUrl: string
  readonly owner: string
  readonly repo: string
  readonly token: Redacted.Redacted
  /** Its members are trusted; the repository's owner unless given. */
  readonly trustOrg?: string | undefined
  /** The organisation of the bot accounts, whose members are never trusted; if absent, no membership is checked. */
  readonly org?: string | undefined
  /** Logins that are never trusted. */
  readonly bots?: ReadonlyArray<string> | undefined
  /** What happens when the forge does not say who somebody is; `no` unless given. */
  readonly unanswered?: ForgeTrust["unanswered"]
  /** Time limit of one request, including its response; 30 seconds unless given. */
  readonly requestTimeout?: Duration.DurationInput | undefined
  /** Size limit of a response in bytes; 16 MiB unless given. */
  readonly answerBytesMax?: number | undefined
}

/**
 * Reads `FORGE_GITEA_API`, `FORGE_GITEA_TOKEN` or `FORGE_GITEA_TOKEN_FILE`, `FORGE_OWNER`, `FORGE_REPO`, `FORGE_ORG` and
 * `FORGE_TRUST_ORG` from the current ConfigProvider. An empty value counts as missing.
 */
export const giteaForgeConfig: Effect.Effect<GiteaForgeConfig, ForgeConfigInvalid> = Effect.suspend(() =>
  Effect.map(target, (found) => ({ ...found.target, ...found.trust })),
)

/**
 * Reads `FORGE_ISSUE_NUMBER`, `FORGE_PR_NUMBER` (may be empty), `FORGE_ORG`, `FORGE_TRUST_ORG`, `FORGE_CLOSING_KEYWORDS`
 * and `FORGE_WATCHDOG_TIMEOUT` from the current ConfigProvider.
 */
export const forgeAssignment: Effect.Effect<Assignment, ForgeConfigInvalid> = Effect.gen(function* () {
  const issueNumber = Number(yield* required("FORGE_ISSUE_NUMBER", numberProblem))
  const pr = yield* optional("FORGE_PR_NUMBER", numberProblem)
  const keywords = yield* closingKeywords
  const watchdog = yield* watchdogTimeout
  return {
    issueNumber,
    ...(yield* forgeTrust),
    ...(pr !== undefined && { prNumbers: [Number(pr)] }),
    ...(keywords.length > 0 && { closingKeywords: keywords }),
    ...(watchdog !== undefined && { watchdog }),
  }
})

/** Reads `FORGE_ORG` and `FORGE_TRUST_ORG` from the current ConfigProvider. */
const forgeTrust: Effect.Effect<ForgeTrust, ForgeConfigInvalid> = Effect.gen(function* () {
  const org = yield* optional("FORGE_ORG", nameProblem)
  const trustOrg = yield* optional("FORGE_TRUST_ORG", nameProblem)
  return { org: org ?? DEFAULT_FORGE_ORG, ...(trustOrg !== undefined && { trustOrg }) }
})

const access: Effect.Effect<ForgeAccess, ForgeConfigInvalid> = Effect.gen(function* () {
  const apiUrl = yield* required("FORGE_GITEA_API", apiUrlProblem)
  return { kind: "gitea", apiUrl, token: yield* readToken }
})

const repository = Effect.gen(function* () {
  const owner = yield* required("FORGE_OWNER", nameProblem)
  const repo = yield* required("FORGE_REPO", nameProblem)
  return { owner, repo }
})

const target = Effect.gen(function* () {
  const place = atRepository(yield* access, yield* repository)
  return { target: place, trust: yield* forgeTrust }
})

/** The FORGE_* variables of a Gitea. An empty value counts as missing. */
export const giteaVariables: ForgeVariables = {
  access,
  target,
  assigned: Effect.gen(function* () {
    const place = yield* target
    return { target: place.target, assignment: yield* forgeAssignment }
  }),
}

type Problem = (value: string) => string | undefined

const optional = Effect.fnUntraced(function* (variable: string, problem: Problem) {
  const read = yield* Effect.mapError(
    Config.option(Config.string(variable)),
    () => new ForgeConfigInvalid({ variable, reason: "could not be read" }),
  )
  const value = Option.getOrElse(read, () => "").trim()
  if (value === "") return undefined
  const reason = problem(value)
  return reason === undefined ? value : yield* new ForgeConfigInvalid({ variable, reason })
})

const wordsOf = (value: string): ReadonlyArray<string> =>
  value
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")

/** Reads `FORGE_CLOSING_KEYWORDS`: comma-separated closing keywords that this Gitea's administrator added. */
export const closingKeywords: Effect.Effect<ReadonlyArray<string>, ForgeConfigInvalid> = Effect.map(
  optional("FORGE_CLOSING_KEYWORDS", (value) =>
    wordsOf(value).every(isClosingKeyword)
      ? undefined
      : "must be words made of letters, separated by commas: Gitea ignores other keywords",
  ),
  (value) => (value === undefined ? [] : wordsOf(value)),
)

/** Reads `FORGE_WATCHDOG_TIMEOUT`. */
const watchdogTimeout: Effect.Effect<Duration.Duration | undefined, ForgeConfigInvalid> = Effect.gen(
  function* () {
    const variable = "FORGE_WATCHDOG_TIMEOUT"
    const text = yield* optional(variable, () => undefined)
    return text === undefined
      ? undefined
      : yield* Effect.mapError(
          durationOf(text),
          () =>
            new ForgeConfigInvalid({ variable, reason: "is not a duration: write it as 30 minutes or 30m" }),
        )
  },
)

const required = Effect.fnUntraced(function* (variable: string, problem: Problem) {
  const value = yield* optional(variable, problem)
  return (
    value ??
    (yield* new ForgeConfigInvalid({ variable, reason: `is missing: ${HINTS[variable] ?? "set it"}` }))
  )
})

const HINTS: Readonly<Record<string, string>> = {
  FORGE_GITEA_API: "set it to the base URL of the forge's API, such as https://git.example.org/api/v1",
  FORGE_GITEA_TOKEN:
    "set it to an access token of the bot's user, or FORGE_GITEA_TOKEN_FILE to a file that holds it",
  FORGE_OWNER: "set it to the user or org that owns the repository",
  FORGE_REPO: "set it to the repository's name, without its owner",
  FORGE_ISSUE_NUMBER: "set it to the number of the issue to work on",
}

/** The token itself, or else the file that contains it. An error names the variable that is wrong. */
const readToken: Effect.Effect<Redacted.Redacted, ForgeConfigInvalid> = Effect.gen(function* () {
  const file = yield* optional("FORGE_GITEA_TOKEN_FILE", () => undefined)
  const given = yield* optional("FORGE_GITEA_TOKEN", tokenProblem)
  if (given !== undefined) return Redacted.make(given)
  if (file === undefined) return Redacted.make(yield* required("FORGE_GITEA_TOKEN", tokenProblem))
  const variable = "FORGE_GITEA_TOKEN_FILE"
  const text = yield* Effect.tryPromise({
    try: (signal) => readFile(file, { encoding: "utf8", signal }),
    catch: () => new ForgeConfigInvalid({ variable, reason: "names a file that cannot be read" }),
  })
  const problem = text.trim() === "" ? "names a file that is empty" : tokenProblem(text.trim())
  return problem === undefined
    ? Redacted.make(text.trim())
    : yield* new ForgeConfigInvalid({ variable, reason: problem })
})

/** A token is sent in a header, where anything but visible ASCII is an injection or a mistake. */
const tokenProblem: Problem = (value) =>
  /^[\x21-\x7e]{1,4096}$/.test(value)
    ? undefined
    : "does not hold a token: one word of visible ASCII characters"

const nameProblem: Problem = (value) =>
  isForgeName(value)
    ? undefined
    : "is not a name on the forge: letters, digits, '-', '_' and '.' only, no slash"

const numberProblem: Problem = (value) =>
  /^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value))
    ? undefined
    : "must be a positive whole number"

const apiUrlProblem: Problem = (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return "is not an http or https URL"
  }
  if (url.username !== "" || url.password !== "")
    return "must not hold a user or a password: set FORGE_GITEA_TOKEN"
  if (url.search !== "" || url.hash !== "" || !/\/api\/v1\/?$/.test(url.pathname)) {
    return "must end with /api/v1, such as https://git.example.org/api/v1"
  }
  return Option.isSome(forgeAddress(value))
    ? undefined
    : "must not hold a user, a password, a query or a fragment: set FORGE_GITEA_TOKEN"
}

/** The web address of a Gitea: its API is below that. */
export const webUrl = (apiUrl: string): string => apiUrl.replace(/\/+$/, "").replace(/\/api\/v1$/, "")

/** Whether Gitea allows a user, an organisation or a repository of that name, so that it is safe in a path. */
export const isForgeName = (name: string): boolean =>
  /^[A-Za-z0-9._-]{1,100}$/.test(name) && !/^\.+$/.test(name)
