/** An engine's objects over its Unix socket, without a process of its client. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Schema, Stream } from "effect"
import type { Readable } from "node:stream"
import type { BackendError } from "../../services/Backends.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import type { Refused, Unreachable } from "./api.ts"
import { apiAt, unreachable } from "./api.ts"
import { makeDeaths } from "./deaths.ts"
import { INITIALIZED } from "./dialect.ts"
import { CALL_TIMEOUT_MS, type CommandLine, type Purpose } from "./commandLine.ts"
import { takingApart } from "./frames.ts"
import { INFO_TIMEOUT_MS, type ImageFilters, type Reader, type Transport } from "./transport.ts"

/** How many objects are inspected at once. */
const AT_ONCE = 16

const OK = 200
const NO_CONTENT = 204
const NOT_MODIFIED = 304
const NOT_FOUND = 404

const Listed = Schema.Array(
  Schema.Struct({
    Id: Schema.String,
    RepoTags: Schema.optionalWith(Schema.Array(Schema.String), { nullable: true, default: () => [] }),
  }),
)

const Described = Schema.Struct({
  Id: Schema.String,
  State: Schema.Struct({ Running: Schema.Boolean, Status: Schema.String }),
  Config: Schema.Struct({ Tty: Schema.Boolean }),
})

/** The engine's socket as a transport. */
export const socketTransport = Effect.fnUntraced(function* (engine: CommandLine, path: string) {
  const api = apiAt(path, engine.dialect.apiPrefix)
  const deaths = yield* makeDeaths(api)

  const failed =
    (purpose: Purpose) =>
    (error: Unreachable | Refused): BackendError =>
      error._tag === "Refused"
        ? engine.refusal(purpose, error.message)
        : engine.unavailable(engine.dialect.unreachable(error) ?? `its socket ${path}: ${error.message}`)
  const refuse = (purpose: Purpose, message: string): Effect.Effect<never, BackendError> =>
    Effect.fail(engine.refusal(purpose, message))
  const call = (purpose: Purpose, method: "GET" | "POST", url: string, timeoutMs = CALL_TIMEOUT_MS) =>
    Effect.mapError(api.call(method, url), failed(purpose)).pipe(
      Effect.interruptible,
      Effect.timeoutFail({
        duration: timeoutMs,
        onTimeout: () => engine.failure(purpose, `the engine did not answer within ${timeoutMs} ms`),
      }),
    )
  const decoded = <A, I>(schema: Schema.Schema<A, I>, purpose: Purpose, json: unknown) =>
    Effect.mapError(Schema.decodeUnknown(schema)(json), () =>
      engine.failure(purpose, "the engine described it in an unknown form"),
    )

  const inspect = (purpose: Purpose, kind: "containers" | "images", names: ReadonlyArray<string>) =>
    Effect.forEach(
      names.filter(isName),
      (name) =>
        Effect.flatMap(call(purpose, "GET", `/${kind}/${name}/json`), ({ status, json, message }) => {
          if (status === NOT_FOUND) return Effect.succeed([])
          return status === OK ? Effect.succeed([json]) : refuse(purpose, message)
        }),
      { concurrency: AT_ONCE },
    ).pipe(Effect.map((found) => found.flat()))

  const list = (purpose: Purpose, kind: "containers" | "images", filters: Filters) =>
    Effect.flatMap(
      call(
        purpose,
        "GET",
        `/${kind}/json?all=${kind === "containers"}&filters=${encodeURIComponent(JSON.stringify(filters))}`,
      ),
      ({ status, json, message }) =>
        status === OK ? decoded(Listed, purpose, json) : refuse(purpose, message),
    )

  const describe = (purpose: Purpose, container: string) =>
    Effect.flatMap(inspect(purpose, "containers", [container]), ([json]) =>
      json === undefined ? Effect.succeed(undefined) : decoded(Described, purpose, json),
    )

  /** Who prepared it and was then killed has left it ready. */
  const prepare = Effect.fnUntraced(function* (purpose: Purpose, container: string, cwd: string) {
    const { prepare } = engine.dialect
    if (prepare === undefined) return
    const { exitCode, stderr } = yield* engine.run(purpose, [...prepare, container], { cwd })
    if (exitCode === 0) return
    const found = yield* describe(purpose, container)
    if (found?.State.Status !== INITIALIZED) return yield* engine.refusal(purpose, stderr)
  })

  const transport: Transport = {
    info: (purpose) =>
      Effect.flatMap(call(purpose, "GET", "/info", INFO_TIMEOUT_MS), ({ status, json, message }) =>
        status === OK ? Effect.succeed(json) : refuse(purpose, message),
      ),
    containers: (purpose, names) => inspect(purpose, "containers", names),
    labelled: (purpose, label) =>
      Effect.map(list(purpose, "containers", { label }), (found) => found.map(({ Id }) => Id)),
    images: (purpose, references) => inspect(purpose, "images", references),
    listImages: (purpose, wanted) =>
      Effect.map(list(purpose, "images", imageFilters(wanted)), (found) =>
        found.map(({ Id, RepoTags }) => ({
          id: Id,
          names: RepoTags.filter((name) => !name.includes("<none>")),
        })),
      ),
    start: Effect.fn("socketTransport.start")(function* (purpose, container, directory) {
      yield* prepare(purpose, container, directory)
      const url = `/containers/${container}`
      const { socket, head } = yield* Effect.mapError(
        api.upgrade(`${url}/attach?stream=1&stdout=1&stderr=1`),
        failed(purpose),
      )
      if (head.length > 0) socket.unshift(head)
      const { status, message } = yield* call(purpose, "POST", `${url}/start`)
      if (status !== NO_CONTENT) return yield* refuse(purpose, message)
      const reader: Reader = {
        output: Stream.catchAll(partsOf(socket), () => Stream.empty),
        gone: Effect.void,
        isStarted: true,
      }
      return reader
    }),
    log: (purpose, container, { follow = false, timestamps = false }) =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          const found = yield* describe(purpose, container)
          if (found === undefined) return Stream.empty
          const query = `stdout=1&stderr=1&follow=${follow}&timestamps=${timestamps}`
          const log = yield* Effect.mapError(
            api.follow(`/containers/${found.Id}/logs?${query}`),
            failed(purpose),
          )
          return Stream.mapError(found.Config.Tty ? wholeOf(log) : partsOf(log), failed(purpose))
        }),
      ),
    ended: Effect.fn("socketTransport.ended")(function* (purpose, container) {
      const found = yield* describe(purpose, container)
      if (found === undefined) return false
      const lives = Effect.map(describe(purpose, found.Id), (now) => now?.State.Running === true)
      yield* deaths.await(found.Id, lives).pipe(
        Effect.catchTags({
          Refused: (error) => Effect.fail(failed(purpose)(error)),
          Unreachable: (error) => Effect.fail(failed(purpose)(error)),
        }),
      )
      return true
    }),
    stop: Effect.fn("socketTransport.stop")(function* (purpose, container, seconds) {
      const { status, message } = yield* call(
        purpose,
        "POST",
        `/containers/${container}/stop?t=${seconds}&timeout=${seconds}`,
      )
      if (![NO_CONTENT, NOT_MODIFIED, NOT_FOUND].includes(status)) return yield* refuse(purpose, message)
    }),
  }
  return transport
})

type Filters = Readonly<Record<string, ReadonlyArray<string>>>

const imageFilters = ({ reference, dangling, label }: ImageFilters): Filters => ({
  ...(reference !== undefined && { reference: [reference] }),
  ...(dangling !== undefined && { dangling: [String(dangling)] }),
  ...(label !== undefined && { label: [label] }),
})

/** A name is part of a path. No object has a name that would lead to another one. */
const isName = (name: string): boolean =>
  /^[\w.\-/:@]+$/.test(name) && !name.split("/").some((part) => ["", ".", ".."].includes(part))

const bytesOf = (readable: Readable) =>
  NodeStream.fromReadable<Unreachable, Buffer>(() => readable, unreachable)

/** What a container without a terminal wrote. */
const partsOf = (readable: Readable): Stream.Stream<OutputChunk, Unreachable> =>
  Stream.suspend(() => {
    const takeApart = takingApart()
    return Stream.mapConcat(bytesOf(readable), (bytes) => {
      const at = Date.now()
      return takeApart(bytes).map(({ stream, bytes }) => ({ stream, bytes, at }))
    })
  })

/** What a container with a terminal wrote. */
const wholeOf = (readable: Readable): Stream.Stream<OutputChunk, Unreachable> =>
  Stream.map(bytesOf(readable), (bytes) => ({ stream: "stdout", bytes, at: Date.now() }))
