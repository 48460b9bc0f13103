/** The JSON document that `sidecar serve` reads on stdin: what one sidecar serves. */
import { Either, Effect, type ParseResult, Schema, Struct } from "effect"
import { RequestKind } from "../domain/AgentRequest.ts"
import { AssignedForge, Assignment } from "../domain/Assignment.ts"
import { RunUseLimits } from "../domain/Bottle.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { CustomTarget } from "../domain/ForgeTarget.ts"
import { EgressEntry } from "../domain/Manifest.ts"
import { Slug } from "../domain/Slug.ts"
import { SOCKET_PATH_MAX } from "../domain/Neck.ts"
import { PriceTable } from "../domain/usage/Prices.ts"
import { firstProblem } from "../domain/firstProblem.ts"
import { GitPart, type Upstream, isPlainPath, readUpstreams } from "./git/Upstream.ts"
import { type Route, RoutePart, readRoutes } from "./routes/Route.ts"
import { Settings } from "./SidecarSettings.ts"

/** Largest document in bytes. */
export const DOCUMENT_BYTES_MAX = 1024 * 1024

const AbsolutePath = Schema.String.pipe(Schema.pattern(/^\/[^\0]*$/))
const Texts = Schema.Array(Schema.String)

/** The forge part of the document as written: one object. */
const WrittenForge = Schema.Struct({
  /** The kind of forge. */
  kind: Schema.optionalWith(Schema.NonEmptyString, { default: () => "gitea" }),
  ...Struct.omit(CustomTarget.fields, "kind"),
  ...Struct.omit(Assignment.fields, "watchdog"),
  push: Schema.optional(Texts),
})

const ForgeParts = Schema.Struct({
  ...AssignedForge.fields,
  /** Refs that a pull request's head must match when no repository of `git` is the forge's own; the bottle's own branch unless given. */
  push: Schema.optional(Texts),
})

const FlatForge = Schema.transform(WrittenForge, Schema.typeSchema(ForgeParts), {
  strict: true,
  decode: ({ kind, apiUrl, owner, repo, token, push, ...assignment }) => ({
    target: { kind, apiUrl, owner, repo, token },
    assignment,
    ...(push !== undefined && { push }),
  }),
  encode: ({ target, assignment, push }) => ({
    ...target,
    ...Struct.omit(assignment, "watchdog"),
    ...(push !== undefined && { push }),
  }),
})
/** The forge part of the document. */
export interface ForgePart extends AssignedForge {
  readonly push?: ReadonlyArray<string> | undefined
}

/** The document. Paths are absolute. */
export const SidecarDocument = Schema.Struct({
  slug: Slug,
  socketPath: AbsolutePath,
  /** Absent: no control socket. */
  controlPath: Schema.optional(AbsolutePath),
  stateDir: AbsolutePath,
  /** The launcher has created the directories. If one is gone the bottle is too, and nothing is created or served. */
  made: Schema.optional(Schema.Boolean),
  /** Says which process leads the agent, if no forwarder keeps a connection: the sidecar serves while it is running. */
  supervisor: Schema.optional(AbsolutePath),
  /** Number of the run: its counts continue when its sidecar is relaunched. 1 unless given. */
  run: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
  /** The trace of the run: a line of the operation log names it. */
  traceparent: Schema.optional(Schema.String.pipe(Schema.pattern(/^[0-9a-f-]{55}$/))),
  /** Times and limits that differ from the defaults. */
  settings: Schema.optional(Settings),
  /** Limits at the neck, each with a default. */
  limits: Schema.optional(
    Schema.Struct({
      connections: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.positive())),
      callRate: Schema.optional(Schema.Finite.pipe(Schema.positive())),
      logBytes: Schema.optional(Schema.Finite.pipe(Schema.positive())),
      comments: Schema.optional(Schema.NonNegativeInt),
      ...RunUseLimits.fields,
    }),
  ),
  /** Prices of models in addition to the published ones, or in their place. */
  prices: Schema.optional(PriceTable),
  /** Absent: a run without a forge. */
  forge: Schema.optional(FlatForge),
  /** The kinds of requests that the agent may make; `question` alone unless given. */
  approvals: Schema.optional(Schema.Array(RequestKind)),
  egress: Schema.optional(Schema.Struct({ allow: Schema.Array(EgressEntry) })),
  routes: Schema.optional(Schema.Array(RoutePart)),
  git: Schema.optional(Schema.Array(GitPart)),
  /** Store of upstream objects for all bottles; below `stateDir` unless given. */
  gitStores: Schema.optional(AbsolutePath),
  /** For deploy keys: where they are recorded, and where their private keys are. */
  keys: Schema.optional(Schema.Struct({ ledger: AbsolutePath, directory: AbsolutePath })),
  /** Also serve a loopback port with a secret prefix, for the backend without isolation. */
  loopback: Schema.optional(Schema.Boolean),
})
/** The document. */
export type SidecarDocument = typeof SidecarDocument.Type

const parse = Schema.decodeUnknown(Schema.parseJson())
const decode = Schema.decodeUnknown(SidecarDocument, { onExcessProperty: "error" })

/** A document with parsed routes and repositories, by name. */
export interface ServedDocument extends Omit<SidecarDocument, "routes" | "git"> {
  readonly routes: ReadonlyMap<string, Route>
  readonly git: ReadonlyMap<string, Upstream>
}

/** Parses a document. Fails with one line that names the key, never its value. */
export const decodeDocument = Effect.fn("SidecarDocument.decode")(function* (text: string) {
  if (text.trim() === "") return yield* invalid("it is empty")
  if (Buffer.byteLength(text) > DOCUMENT_BYTES_MAX) return yield* invalid("it is larger than 1 MiB")
  const json = yield* Effect.catchAll(parse(text), () => invalid("it is not JSON"))
  const document = yield* Effect.catchAll(decode(json), (error) => invalid(problemOf(error)))
  return yield* Either.mapLeft(readDocument(document), invalid)
})

/** The text of a document, including secrets: it goes to the sidecar's stdin and nowhere else. */
export const encodeDocument: (document: SidecarDocument) => string = Schema.encodeSync(
  Schema.parseJson(SidecarDocument),
)

/** Checks what the schema cannot. Left: one line that names the key, never its value. */
export const readDocument = (document: SidecarDocument): Either.Either<ServedDocument, string> =>
  Either.gen(function* () {
    const git = yield* readUpstreams(document.slug, document.git ?? [])
    const routes = yield* readRoutes(document.routes ?? [])
    for (const key of ["socketPath", "controlPath"] as const) {
      const bytes = Buffer.byteLength(document[key] ?? "")
      if (bytes > SOCKET_PATH_MAX) {
        return yield* Either.left(
          `${key}: the path of a Unix socket has at most ${SOCKET_PATH_MAX} bytes, this one has ${bytes}; BOT_BOTTLE_RUN_DIR can name a shorter directory`,
        )
      }
    }
    const waits = [...git.values()].find(({ pushAfter }) => pushAfter !== undefined)
    if (waits !== undefined && document.forge === undefined)
      return yield* Either.left(`git: ${waits.name} has pushAfter, which needs a forge`)
    // ssh reads the files of keys that are registered there.
    if (!isPlainPath(document.keys?.directory ?? ""))
      return yield* Either.left("keys.directory: must be a plain path")
    return { ...document, git, routes }
  })

const invalid = (reason: string) => new InvalidInput({ field: "sidecar document", reason })

/** Where the first problem is, and what it is. */
const problemOf = (error: ParseResult.ParseError): string => {
  const { path, problem } = firstProblem(error)
  return path === "" ? "it must be a JSON object" : `${JSON.stringify(path).slice(1, -1)}: ${problem}`
}
