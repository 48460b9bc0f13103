/** The folder of a demo. From the folder of a killed demo, the next demo finds and removes its bottles and image. */
import * as FileSystem from "@effect/platform/FileSystem"
import { Clock, Effect, Schema } from "effect"
import { type Stats, lstatSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ownDemoReference, removeDemoImage } from "../../layers/docker/demoImage.ts"
import { Home, homeAt } from "../../layers/home/Home.ts"
import { layer } from "../../layers/live.ts"
import { isAlive, self } from "../../layers/process/ProcessIdentity.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import { destroy } from "../../programs/destroy.ts"
import { listBottles } from "../../programs/listBottles.ts"
import { note } from "../output.ts"

const PREFIX = "bot-bottle-demo-"
/** Name of the file that records the owner process of a folder. */
const OWNER = "owner.json"
const Owner = Schema.parseJson(ProcessIdentity)

/** A folder that has had no owner file for this long was left by a demo that was killed while it created the folder. */
const OWNERLESS_MS = 60_000

/** Creates the folder. It is removed with the scope. */
export const demoPlace = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const place = yield* fs.makeTempDirectoryScoped({ prefix: PREFIX })
  const owner = yield* Effect.flatMap(self, Schema.encode(Owner))
  yield* fs.writeFileString(join(place, OWNER), owner)
  return place
})

/** Removes bottles, image and folder of every demo of this user whose process is gone. What cannot be removed is reported and left. */
export const removeLeftDemos = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(tmpdir())
  for (const name of names.filter((entry) => entry.startsWith(PREFIX))) {
    const place = join(tmpdir(), name)
    if (!(yield* isLeft(place))) continue
    yield* note(`removing what a killed demo left: ${place}`)
    yield* removePlace(place, name).pipe(
      Effect.catchAll((error) => note(`it is left for the next demo: ${error.message}`)),
    )
  }
})

const removePlace = Effect.fnUntraced(function* (place: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.flatMap(listBottles(), (bottles) =>
    Effect.forEach(bottles, ({ slug }) => destroy(slug), { discard: true }),
  ).pipe(Effect.provide(layer), Effect.provideService(Home, homeAt(place)))
  yield* Effect.ignore(removeDemoImage(ownDemoReference(name)))
  yield* fs.remove(place, { recursive: true })
})

/** In a shared temporary directory other users may create folders with that name: only this user's count. */
const isLeft = Effect.fnUntraced(function* (place: string) {
  const fs = yield* FileSystem.FileSystem
  const stat = yield* Effect.orElseSucceed(
    Effect.try((): Stats | undefined => lstatSync(place)),
    () => undefined,
  )
  if (stat?.isDirectory() !== true || stat.uid !== process.getuid?.()) return false
  return yield* fs.readFileString(join(place, OWNER)).pipe(
    Effect.flatMap(Schema.decode(Owner)),
    Effect.flatMap(isAlive),
    Effect.map((alive) => !alive),
    Effect.catchAll(() => Effect.map(Clock.currentTimeMillis, (now) => now - stat.mtimeMs > OWNERLESS_MS)),
  )
})
