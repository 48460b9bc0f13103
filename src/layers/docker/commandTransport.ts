/** An engine's objects by its command line: for engines of other machines' contexts, and for those without a socket. */
import { Effect, Ref, Schema, Stream } from "effect"
import type { CommandLine, Purpose } from "./commandLine.ts"
import { INFO_TIMEOUT_MS, type ListedImage, type Reader, type Transport } from "./transport.ts"

const LARGE = { maxOutputBytes: 64 * 1024 * 1024 }

/** The command line as a transport. */
export const commandTransport = (engine: CommandLine): Transport => ({
  info: (purpose) =>
    Effect.flatMap(
      engine.succeed(purpose, ["info", "--format", "{{json .}}"], { timeoutMs: INFO_TIMEOUT_MS }),
      (said) => Effect.mapError(decodeJson(said), unknownForm(engine, purpose)),
    ),
  containers: (purpose, names) => inspect(engine, purpose, "container", names),
  labelled: (purpose, labels) => {
    const filters = labels.flatMap((label) => ["--filter", `label=${label}`])
    const args = ["ps", "--all", "--quiet", "--no-trunc", ...filters]
    return Effect.map(engine.succeed(purpose, args, LARGE), linesOf)
  },
  images: (purpose, references) => inspect(engine, purpose, "image", references),
  listImages: (purpose, { reference, dangling, label }) => {
    const filters = [
      ...(reference === undefined ? [] : [`reference=${reference}`]),
      ...(dangling === undefined ? [] : [`dangling=${dangling}`]),
      ...(label === undefined ? [] : [`label=${label}`]),
    ].flatMap((filter) => ["--filter", filter])
    const format = "{{.ID}} {{.Repository}}:{{.Tag}}"
    const args = ["images", "--no-trunc", "--format", format, ...filters]
    return Effect.map(engine.succeed(purpose, args, LARGE), (rows) => grouped(linesOf(rows)))
  },
  start: Effect.fn("commandTransport.start")(function* (purpose, container, directory) {
    const client = yield* engine.stream(purpose, [...engine.dialect.start, container], directory)
    const isOver = yield* Ref.make(false)
    // It passes every signal that it gets on to the container, except KILL.
    yield* Effect.addFinalizer(() => Effect.unlessEffect(kill(client.pid), Ref.get(isOver)))
    const reader: Reader = {
      output: client.output,
      gone: Effect.zipRight(client.exit, Ref.set(isOver, true)),
      isStarted: false,
    }
    return reader
  }),
  log: (purpose, container, { follow = false, timestamps = false }) =>
    Stream.unwrapScoped(
      Effect.map(
        engine.stream(purpose, [
          "logs",
          ...(follow ? ["--follow"] : []),
          ...(timestamps ? ["--timestamps"] : []),
          container,
        ]),
        ({ output }) => output,
      ),
    ),
  ended: Effect.fn("commandTransport.ended")(function* (purpose, container) {
    let stderr = ""
    const { exitCode } = yield* Effect.scoped(
      Effect.gen(function* () {
        const client = yield* engine.stream(purpose, ["wait", container])
        yield* Stream.runForEach(client.output, ({ stream, bytes }) =>
          Effect.sync(() => {
            if (stream === "stderr") stderr += Buffer.from(bytes).toString("utf8")
          }),
        )
        return yield* client.exit
      }),
    )
    if (exitCode === 0) return true
    return engine.dialect.missing(stderr) ? false : yield* engine.refusal(purpose, stderr)
  }),
  stop: Effect.fn("commandTransport.stop")(function* (purpose, container, seconds) {
    const { exitCode, stderr } = yield* engine.run(purpose, ["stop", "-t", String(seconds), container])
    if (exitCode !== 0 && !engine.dialect.missing(stderr)) return yield* engine.refusal(purpose, stderr)
  }),
})

const inspect = Effect.fnUntraced(function* (
  engine: CommandLine,
  purpose: Purpose,
  kind: "container" | "image",
  names: ReadonlyArray<string>,
) {
  if (names.length === 0) return []
  const { exitCode, stdout, stderr } = yield* engine.run(purpose, [kind, "inspect", ...names], LARGE)
  if (exitCode !== 0 && !engine.dialect.missing(stderr)) return yield* engine.refusal(purpose, stderr)
  return yield* Effect.mapError(decodeAll(stdout), unknownForm(engine, purpose))
})

const unknownForm = (engine: CommandLine, purpose: Purpose) => () =>
  engine.failure(purpose, "the engine described it in an unknown form")

const decodeJson = Schema.decode(Schema.parseJson())

const decodeAll = Schema.decode(Schema.parseJson(Schema.Array(Schema.Unknown)))

const kill = (pid: number) => Effect.ignore(Effect.try(() => process.kill(pid, "SIGKILL")))

const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

/** An image with several names is listed once for each. */
const grouped = (rows: ReadonlyArray<string>): ReadonlyArray<ListedImage> => {
  const names = new Map<string, Array<string>>()
  for (const row of rows) {
    const [id = "", name = ""] = row.split(" ")
    names.set(id, [...(names.get(id) ?? []), ...(name.includes("<none>") ? [] : [name])])
  }
  return [...names].map(([id, all]) => ({ id, names: all }))
}
