/** A repository behind the git gate, as a bottle's manifest names it: at an address, or the run's own. */
import { Schema } from "effect"
import { expecting } from "./expecting.ts"

const Texts = Schema.Array(Schema.String).annotations({ title: "a list of texts" })

/** What a git of the gate can take as a branch, a tag or a commit, without leading to an option. */
export const GitRef = Schema.String.pipe(
  Schema.pattern(/^[^-/\0-\x20\x7f~^:?*[\\][^\0-\x20\x7f~^:?*[\\]{0,243}$/),
).annotations(expecting("a branch, a tag or a commit"))

const GIT_KEY_RULE = "{provider: gitea} or {identityFile: PATH}"

const KeyOfManifest = Schema.Union(
  Schema.Struct({ provider: Schema.Literal("gitea") }),
  Schema.Struct({ identityFile: Schema.String }),
).annotations(expecting(GIT_KEY_RULE))

const GitFields = Schema.Struct({
  url: Schema.optional(Schema.String),
  /** Instead of `url` and `key`: the repository of the run itself, on its forge, with the token of the run. */
  forge: Schema.optional(Schema.Literal(true).annotations(expecting("true"))),
  key: Schema.optional(KeyOfManifest),
  knownHost: Schema.optional(Schema.String),
  push: Schema.optional(Texts),
  protectedPaths: Schema.optional(Texts),
  base: Schema.optional(GitRef),
  private: Schema.optional(Schema.Boolean),
})

type GitFields = typeof GitFields.Type

/** With which key a repository is reached: the token of the run's forge or a deploy key of the run, or a key file. */
export type GitKey = { readonly provider: "gitea" } | { readonly identityFile: string }

/** What holds at the gate for a repository, however it is named. */
export interface GitRules {
  readonly push?: ReadonlyArray<string> | undefined
  readonly protectedPaths?: ReadonlyArray<string> | undefined
  readonly base?: string | undefined
  readonly private?: boolean | undefined
}

/** A repository behind the git gate, by its address. */
export interface GitUpstream extends GitRules {
  readonly url: string
  readonly forge?: undefined
  readonly key: GitKey
  readonly knownHost?: string | undefined
}

/** The repository of the run itself: its address, credential and base come from the run. */
export interface OwnRepository extends GitRules {
  readonly forge: true
  readonly url?: undefined
  readonly key?: { readonly provider: "gitea" } | undefined
  readonly knownHost?: undefined
}

/** What is wrong with how an entry names its repository; the first problem alone. */
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
    ? problem("url", `expected no url beside forge: ${own}`)
    : knownHost !== undefined
      ? problem("knownHost", `expected no knownHost beside forge: ${own}`)
      : key !== undefined && "identityFile" in key
        ? problem("key", `expected no key of your own beside forge: ${own}`)
        : undefined
}

/** A repository behind the git gate: at an address, or the run's own. */
export const GitEntry = GitFields.pipe(
  Schema.filter(namingProblem),
  Schema.filter((entry): entry is GitUpstream | OwnRepository => namingProblem(entry) === undefined),
).annotations({ title: "a map with url and key, or with forge: true" })

/** The repositories of a manifest by name. */
export type ManifestGit = Readonly<Record<string, typeof GitEntry.Type>>

/** Entries without the name of their repository where the next bottle names it in the other way. */
export const renamed = (before: ManifestGit, next: ManifestGit = {}): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(before).map(([name, entry]) => {
      const { url: _, forge, key: __, knownHost: ___, ...rules } = entry
      const isRenamed = Object.hasOwn(next, name) && next[name]?.forge !== forge
      return [name, isRenamed ? rules : entry]
    }),
  )
