/** A repository behind the git gate: its address, its credential, and the git configuration that they require. */
import { Either, Redacted, Schema } from "effect"
import { createHash } from "node:crypto"
import { longGitUrl } from "../../domain/ForgeRepository.ts"
import { type Host, readHost } from "../../domain/Hosts.ts"
import { PushAfter } from "../../domain/ManifestGit.ts"
import { PROTECTED_PATHS, pushPatterns } from "../../domain/PushPolicy.ts"
import { isPublicAddress } from "../outside/addresses.ts"
import { bracketed } from "../outside/destination.ts"

const Texts = Schema.Array(Schema.String)

/** A repository in a sidecar's document. */
export const GitPart = Schema.Struct({
  name: Schema.String,
  /** `https://host/path.git`, or `ssh://user@host/path.git` (also as `user@host:path.git`). */
  url: Schema.String,
  /** For https: a token, sent as the password. Absent: no authentication. With `deployKey`: the token that registers the key. */
  credential: Schema.optional(Schema.Redacted(Schema.String)),
  /** For ssh: the private key file, and the host key's line in `known_hosts`. */
  identityFile: Schema.optional(Schema.String),
  knownHost: Schema.optional(Schema.String),
  /** For ssh: the repository of the run's forge at which this sidecar registers its own key, which is then the `identityFile`. */
  deployKey: Schema.optional(
    Schema.Struct({ owner: Schema.String, repo: Schema.String, readOnly: Schema.Boolean }),
  ),
  /** Refs that may be pushed; the bottle's own branch unless given. */
  push: Schema.optional(Texts),
  /** Replaces the default. */
  protectedPaths: Schema.optional(Texts),
  /** Branch, tag or commit that defines the protected paths for refs without a pull request; the default branch unless given. */
  base: Schema.optional(Schema.String),
  private: Schema.optional(Schema.Boolean),
  /** Pushes wait until a trusted person has approved the agent's plan on the run's issue. */
  pushAfter: Schema.optional(PushAfter),
})
/** A repository in a sidecar's document. */
export type GitPart = typeof GitPart.Type

/** A repository that can be served. */
export interface Upstream {
  readonly name: string
  readonly url: string
  readonly protocol: string
  readonly host: Host
  readonly port: number
  /** Whether its address may be one that is not public. */
  readonly private: boolean
  readonly push: ReadonlyArray<string>
  readonly protectedPaths: ReadonlyArray<string>
  /** The operator's base; absent: the default branch. */
  readonly base: string | undefined
  /** What pushes wait for; absent: nothing. */
  readonly pushAfter: PushAfter | undefined
  /** ID of its object store: the same for the same URL and credential. */
  readonly key: string
  /** What git needs to reach it. */
  readonly config: ReadonlyArray<readonly [string, string]>
  readonly knownHost: string | undefined
  readonly identityFile: string | undefined
  /** The credential for it, or for registering its deploy key. */
  readonly credential: Redacted.Redacted | undefined
  /** Where to register this sidecar's own key, which is then the `identityFile`. */
  readonly deployKey: GitPart["deployKey"]
}

/** Repository names are path segments. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** Whether a path can be written in ssh's command line and configuration. */
export const isPlainPath = (path: string): boolean => !/["\\$`\n]/.test(path)

/** Parses a repository of a document. Left: which key is wrong and what was expected, never a credential. */
export const readUpstream = (slug: string, part: GitPart): Either.Either<Upstream, string> =>
  Either.gen(function* () {
    yield* demand(NAME.test(part.name), "name: must be letters, digits, '.', '_' and '-'")
    yield* demand(!part.name.endsWith(".git"), "name: must not end with .git")
    const url = yield* readUrl(part)
    const { protocol } = url
    const secret = part.credential === undefined ? "" : Redacted.value(part.credential)
    yield* demand(/^[\x21-\x7e]*$/.test(secret), "credential: must be one word of plain text")
    yield* demand(
      protocol !== "ssh:" ||
        ((part.identityFile ?? part.deployKey) !== undefined && part.knownHost !== undefined),
      "identityFile: ssh needs it, and knownHost",
    )
    yield* demand(part.deployKey === undefined || protocol === "ssh:", "deployKey: is for ssh")
    yield* demand(isPlainPath(part.identityFile ?? ""), "identityFile: must be a plain path")
    yield* demand(!/[\0\r\n]/.test(part.knownHost ?? ""), "knownHost: must be one line of a known_hosts file")
    const basic = Buffer.from(`bot-bottle:${secret}`).toString("base64")
    return {
      name: part.name,
      url: url.text,
      protocol,
      host: url.host,
      port: url.port,
      private: part.private === true,
      push: part.push ?? pushPatterns(slug),
      protectedPaths: part.protectedPaths ?? PROTECTED_PATHS,
      base: part.base,
      pushAfter: part.pushAfter,
      key: createHash("sha256")
        // Deploy keys come and go with sidecars. They can see the same as the token that registers them.
        .update(
          `${url.text}\0${secret}\0${part.deployKey === undefined ? (part.identityFile ?? "") : "deploy key"}`,
        )
        .digest("hex")
        .slice(0, 32),
      config:
        secret === "" || protocol === "ssh:"
          ? []
          : [[`http.${url.text}.extraHeader`, `Authorization: Basic ${basic}`] as const],
      knownHost: part.knownHost,
      identityFile: part.identityFile,
      credential: part.credential,
      deployKey: part.deployKey,
    }
  })

interface ReadUrl {
  readonly text: string
  readonly protocol: string
  readonly host: Host
  readonly port: number
}

const readUrl = (part: GitPart): Either.Either<ReadUrl, string> =>
  Either.gen(function* () {
    const text = longGitUrl(part.url)
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^(?:https?|ssh):$/.test(url.protocol) || /[^\x21-\x7e]/.test(text))
      return yield* Either.left("url: must be a URL such as https://git.example.com/ada/cellar.git")
    const isSsh = url.protocol === "ssh:"
    yield* demand(
      url.password === "" && url.search === "" && url.hash === "" && (isSsh || url.username === ""),
      "url: must be without password, query and fragment, and over https without user",
    )
    const isPrivate = part.private === true
    yield* demand(url.protocol !== "http:" || isPrivate, "url: plain http needs private: true")
    const host = yield* Either.fromOption(readHost(url.hostname), () => "url: is not one of a host")
    yield* demand(!host.text.startsWith("-") && !url.username.startsWith("-"), "url: is not one of a host")
    // git, curl and ssh read it too, each in its own way.
    yield* demand(
      hostAsWritten(text) === bracketed(host),
      `url: the host must be written as ${bracketed(host)}, and nothing else before it than a user`,
    )
    yield* demand(
      isPrivate || host.kind === "name" || isPublicAddress(host.text),
      "url: a private address needs private: true",
    )
    const port = Number(url.port || PORTS[url.protocol])
    return { text, protocol: url.protocol, host, port }
  })

const PORTS: Readonly<Record<string, number>> = { "https:": 443, "http:": 80, "ssh:": 22 }

const hostAsWritten = (url: string): string | undefined =>
  /^[a-z]+:\/\/(?:[\w.-]+@)?(\[[^\]]*\]|[\w.-]+)(?::\d+)?(?:\/|$)/i.exec(url)?.[1]?.toLowerCase()

const demand = (holds: boolean, problem: string): Either.Either<void, string> =>
  holds ? Either.void : Either.left(problem)

/** All repositories of a document, by name. Left: the first problem, with its place. */
export const readUpstreams = (
  slug: string,
  parts: ReadonlyArray<GitPart>,
): Either.Either<ReadonlyMap<string, Upstream>, string> =>
  Either.gen(function* () {
    const upstreams = new Map<string, Upstream>()
    for (const [at, part] of parts.entries()) {
      const upstream = yield* Either.mapLeft(readUpstream(slug, part), (problem) => `git.${at}.${problem}`)
      yield* demand(!upstreams.has(upstream.name), `git.${at}.name: appears twice`)
      upstreams.set(upstream.name, upstream)
    }
    return upstreams
  })
