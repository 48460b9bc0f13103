/** BottleEvents over the queue directories of a home. */
import { Effect, Layer, Option } from "effect"
import { readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Slug } from "../../domain/Slug.ts"
import { meterFile, readMeterLines } from "../../domain/usage/MeterLine.ts"
import { BottleEvents } from "../../services/BottleEvents.ts"
import { file, orElseOn } from "../../files/files.ts"
import { commentsOf } from "../../sidecar/forge/limits.ts"
import * as QueueDir from "../../sidecar/record/QueueDir.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { fileFailed } from "./fileFailed.ts"

const make = (home: HomeShape): typeof BottleEvents.Service => ({
  events: (slug) => QueueDir.events(home.of(slug).queue, slug),
  append: (event) => QueueDir.append(home.of(event.slug).queue, event),
  settle: (slug, number) => QueueDir.settle(home.of(slug).queue, slug, number),
  lastCheckin: Effect.fn("BottleEvents.lastCheckin")(function* (slug: Slug) {
    const status = yield* file(() => stat(home.of(slug).checkin)).pipe(
      Effect.asSome,
      orElseOn("ENOENT", Option.none()),
      fileFailed(slug, "reading its check-in"),
    )
    return Option.map(status, ({ mtime }) => mtime.toISOString())
  }),
  comments: (slug, run) =>
    fileFailed(slug, "reading its counts")(commentsOf(join(home.of(slug).state, "counts"), run)),
  use: Effect.fn("BottleEvents.use")(function* (slug: Slug, run: number, underWay: boolean) {
    const path = join(home.of(slug).state, meterFile(run))
    const text = yield* file(() => readFile(path, "utf8")).pipe(
      Effect.asSome,
      orElseOn("ENOENT", Option.none()),
      fileFailed(slug, "reading its meter"),
    )
    return Option.map(text, (text) => readMeterLines(text, underWay).meter)
  }),
})

/** The events of a home's bottles. */
export const layer: Layer.Layer<BottleEvents> = Layer.effect(BottleEvents, Effect.map(Home, make))
