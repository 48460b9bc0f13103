/** `attach SLUG` and `shell SLUG`: connect the operator's terminal to a bottle. */
import { Command } from "@effect/cli"
import { Effect, Stream } from "effect"
import { Cancelled } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import { reportFailures } from "./failure.ts"
import { note, outputOf } from "./output.ts"
import { isOnTerminal, onTerminal, raw, slug } from "./shared.ts"
import { tailStart, withoutFirst } from "./tail.ts"

const programs = Effect.promise(() => import("./lazy/run.ts"))

/** `attach SLUG` */
export const attach = Command.make("attach", { slug, raw }, (options) =>
  Effect.gen(function* () {
    const { attach, bottleNamed, live, parseSlug, runningBottle } = yield* programs
    yield* Effect.gen(function* () {
      const slug = yield* parseSlug(yield* bottleNamed(options.slug))
      const { bottle } = yield* runningBottle(slug)
      if (bottle.spec.headless) return yield* followHeadless(slug, options.raw)
      if (!isOnTerminal()) return yield* new Cancelled({ reason: "there is no terminal to attach" })
      yield* onTerminal((observe) => attach(slug, { observe }))
    }).pipe(Effect.provide(live))
  }).pipe(reportFailures(false)),
).pipe(
  Command.withDescription(
    "Return to the terminal of an agent that still runs; for a headless agent, follow its output",
  ),
)

/** A headless agent has no stdin to connect: as with `docker attach`, new output is shown, and its exit code is ours. */
const followHeadless = Effect.fn("cli.followHeadless")(function* (slug: Slug, isRaw: boolean) {
  const { awaitEnd, readLogs } = yield* programs
  const from = yield* tailStart(readLogs(slug), 0)
  yield* note(
    `bottle ${slug} is headless: its new output follows, without stdin; Ctrl-C leaves it running, "bot-bottle logs ${slug}" shows all of it`,
  )
  yield* Stream.runForEach(withoutFirst(readLogs(slug, { follow: true }), from), outputOf(isRaw))
  yield* awaitEnd(slug)
})

/** `shell SLUG` */
export const shell = Command.make("shell", { slug }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, live, openShell } = yield* programs
    const exitCode = yield* Effect.provide(Effect.flatMap(bottleNamed(options.slug), openShell), live)
    yield* Effect.sync(() => {
      process.exitCode = exitCode
    })
  }).pipe(reportFailures(false)),
).pipe(Command.withDescription("Open a shell in a running bottle, as its agent's user"))
