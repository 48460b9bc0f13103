/** `logs SLUG`: shows the output of a bottle's agent. */
import { Command, Options } from "@effect/cli"
import { Effect, Option, Stream } from "effect"
import { useText } from "../domain/usage/RunMeter.ts"
import { reportFailures } from "./failure.ts"
import { note, outputOf, printJson } from "./output.ts"
import { tailStart, withoutFirst } from "./tail.ts"
import { follow, raw, slug, tail } from "./shared.ts"
import * as Since from "./since.ts"

const spec = {
  slug,
  run: Options.integer("run").pipe(
    Options.withDescription("Number of the run; default: the newest"),
    Options.optional,
  ),
  follow,
  tail,
  since: Since.since("output"),
  json: Options.boolean("json").pipe(
    Options.withDescription("Print the output as lines of JSON: {text}, and at the end {run, use}"),
  ),
  raw,
}

/** `logs SLUG` */
export const logs = Command.make("logs", spec, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, readLogs, runUse } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const decoder = new TextDecoder()
    const show = options.json
      ? (bytes: Uint8Array) => printJson({ text: decoder.decode(bytes, { stream: true }) })
      : outputOf(options.raw)
    yield* Effect.gen(function* () {
      const slug = yield* bottleNamed(options.slug)
      const run = Option.getOrUndefined(options.run)
      const time = Option.map(options.since, Since.timeOf)
      const since = Option.isNone(time) ? undefined : yield* time.value
      const from = yield* Option.match(options.tail, {
        onNone: () => Effect.succeed(0),
        onSome: (lines) => tailStart(readLogs(slug, { run, since }), lines),
      })
      yield* Stream.runForEach(
        withoutFirst(readLogs(slug, { run, since, follow: options.follow }), from),
        show,
      )
      const { run: shown, use } = yield* runUse(slug, run)
      if (options.json) return yield* printJson({ run: shown, use: Option.getOrNull(use) })
      const text = Option.match(use, { onNone: () => "", onSome: useText })
      if (text !== "") yield* note(`run ${shown} of ${slug}: ${text}`)
    }).pipe(Effect.provide(live))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Print the output of the agent"))
