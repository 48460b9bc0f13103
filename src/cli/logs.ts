/** `logs SLUG`: the output of a bottle's agent. */
import { Command, Options } from "@effect/cli"
import { Effect, Option, Stream } from "effect"
import { reportFailures } from "./failure.ts"
import { passBytes, print } from "./output.ts"
import { raw, slug } from "./shared.ts"

const spec = {
  slug,
  run: Options.integer("run").pipe(
    Options.withDescription("Which run; the newest unless given"),
    Options.optional,
  ),
  follow: Options.boolean("follow").pipe(
    Options.withAlias("f"),
    Options.withDescription("Go on until the agent ends"),
  ),
  raw,
}

/** `logs SLUG` */
export const logs = Command.make("logs", spec, (options) =>
  Effect.gen(function* () {
    const { live, readLogs } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const decoder = new TextDecoder()
    const plain = !process.stdout.isTTY || options.raw
    yield* readLogs(options.slug, { follow: options.follow, run: Option.getOrUndefined(options.run) }).pipe(
      Stream.runForEach((bytes) =>
        plain ? passBytes("stdout", bytes) : print("stdout", decoder.decode(bytes, { stream: true })),
      ),
      Effect.provide(live),
    )
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Print the output of a bottle's agent"))
