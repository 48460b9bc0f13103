/** The lines of a bottle's operation log: the existing ones, and those added until its agent ends. */
import * as FileSystem from "@effect/platform/FileSystem"
import { Chunk, Effect, Option, Stream } from "effect"
import { BottleNotFound } from "../../domain/Errors.ts"
import { Home } from "../../layers/home/Home.ts"
import { bottleNamed } from "../../programs/bottleNamed.ts"
import { statusesOf } from "../../programs/listBottles.ts"
import { parseSlug } from "../../programs/parseSlug.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { live } from "./live.ts"

export { live }

const NEWLINE = 10

/** The lines of a bottle's log, by slug or label; `added` is empty without `follow`. */
export const operationLines = Effect.fn("operationLines")(function* (name: string, follow: boolean) {
  const slug = yield* parseSlug(yield* bottleNamed(name))
  const store = yield* BottleStore
  if (Option.isNone(yield* store.get(slug))) return yield* new BottleNotFound({ slug })
  const { operations } = (yield* Home).of(slug)
  const fs = yield* FileSystem.FileSystem
  let offset = 0
  let rest = Buffer.alloc(0)
  /** Complete lines since the last read. A partial line is left for the next read. */
  const fresh = Stream.suspend(() => fs.stream(operations, { offset })).pipe(
    Stream.catchSome((error) =>
      error._tag === "SystemError" && error.reason === "NotFound" ? Option.some(Stream.empty) : Option.none(),
    ),
    Stream.mapConcat((piece) => {
      offset += piece.length
      const bytes = Buffer.concat([rest, piece])
      const end = bytes.lastIndexOf(NEWLINE) + 1
      rest = bytes.subarray(end)
      return bytes
        .toString("utf8", 0, end)
        .split("\n")
        .filter((line) => line !== "")
    }),
  )
  const isAtWork = Effect.flatMap(store.get(slug), (row) =>
    Effect.map(statusesOf(Option.toArray(row)), ([status]) => AT_WORK.has(status?.state ?? "gone")),
  )
  // Checked before the file is read, so that everything written before the end is shown.
  const added = Stream.unfoldChunkEffect(true, (goesOn) =>
    goesOn
      ? Effect.gen(function* () {
          yield* Effect.sleep("500 millis")
          const next = yield* isAtWork
          return Option.some([yield* Stream.runCollect(fresh), next] as const)
        })
      : Effect.succeed(Option.none<readonly [Chunk.Chunk<string>, boolean]>()),
  )
  return { kept: fresh, added: follow ? added : Stream.empty }
})

/** States in which more lines may be added. */
const AT_WORK: ReadonlySet<string> = new Set(["created", "running", "unknown"])
