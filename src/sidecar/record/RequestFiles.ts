/**
 * RequestFiles stores requests of a bottle's agent and their decisions as files that are written once: `<id>.json`,
 * `<id>.decision.json`, `<id>.taken.json` and `<id>.used`. Several processes may write: the first file of a name stays.
 */
import { Effect, Option, Schema } from "effect"
import { join } from "node:path"
import {
  AgentRequest,
  type BottleRequest,
  RequestDecision,
  RequestId,
  RequestTaken,
} from "../../domain/AgentRequest.ts"
import {
  type FileFailure,
  createFile,
  ensureDirectory,
  namesIn,
  orElseOn,
  readBounded,
} from "../../files/files.ts"

/** The directory of a bottle's requests, in its state directory. */
export const REQUESTS_FOLDER = "requests"

const FILE_BYTES_MAX = 64 * 1024

const encoders = {
  request: Schema.encodeSync(Schema.parseJson(AgentRequest)),
  decision: Schema.encodeSync(Schema.parseJson(RequestDecision)),
  taken: Schema.encodeSync(Schema.parseJson(RequestTaken)),
}

const readAt =
  <A, I>(schema: Schema.Schema<A, I>) =>
  (path: string): Effect.Effect<Option.Option<A>, FileFailure> =>
    readBounded(path, FILE_BYTES_MAX).pipe(
      Effect.map((read) =>
        read.kind === "Bytes"
          ? Schema.decodeOption(Schema.parseJson(schema))(read.bytes.toString("utf8"))
          : Option.none(),
      ),
      orElseOn("ENOENT", Option.none<A>()),
      orElseOn("ELOOP", Option.none<A>()),
    )

const readRequest = readAt(AgentRequest)
const readDecision = readAt(RequestDecision)
const readTaken = readAt(RequestTaken)

/** Reads requests. No file of them ever changes, so that each is read once; after that a read only lists names. */
export interface RequestReader {
  /** All requests, oldest first; none when the directory does not exist. */
  readonly all: Effect.Effect<ReadonlyArray<BottleRequest>, FileFailure>
  /** The request of that ID, with what became of it; none when there is none. */
  readonly read: (id: string) => Effect.Effect<Option.Option<BottleRequest>, FileFailure>
}

/** Reads the requests in a directory. */
export const reader = (directory: string): RequestReader => {
  const known = new Map<RequestId, BottleRequest>()
  const update = Effect.fnUntraced(function* (id: RequestId, names: ReadonlySet<string>) {
    const at = (end: string) => join(directory, `${id}${end}`)
    const asked = known.get(id) ?? (yield* valueOf(readRequest(at(".json"))))
    if (asked === undefined) return
    const { decision, taken, ...request }: Partial<BottleRequest> & AgentRequest = asked
    const has = (end: string) => names.has(`${id}${end}`)
    const decided =
      decision ?? (has(".decision.json") ? yield* valueOf(readDecision(at(".decision.json"))) : undefined)
    const took = taken ?? (has(".taken.json") ? yield* valueOf(readTaken(at(".taken.json"))) : undefined)
    known.set(id, {
      ...request,
      ...(decided !== undefined && { decision: decided }),
      ...(took !== undefined && { taken: took }),
      used: has(".used"),
    })
  })
  const all = Effect.gen(function* () {
    const names = new Set(yield* namesIn(directory))
    for (const id of idsAmong(names)) yield* update(id, names)
    return [...known.values()].sort((a, b) => (a.at < b.at || (a.at === b.at && a.id < b.id) ? -1 : 1))
  })
  return {
    all,
    read: (id) => Effect.map(all, (found) => Option.fromNullable(found.find((request) => request.id === id))),
  }
}

const valueOf = <A>(read: Effect.Effect<Option.Option<A>, FileFailure>) =>
  Effect.map(read, Option.getOrUndefined)

const idsAmong = (names: ReadonlySet<string>): ReadonlyArray<RequestId> =>
  [...names].flatMap((name) => {
    const id = name.replace(/\.json$/, "")
    return Schema.is(RequestId)(id) && name === `${id}.json` ? [id] : []
  })

/** Adds a request. False: its ID is in use. */
export const add = (directory: string, request: AgentRequest): Effect.Effect<boolean, FileFailure> =>
  Effect.zipRight(
    ensureDirectory(directory),
    createFile(join(directory, `${request.id}.json`), encoders.request(request)),
  )

/** Stores a decision. False: there is one already. */
export const decide = (directory: string, decision: RequestDecision): Effect.Effect<boolean, FileFailure> =>
  createFile(join(directory, `${decision.id}.decision.json`), encoders.decision(decision))

/** Stores in which run a decision counts. False: that is known already. */
export const take = (directory: string, taken: RequestTaken): Effect.Effect<boolean, FileFailure> =>
  createFile(join(directory, `${taken.id}.taken.json`), encoders.taken(taken))

/** Marks an approval of one connection as used up. False: it was before. */
export const use = (directory: string, id: RequestId): Effect.Effect<boolean, FileFailure> =>
  createFile(join(directory, `${id}.used`), "")
