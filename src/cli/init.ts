/** `init`: writes example manifests. */
import { Command } from "@effect/cli"
import { Effect } from "effect"
import { Manifests } from "../services/Manifests.ts"
import { reportFailures } from "./failure.ts"
import { note, printLine } from "./output.ts"

/** `init` */
export const init = Command.make("init", {}, () =>
  Effect.gen(function* () {
    const { layer } = yield* Effect.promise(() => import("../layers/manifests/FileManifests.ts"))
    const files = yield* Effect.provide(
      Effect.flatMap(Manifests, (manifests) => manifests.init),
      layer,
    )
    yield* Effect.forEach(files, printLine, { discard: true })
    yield* note(`edit them, then: bot-bottle start hello --headless --prompt "Say hello"`)
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Write example manifests into the home"))
