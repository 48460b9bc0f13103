/** Makes the orchestrator's configuration from parsed YAML and environment variables, checked key by key. */
import { Duration, Effect, Option } from "effect"
import { ManifestInvalid } from "../Errors.ts"
import { decodeStrictly } from "../ManifestFile.ts"
import { Configuration } from "./Configuration.ts"
import type { RepositorySettings } from "./Configuration.ts"
import type { LifeSettings } from "./LifeSettings.ts"
import { SECRET_SOURCE_RULE } from "../SecretSource.ts"
import { repositoryEntry } from "./RepositoryPattern.ts"

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>

/** How the value of each variable is parsed. */
export const VARIABLE_PREFIX = "BOT_BOTTLE_ORCHESTRATOR_"

/** `json`: a map, a list or a number. `secret`: the variable holds the secret or, with the suffix `_FILE`, the path of a file that does. */
type Kind = "text" | "json" | "secret"

/**
 * Keys that variables can set, with how their values are parsed. The name is `BOT_BOTTLE_ORCHESTRATOR_` and the key in capitals:
 * `FORGE_TRUST_ORG`.
 */
const KEYS: ReadonlyArray<readonly [path: string, kind: Kind]> = [
  ["forge.api", "text"],
  ["forge.token", "secret"],
  ["forge.org", "text"],
  ["forge.trustOrg", "text"],
  ["forge.closingKeywords", "json"],
  ["forge.accounts", "json"],
  ["repositories", "json"],
  ["listen", "text"],
  ["publicUrl", "text"],
  ["webhook.secret", "secret"],
  ["sweep", "text"],
  ["settle", "text"],
  ["resumeOn", "text"],
  ["ciFeedback", "json"],
  ["onConflict", "text"],
  ["acknowledge", "text"],
  ["closeGrace", "text"],
  ["watchdog", "text"],
  ["frozen.expire", "text"],
  ["limits.running", "json"],
  ["limits.perRepository", "json"],
  ["limits.perOrganisation", "json"],
  ["budgets.timeZone", "text"],
  ["budgets.day", "json"],
  ["budgets.issue", "json"],
  ["notify", "json"],
  ["operators", "json"],
  ["retention.provenance", "text"],
  ["retention.output", "text"],
]

const variableOf = (path: string): string =>
  VARIABLE_PREFIX +
  path
    .replaceAll(/([A-Z])/g, "_$1")
    .replaceAll(".", "_")
    .toUpperCase()

/** The names of all variables, with the key that each sets. */
export const configurationVariables: ReadonlyArray<readonly [variable: string, key: string]> = KEYS.flatMap(
  ([path, kind]) => [
    [variableOf(path), path] as const,
    ...(kind === "secret" ? [[`${variableOf(path)}_FILE`, path] as const] : []),
  ],
)

/**
 * The configuration from a file (its parsed YAML; `null` when it is empty or absent) and from variables, which take precedence. Fails
 * with the file or the variable, the key, and what was expected there. Never quotes a value.
 */
export const decodeConfiguration = (
  file: string,
  value: unknown,
  variables: Variables = {},
): Effect.Effect<Configuration, ManifestInvalid> =>
  Effect.gen(function* () {
    yield* knownVariables(variables)
    const set = yield* Effect.all(KEYS.map(([path, kind]) => given(path, kind, variables)))
    const found = set.flatMap(Option.toArray)
    const whole = found.reduce<unknown>(
      (into, { path, value }) => put(into, path.split("."), value),
      value ?? {},
    )
    const decoded = yield* decodeStrictly(file, Configuration, whole).pipe(
      Effect.mapError((error) => byVariable(error, found)),
    )
    yield* distinctNames(file, "repositories", decoded.repositories)
    yield* distinctNames(file, "forge.accounts", decoded.forge.accounts)
    yield* signedNotices(file, decoded)
    return decoded
  })

interface Given {
  readonly path: string
  readonly variable: string
  readonly value: unknown
}

const given = (
  path: string,
  kind: Kind,
  variables: Variables,
): Effect.Effect<Option.Option<Given>, ManifestInvalid> => {
  const variable = variableOf(path)
  const text = variables[variable]
  const file = kind === "secret" ? variables[`${variable}_FILE`] : undefined
  if (text !== undefined && file !== undefined)
    return new ManifestInvalid({
      file: variable,
      key: path,
      expected: `either ${variable} or ${variable}_FILE, not both`,
    })
  if (file !== undefined) return Effect.succeedSome({ path, variable: `${variable}_FILE`, value: { file } })
  if (text === undefined) return Effect.succeedNone
  if (kind === "secret") return Effect.succeedSome({ path, variable, value: { env: variable } })
  if (kind === "text") return Effect.succeedSome({ path, variable, value: text })
  return Effect.mapBoth(
    Effect.try((): unknown => JSON.parse(text)),
    {
      onFailure: () => new ManifestInvalid({ file: variable, key: path, expected: "expected JSON" }),
      onSuccess: (value) => Option.some({ path, variable, value }),
    },
  )
}

/** A misspelt variable would be ignored silently. */
const knownVariables = (variables: Variables): Effect.Effect<void, ManifestInvalid> => {
  const known = new Set(configurationVariables.map(([variable]) => variable))
  const other = Object.keys(variables).find(
    (name) => name.startsWith(VARIABLE_PREFIX) && variables[name] !== undefined && !known.has(name),
  )
  return other === undefined
    ? Effect.void
    : new ManifestInvalid({ file: other, key: "", expected: "unknown variable of the orchestrator" })
}

/** Sets a value at a path. If the file has no map there, the value is left for the schema to report. */
const put = (into: unknown, [key = "", ...rest]: ReadonlyArray<string>, value: unknown): unknown => {
  if (typeof into !== "object" || into === null || Array.isArray(into))
    return into === null ? put({}, [key, ...rest], value) : into
  const entries = new Map(Object.entries(into))
  entries.set(key, rest.length === 0 ? value : put(entries.get(key) ?? {}, rest, value))
  return Object.fromEntries(entries)
}

const byVariable = (error: ManifestInvalid, found: ReadonlyArray<Given>): ManifestInvalid => {
  const source = found.find(({ path }) => error.key === path || error.key.startsWith(`${path}.`))
  return source === undefined
    ? error
    : new ManifestInvalid({ file: source.variable, key: error.key, expected: error.expected })
}

/** Names are compared case-insensitively: of two that differ only in case, one would be ignored. */
const distinctNames = (
  file: string,
  key: string,
  entries: Readonly<Record<string, unknown>>,
): Effect.Effect<void, ManifestInvalid> => {
  const names = Object.keys(entries)
  const twice = names.find(
    (name, n) => names.findIndex((it) => it.toLowerCase() === name.toLowerCase()) !== n,
  )
  return twice === undefined
    ? Effect.void
    : new ManifestInvalid({
        file,
        key: `${key}.${twice}`,
        expected: "appears twice: names are compared without case",
      })
}

/** An unsigned message could come from anybody, and the receiver would take it for the orchestrator's. */
const signedNotices = (file: string, { notify }: Configuration): Effect.Effect<void, ManifestInvalid> => {
  const index = notify.findIndex(({ format, secret }) => format === "json" && secret === undefined)
  return index < 0
    ? Effect.void
    : new ManifestInvalid({
        file,
        key: `notify.${index}.secret`,
        expected: `is missing: json is signed, expected ${SECRET_SOURCE_RULE}`,
      })
}

/** Settings for one repository; none when it is not listed. */
export const repositorySettings = (
  { repositories }: Pick<Configuration, "repositories">,
  owner: string,
  repo: string,
): Option.Option<RepositorySettings> =>
  Option.map(repositoryEntry(repositories, owner, repo), ({ value }) => value ?? {})

/** The life-cycle settings of a repository, as `decide` takes them. */
export const lifeSettings = (
  configuration: Configuration,
  repository: RepositorySettings,
  { botLogin, paused }: Pick<LifeSettings, "botLogin" | "paused">,
): LifeSettings => ({
  paused,
  botLogin,
  ...(repository.agents !== undefined && { agents: repository.agents }),
  ...(repository.bottles !== undefined && { bottles: repository.bottles }),
  settle: Duration.toMillis(configuration.settle),
  resumeOn: configuration.resumeOn,
  ciFeedback: configuration.ciFeedback,
  onConflict: configuration.onConflict,
  closeGrace: Duration.toMillis(configuration.closeGrace),
  expire: Duration.toMillis(configuration.frozen.expire),
  watchdog: Duration.toMillis(configuration.watchdog),
})
