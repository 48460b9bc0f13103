/** What GiteaForge needs to know, and how it is read from FORGE_* variables. */
import { Config, ConfigProvider, Duration, Effect, Option, Redacted } from "effect"
import { readFile } from "node:fs/promises"
import { isClosingKeyword } from "../../domain/ClosingKeywords.ts"
import { ForgeConfigInvalid } from "../../domain/Errors.ts"
import { type ForgeEnv, OPENED_PR } from "../../services/Sidecar.ts"

/** How to reach one repository on a Gitea, and whose words count there. */
export interface GiteaForgeConfig {
  /** Base URL of the API, `/api/v1` included; a trailing slash does not matter. */
  readonly apiUrl: string
  readonly owner: string
  readonly repo: string
  readonly token: Redacted.Redacted
  /** Its members are trusted; the repository's owner unless given. */
  readonly trustOrg?: string | undefined
  /** The org of the bot accounts, whose members are never trusted; nobody is asked when absent. */
  readonly org?: string | undefined
  /** How long one request may take, answer included; 30 seconds unless given. */
  readonly requestTimeout?: Duration.DurationInput | undefined
  /** The largest answer that is read, in bytes; 16 MiB unless given. */
  readonly answerBytesMax?: number | undefined
}

/** What the run is about: the issue, and the PRs given with it. */
export interface ForgeAssignment {
  readonly issueNumber: number
  readonly prNumbers: ReadonlyArray<number>
  /** The PR that an earlier run reported to have opened; not the operator's word. */
  readonly openedPrs: ReadonlyArray<number>
}

/** The org of the bot accounts unless `FORGE_ORG` says otherwise. */
export const DEFAULT_FORGE_ORG = "bot-bottle"

/**
 * Reads `FORGE_GITEA_API`, `FORGE_GITEA_TOKEN` or `FORGE_GITEA_TOKEN_FILE`, `FORGE_OWNER`, `FORGE_REPO`, `FORGE_ORG`
 * and `FORGE_TRUST_ORG` from the current ConfigProvider. An empty value is a missing one.
 */
export const giteaForgeConfig: Effect.Effect<GiteaForgeConfig, ForgeConfigInvalid> = Effect.gen(function* () {
  const apiUrl = yield* required("FORGE_GITEA_API", apiUrlProblem)
  const token = yield* readToken
  const owner = yield* required("FORGE_OWNER", nameProblem)
  const repo = yield* required("FORGE_REPO", nameProblem)
  const org = yield* optional("FORGE_ORG", nameProblem)
  const trustOrg = yield* optional("FORGE_TRUST_ORG", nameProblem)
  return {
    apiUrl,
    owner,
    repo,
    token,
    org: org ?? DEFAULT_FORGE_ORG,
    ...(trustOrg === undefined ? {} : { trustOrg }),
  }
})

/** Reads `FORGE_ISSUE_NUMBER` and `FORGE_PR_NUMBER` (may be empty) from the current ConfigProvider. */
export const forgeAssignment: Effect.Effect<ForgeAssignment, ForgeConfigInvalid> = Effect.gen(function* () {
  const issueNumber = Number(yield* required("FORGE_ISSUE_NUMBER", numberProblem))
  const pr = yield* optional("FORGE_PR_NUMBER", numberProblem)
  const opened = yield* optional(OPENED_PR, numberProblem)
  return {
    issueNumber,
    prNumbers: pr === undefined ? [] : [Number(pr)],
    openedPrs: opened === undefined ? [] : [Number(opened)],
  }
})

const wordsOf = (value: string): ReadonlyArray<string> =>
  value
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")

/** Lets an effect that reads configuration read this map instead of the environment. */
export const withForgeEnv =
  (env: ForgeEnv) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withConfigProvider(effect, ConfigProvider.fromMap(plainText(env)))

const plainText = (env: ForgeEnv): Map<string, string> =>
  new Map(
    Object.entries(env).map(([name, value]) => [
      name,
      Redacted.isRedacted(value) ? Redacted.value(value) : value,
    ]),
  )

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

/** Reads `FORGE_CLOSING_KEYWORDS`: closing words that this Gitea's administrator added, with commas between. */
export const closingKeywords: Effect.Effect<ReadonlyArray<string>, ForgeConfigInvalid> = Effect.map(
  optional("FORGE_CLOSING_KEYWORDS", (value) =>
    wordsOf(value).every(isClosingKeyword)
      ? undefined
      : "must be words made of letters, separated by commas: Gitea ignores other keywords",
  ),
  (value) => (value === undefined ? [] : wordsOf(value)),
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

/** The token itself, else the file that holds it; the one that is wrong is named. */
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
  return undefined
}

/** Whether Gitea could have a user, an org or a repository of that name, so that it is safe in a path. */
export const isForgeName = (name: string): boolean =>
  /^[A-Za-z0-9._-]{1,100}$/.test(name) && !/^\.+$/.test(name)
