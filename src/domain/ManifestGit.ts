/** The schema of a repository behind the git gate: named by an address, or the run's own repository. */
import { Schema } from "effect"
import { expecting } from "./expecting.ts"

const Texts = Schema.Array(Schema.String).annotations({ title: "a list of texts" })

/** A branch, tag or commit that any git of the gate accepts and that cannot be taken for an option. */
export const GitRef = Schema.String.pipe(
  Schema.pattern(/^[^-/\0-\x20\x7f~^:?*[\\][^\0-\x20\x7f~^:?*[\\]{0,243}$/),
).annotations(expecting("a branch, a tag or a commit"))

/** What pushes wait for: a trusted person's approval of the agent's plan. */
export const PushAfter = Schema.Literal("approval").annotations(expecting("approval"))
/** What pushes wait for. */
export type PushAfter = typeof PushAfter.Type

const GIT_KEY_RULE = "{provider: gitea} or {identityFile: PATH}"

const KeyOfManifest = Schema.Union(
  Schema.Struct({ provider: Schema.Literal("gitea") }),
  Schema.Struct({ identityFile: Schema.String }),
).annotations(expecting(GIT_KEY_RULE))

const GitFields = Schema.Struct({
  url: Schema.optional(Schema.String),
  /** In place of `url` and `key`: the run's own repository on its forge, with the run's token. */
  forge: Schema.optional(Schema.Literal(true).annotations(expecting("true"))),
  key: Schema.optional(KeyOfManifest),
  knownHost: Schema.optional(Schema.String),
  push: Schema.optional(Texts),
  protectedPaths: Schema.optional(Texts),
  base: Schema.optional(GitRef),
  private: Schema.optional(Schema.Boolean),
  pushAfter: Schema.optional(PushAfter),
})

type GitFields = typeof GitFields.Type

/** The key of a repository: the token of the run's forge, a deploy key of the run, or a key file. */
export type GitKey = { readonly provider: "gitea" } | { readonly identityFile: string }

/** Settings of a repository at the gate, however it is named. */
export interface GitRules {
  readonly push?: ReadonlyArray<string> | undefined
  readonly protectedPaths?: ReadonlyArray<string> | undefined
  readonly base?: string | undefined
  readonly private?: boolean | undefined
  readonly pushAfter?: PushAfter | undefined
}

/** A repository behind the git gate, by its address. */
export interface GitUpstream extends GitRules {
  readonly url: string
  readonly forge?: undefined
  readonly key: GitKey
  readonly knownHost?: string | undefined
}

/** The run's own repository: its address, credential and base come from the run. */
export interface OwnRepository extends GitRules {
  readonly forge: true
  readonly url?: undefined
  readonly key?: { readonly provider: "gitea" } | undefined
  readonly knownHost?: undefined
}

/** The first problem in how an entry names its repository. */
const namingProblem = ({ url, forge, key, knownHost }: GitFields) => {
  const problem = (field: string, message: string) => ({ path: [field], message })
  if (forge === undefined) {
    return url === undefined
      ? problem(
          "url",
          "is missing: expected the repository's URL, or forge: true for the run's own repository",
        )
      : key === undefined
        ? problem("key", `is missing: expected ${GIT_KEY_RULE}`)
        : undefined
  }
  const own = "forge: true names the run's own repository, whose address and token come from the run"
  return url !== undefined
    ? problem("url", `expected no url together with forge: ${own}`)
    : knownHost !== undefined
      ? problem("knownHost", `expected no knownHost together with forge: ${own}`)
      : key !== undefined && "identityFile" in key
        ? problem("key", `expected no key of your own together with forge: ${own}`)
        : undefined
}

/** A repository behind the git gate: named by an address, or the run's own repository. */
export const GitEntry = GitFields.pipe(
  Schema.filter(namingProblem),
  Schema.filter((entry): entry is GitUpstream | OwnRepository => namingProblem(entry) === undefined),
).annotations({ title: "a map with url and key, or with forge: true" })

/** The repositories of a manifest by name. */
export type ManifestGit = Readonly<Record<string, typeof GitEntry.Type>>

/** Removes the naming of a repository from entries where the next bottle names it in the other way. */
export const renamed = (before: ManifestGit, next: ManifestGit = {}): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(before).map(([name, entry]) => {
      const { url: _, forge, key: __, knownHost: ___, ...rules } = entry
      const isRenamed = Object.hasOwn(next, name) && next[name]?.forge !== forge
      return [name, isRenamed ? rules : entry]
    }),
  )
