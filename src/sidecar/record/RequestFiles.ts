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

/** The request of that ID, with what became of it; none when there is none. */
export const read = Effect.fnUntraced(function* (
  directory: string,
  id: string,
): Effect.fn.Return<Option.Option<BottleRequest>, FileFailure> {
  const names = new Set(yield* namesIn(directory))
  if (!names.has(`${id}.json`)) return Option.none()
  const at = (name: string) => join(directory, `${id}${name}`)
  const request = yield* readRequest(at(".json"))
  if (Option.isNone(request)) return Option.none()
  const decision = yield* readDecision(at(".decision.json"))
  const taken = yield* readTaken(at(".taken.json"))
  return Option.some({
    ...request.value,
    ...(Option.isSome(decision) && { decision: decision.value }),
    ...(Option.isSome(taken) && { taken: taken.value }),
    used: names.has(`${id}.used`),
  })
})

/** IDs of all requests in a directory; none when it does not exist. */
export const ids = (directory: string): Effect.Effect<ReadonlyArray<RequestId>, FileFailure> =>
  Effect.map(namesIn(directory), (names) =>
    names.flatMap((name) => {
      const id = name.replace(/\.json$/, "")
      return Schema.is(RequestId)(id) && name === `${id}.json` ? [id] : []
    }),
  )

/** All requests in a directory, oldest first. */
export const all = Effect.fnUntraced(function* (directory: string) {
  const found = yield* Effect.forEach(yield* ids(directory), (id) => read(directory, id))
  return found
    .flatMap(Option.toArray)
    .sort((a, b) => (a.at < b.at || (a.at === b.at && a.id < b.id) ? -1 : 1))
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
