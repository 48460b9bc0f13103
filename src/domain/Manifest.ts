/** The schemas of agent manifests and bottle manifests, and how several bottles merge. */
import { Duration, Option, Schema } from "effect"
import { RequestKind } from "./AgentRequest.ts"
import { durationOf } from "./durationOf.ts"
import { expecting, required } from "./expecting.ts"
import { GitEntry, GitRef, renamed } from "./ManifestGit.ts"
import { isPassableHeader, PASSABLE_HEADER_RULE } from "./RoutePasses.ts"
import { SECRET_SOURCE_RULE, SecretSource } from "./SecretSource.ts"
import { ALLOWED_HOST_RULE, isAllowedHost } from "./AllowList.ts"

/** How an agent program is run. */
export const ProviderName = Schema.Literal("claude", "codex", "pi", "command").annotations(
  expecting("claude, codex, pi or command"),
)
/** How an agent program is run. */
export type ProviderName = typeof ProviderName.Type

/** The rule of {@link ManifestName}, for messages. */
export const MANIFEST_NAME_RULE =
  "a name starts with a letter or a digit, has only letters, digits, '.', '_' and '-', and at most 100 characters"

/** File name of a manifest without its extension: `[A-Za-z0-9][A-Za-z0-9._-]*`, so that it never leaves its folder. */
export const ManifestName = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { message: () => MANIFEST_NAME_RULE }),
)

const Texts = Schema.Array(Schema.String).annotations({ title: "a list of texts" })

/** The front matter of `agents/<name>.md`. */
export const AgentFrontMatter = Schema.Struct({
  provider: required(ProviderName, "claude, codex, pi or command"),
  /** Default bottle; absent or empty: none. */
  bottle: Schema.optional(Schema.NullOr(Schema.String)),
  model: Schema.optional(Schema.String),
  /** The agent's model is paid for by a subscription of the operator's account, not by an API key. */
  login: Schema.optional(Schema.Literal("subscription").annotations(expecting("subscription"))),
  description: Schema.optional(Schema.String),
  /** The argv of the provider `command`. */
  command: Schema.optional(
    Schema.NonEmptyArray(Schema.String.pipe(Schema.pattern(/^[^\0]+$/))).annotations(
      expecting('a list of texts that are not empty, such as ["sh", "run.sh"]'),
    ),
  ),
}).annotations({ title: "a map of keys" })

/** An agent: the program that works in a bottle. */
export interface AgentManifest {
  readonly name: string
  readonly provider: ProviderName
  readonly bottle: Option.Option<string>
  readonly model: Option.Option<string>
  /** Only for `claude` and `codex`: its model is paid for by a subscription. Absent: by an API key. */
  readonly login?: "subscription"
  readonly description: Option.Option<string>
  /** Present only when the provider is `command`. */
  readonly command: Option.Option<readonly [string, ...ReadonlyArray<string>]>
  /** The Markdown body. */
  readonly systemPrompt: string
}

/** An amount of memory or disk: bytes, or a number with `k`, `m`, `g` (powers of 1024, as in docker). */
export const ByteSize = Schema.Union(
  Schema.Number.pipe(Schema.int(), Schema.positive()),
  Schema.String.pipe(Schema.pattern(/^[1-9]\d{0,11}[kmg]?b?$/i)),
).annotations({ message: () => ({ message: "expected a size such as 512m or 2g", override: true }) })

/** Bytes of a {@link ByteSize}. */
export const bytesOf = (size: typeof ByteSize.Type): number => {
  if (typeof size === "number") return size
  const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[size.toLowerCase().replace(/[\db]/g, "")] ?? 1
  return Number.parseInt(size, 10) * unit
}

const isSpan = (duration: Duration.Duration) =>
  Duration.isFinite(duration) && Duration.greaterThan(duration, Duration.zero)

const DurationText = Schema.String.pipe(
  Schema.filter((text) => Option.exists(durationOf(text), isSpan), {
    message: () => "expected a duration such as 30 minutes or 1h30m",
  }),
)

/** Limits of a bottle. */
export const Limits = Schema.Struct({
  cpus: Schema.optional(Schema.Finite.pipe(Schema.positive())),
  memory: Schema.optional(ByteSize),
  pids: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
  disk: Schema.optional(ByteSize),
  /** How long a run may take. */
  timeout: Schema.optional(DurationText),
  /** How long a run may show no sign of life: no neck call and no output. */
  idleTimeout: Schema.optional(DurationText),
  /** Simultaneous connections to the neck. */
  connections: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.between(1, 4096))),
  /** Calls per second at the neck, with bursts of up to five times as many. */
  callRate: Schema.optional(Schema.Finite.pipe(Schema.between(0.1, 1_000_000))),
  /** How much a run may add to the operation log. */
  logBytes: Schema.optional(ByteSize),
  /** How much output of a run is kept and shown. */
  outputBytes: Schema.optional(ByteSize),
  /** How many comments a run may post. */
  comments: Schema.optional(Schema.NonNegativeInt),
  /** How many tokens the calls to models of a run may use, input and output. */
  tokens: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
  /** How much money they may cost, in US dollars. */
  cost: Schema.optional(Schema.Finite.pipe(Schema.positive())),
  /** How many calls to models a run may make. */
  calls: Schema.optional(Schema.NonNegativeInt),
}).annotations({ title: "a map of limits" })
/** Limits of a bottle. */
export type Limits = typeof Limits.Type

const Port = Schema.Number.pipe(Schema.int(), Schema.between(1, 65535)).annotations(
  expecting("a port from 1 to 65535"),
)

const AllowedHost = Schema.String.annotations({ title: "a host" }).pipe(
  Schema.filter(isAllowedHost, { message: () => `expected ${ALLOWED_HOST_RULE}`, title: "a host" }),
)

/** A host that the neck allows. */
export const EgressEntry = Schema.Union(
  AllowedHost,
  Schema.Struct({
    host: required(AllowedHost, "a host such as api.example.com"),
    port: Schema.optional(Port),
    private: Schema.optional(Schema.Boolean),
    tls: Schema.optional(Schema.Boolean),
  }).annotations({ title: "{host, port?, private?, tls?}" }),
)

const PassedHeader = Schema.String.pipe(
  Schema.filter(isPassableHeader, { message: () => `expected ${PASSABLE_HEADER_RULE}` }),
)

const PassedParameter = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}&;=?#]+$/u)).annotations(
  expecting("the name of a parameter of the query"),
)

/** An upstream whose credential the sidecar adds. */
export const Route = Schema.Struct({
  upstream: required(Schema.String, "a URL"),
  header: required(Schema.String, "the name of the header that carries the secret"),
  scheme: Schema.optional(Schema.String),
  secret: required(SecretSource, SECRET_SOURCE_RULE),
  /** Other headers whose whole value is a secret, for services that identify a caller by more than one. */
  secretHeaders: Schema.optional(
    Schema.Record({ key: Schema.String, value: SecretSource }).annotations({
      title: "a map of sources of secrets by header",
    }),
  ),
  allow: Schema.optional(Texts),
  /** Headers of the agent that pass in addition to those known to be harmless. */
  headers: Schema.optional(Schema.Array(PassedHeader)),
  /** Query parameters that pass; in addition to the provider's, where the service is known. */
  query: Schema.optional(Schema.Array(PassedParameter)),
  private: Schema.optional(Schema.Boolean),
}).annotations({ title: "a map with upstream, header and secret" })

/** Names of routes and repositories are path segments at the neck. */
const named = <A, I>(value: Schema.Schema<A, I>, title: string) =>
  Schema.Record({ key: ManifestName.annotations({ title: MANIFEST_NAME_RULE }), value }).annotations({
    title,
  })

const PathText = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}]+$/u))

/** POSIX names, which a shell can set too. */
const EnvName = Schema.String.pipe(Schema.pattern(/^[A-Za-z_][A-Za-z0-9_]*$/)).annotations({
  title: "a name of letters, digits and '_' that starts with no digit",
})

const EnvValue = Schema.Union(
  Schema.String.pipe(Schema.filter((text) => !text.includes("\0"))),
  Schema.Finite,
  Schema.Boolean,
).annotations(expecting("a text without NUL, a number, true or false"))

/** What an image is built from: a folder, absolute or relative to the manifest's folder, and a Dockerfile relative to that folder. */
export const ImageBuild = Schema.Union(
  PathText,
  Schema.Struct({ context: required(PathText, "a folder"), dockerfile: Schema.optional(PathText) }),
).annotations(expecting("a folder with a Dockerfile, such as ./image, or {context, dockerfile?}"))

/** An {@link ImageBuild} in its long form. */
export const buildOf = (
  build: typeof ImageBuild.Type,
): { readonly context: string; readonly dockerfile?: string } => {
  if (typeof build === "string") return { context: build }
  const { context, dockerfile } = build
  return { context, ...(dockerfile !== undefined && { dockerfile }) }
}

/** `bottles/<name>.yaml`: everything but the agent. */
export const BottleManifest = Schema.Struct({
  image: Schema.optional(
    // An engine would take a leading dash for an option.
    Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9][^\s\p{Cc}]*$/u)).annotations(
      expecting("an image reference such as debian:stable-slim"),
    ),
  ),
  build: Schema.optional(ImageBuild),
  user: Schema.optional(
    Schema.Union(
      Schema.String.pipe(Schema.pattern(/^\w[\w.-]*(:\w[\w.-]*)?$/)),
      Schema.NonNegativeInt,
    ).annotations(expecting('a user such as 1000, "1000:1000" or a name')),
  ),
  workdir: Schema.optional(
    Schema.String.pipe(Schema.pattern(/^\/[^:,\p{Cc}]*$/u)).annotations(
      expecting('an absolute path without ":" and ",", such as /workspace'),
    ),
  ),
  env: Schema.optional(
    Schema.Record({ key: EnvName, value: EnvValue }).annotations({ title: "a map of variables" }),
  ),
  limits: Schema.optional(Limits),
  egress: Schema.optional(
    Schema.Struct({
      allow: required(Schema.Array(EgressEntry).annotations({ title: "a list of hosts" }), "a list of hosts"),
    }).annotations({ title: "{allow: [...]}" }),
  ),
  /** What an agent may ask a person for. */
  approvals: Schema.optional(
    Schema.Array(
      RequestKind.annotations(expecting("egress, protected_path, budget or question")),
    ).annotations({ title: "a list of kinds of requests" }),
  ),
  routes: Schema.optional(named(Route, "a map of routes by name")),
  git: Schema.optional(named(GitEntry, "a map of repositories by name")),
  workspace: Schema.optional(
    Schema.Struct({
      git: required(Schema.String, "a name of the map git"),
      ref: Schema.optional(GitRef),
    }).annotations({ title: "{git: NAME, ref?}" }),
  ),
  backend: Schema.optional(Schema.NonEmptyString),
  verify: Schema.optional(Schema.Literal("required").annotations(expecting("required"))),
}).annotations({ title: "a map of keys" })
/** `bottles/<name>.yaml`: everything but the agent. */
export type BottleManifest = typeof BottleManifest.Type

/**
 * Merges several bottles in order: maps merge by key, lists concatenate without duplicates, and the last scalar wins. Alternatives are
 * never mixed: `secret`, `key` and `workspace` are the last one's as a whole, an `image` replaces an earlier `build`, and `forge` in a
 * repository replaces an earlier `url` with its key, and the reverse.
 */
export const mergeBottles = (bottles: ReadonlyArray<BottleManifest>): BottleManifest =>
  bottles.reduce<BottleManifest>((merged, next) => {
    const { image: _image, build: _build, ...rest } = merged
    const replacesImage = next.image !== undefined || next.build !== undefined
    const before = replacesImage ? rest : merged
    const named = { ...before, ...(before.git !== undefined && { git: renamed(before.git, next.git) }) }
    const into = next.workspace === undefined ? named : { ...named, workspace: undefined }
    return mergeValues(into, next, MERGED_LEVELS) as BottleManifest
  }, {})

type PlainMap = Readonly<Record<string, unknown>>

const isMap = (value: unknown): value is PlainMap =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The manifest, its maps, and their entries merge; a map inside an entry is one alternative. */
const MERGED_LEVELS = 3

const mergeValues = (into: unknown, next: unknown, levels: number): unknown =>
  Array.isArray(into) && Array.isArray(next)
    ? withoutRepeats([...into, ...next])
    : levels > 0 && isMap(into) && isMap(next)
      ? mergeMaps(into, next, levels)
      : next

/** Uses a Map and `Object.fromEntries`, so that a key such as `__proto__` stays a key. */
const mergeMaps = (into: PlainMap, next: PlainMap, levels: number): PlainMap => {
  const merged = new Map(Object.entries(into))
  for (const [key, value] of Object.entries(next)) {
    if (value !== undefined) merged.set(key, mergeValues(merged.get(key), value, levels - 1))
  }
  return Object.fromEntries(merged)
}

const withoutRepeats = (items: ReadonlyArray<unknown>): ReadonlyArray<unknown> => [
  ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
]
