/** What an operator writes down: agent manifests and bottle manifests, and how several bottles merge. */
import { Duration, Option, Schema } from "effect"

/** How an agent program is run. */
export const ProviderName = Schema.Literal("claude", "codex", "pi", "command")
/** How an agent program is run. */
export type ProviderName = typeof ProviderName.Type

/** File name of a manifest without its ending: `[A-Za-z0-9][A-Za-z0-9._-]*`, so that it never leaves its folder. */
export const ManifestName = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
    message: () => "a manifest's name has only letters, digits, '.', '_' and '-'",
  }),
)

/** The front matter of `agents/<name>.md`. */
export const AgentFrontMatter = Schema.Struct({
  provider: ProviderName,
  /** Default bottle; absent or empty: none. */
  bottle: Schema.optional(Schema.NullOr(Schema.String)),
  model: Schema.optional(Schema.String),
  description: Schema.optional(Schema.String),
  /** For the provider `command`: its argv. */
  command: Schema.optional(Schema.NonEmptyArray(Schema.String)),
})

/** An agent: what works in a bottle. */
export interface AgentManifest {
  readonly name: string
  readonly provider: ProviderName
  readonly bottle: Option.Option<string>
  readonly model: Option.Option<string>
  readonly description: Option.Option<string>
  /** Present exactly when the provider is `command`. */
  readonly command: Option.Option<readonly [string, ...ReadonlyArray<string>]>
  /** The Markdown body. */
  readonly systemPrompt: string
}

/** An amount of memory or disk: bytes, or a number with `k`, `m`, `g` (powers of 1024, as docker has it). */
export const ByteSize = Schema.Union(
  Schema.Number.pipe(Schema.int(), Schema.positive()),
  Schema.String.pipe(Schema.pattern(/^[1-9]\d*[kmg]?b?$/i)),
).annotations({ message: () => ({ message: "expected a size such as 512m or 2g", override: true }) })

/** Bytes of a {@link ByteSize}. */
export const bytesOf = (size: typeof ByteSize.Type): number => {
  if (typeof size === "number") return size
  const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[size.toLowerCase().replace(/[\db]/g, "")] ?? 1
  return Number.parseInt(size, 10) * unit
}

const DurationText = Schema.String.pipe(
  Schema.filter((text) => Option.isSome(Duration.decodeUnknown(text)), {
    message: () => "expected a duration such as 30 minutes",
  }),
)

/** What a bottle may use. */
export const Limits = Schema.Struct({
  cpus: Schema.optional(Schema.Number.pipe(Schema.positive())),
  memory: Schema.optional(ByteSize),
  pids: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
  disk: Schema.optional(ByteSize),
  /** How long a run may take. */
  timeout: Schema.optional(DurationText),
  /** How long a run may give no sign of life: no neck call, no output. */
  idleTimeout: Schema.optional(DurationText),
})
/** What a bottle may use. */
export type Limits = typeof Limits.Type

const Port = Schema.Number.pipe(Schema.int(), Schema.between(1, 65535))

/** A host that the neck lets through. */
export const EgressEntry = Schema.Union(
  Schema.String,
  Schema.Struct({
    host: Schema.String,
    port: Schema.optional(Port),
    private: Schema.optional(Schema.Boolean),
    tls: Schema.optional(Schema.Boolean),
  }),
)

/** An upstream whose credential the sidecar adds. */
export const Route = Schema.Struct({
  upstream: Schema.String,
  header: Schema.String,
  scheme: Schema.optional(Schema.String),
  secret: Schema.Union(Schema.Struct({ env: Schema.String }), Schema.Struct({ file: Schema.String })),
  allow: Schema.optional(Schema.Array(Schema.String)),
  private: Schema.optional(Schema.Boolean),
})

/** A repository behind the git gate. */
export const GitUpstream = Schema.Struct({
  url: Schema.String,
  key: Schema.Union(
    Schema.Struct({ provider: Schema.Literal("gitea") }),
    Schema.Struct({ identityFile: Schema.String }),
  ),
  knownHost: Schema.optional(Schema.String),
  push: Schema.optional(Schema.Array(Schema.String)),
  protectedPaths: Schema.optional(Schema.Array(Schema.String)),
  private: Schema.optional(Schema.Boolean),
})

const record = <A, I>(value: Schema.Schema<A, I>) => Schema.Record({ key: Schema.String, value })

/** `bottles/<name>.yaml`: everything but the agent. */
export const BottleManifest = Schema.Struct({
  image: Schema.optional(Schema.String),
  build: Schema.optional(Schema.String),
  user: Schema.optional(Schema.Union(Schema.String, Schema.Number)),
  workdir: Schema.optional(Schema.String.pipe(Schema.pattern(/^\/[^:]*$/))),
  env: Schema.optional(record(Schema.Union(Schema.String, Schema.Number, Schema.Boolean))),
  limits: Schema.optional(Limits),
  egress: Schema.optional(Schema.Struct({ allow: Schema.Array(EgressEntry) })),
  routes: Schema.optional(record(Route)),
  git: Schema.optional(record(GitUpstream)),
  workspace: Schema.optional(Schema.Struct({ git: Schema.String, ref: Schema.optional(Schema.String) })),
  backend: Schema.optional(Schema.String),
  verify: Schema.optional(Schema.Literal("required")),
})
/** `bottles/<name>.yaml`: everything but the agent. */
export type BottleManifest = typeof BottleManifest.Type

/** Several bottles as one, in order: maps merge by key, lists concatenate without repeats, of scalars the last wins. */
export const mergeBottles = (bottles: ReadonlyArray<BottleManifest>): BottleManifest =>
  bottles.reduce<unknown>((merged, next) => merge(merged, next), {}) as BottleManifest

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const merge = (into: unknown, next: unknown): unknown => {
  if (next === undefined) return into
  if (Array.isArray(into) && Array.isArray(next)) {
    const seen = new Set<string>()
    return [...into, ...next].filter((item) => {
      const key = JSON.stringify(item)
      return seen.has(key) ? false : seen.add(key)
    })
  }
  if (!isMap(into) || !isMap(next)) return next
  const merged: Record<string, unknown> = { ...into }
  for (const [key, value] of Object.entries(next))
    merged[key] = key in merged ? merge(merged[key], value) : value
  return merged
}
