/** `list`: every bottle and what it is now. */
import { Command } from "@effect/cli"
import { Clock, Effect, Option, Schema } from "effect"
import { BottleStatus } from "../domain/Bottle.ts"
import { reportFailures } from "./failure.ts"
import { ago, note, printJson, printLine, table } from "./output.ts"
import { json } from "./shared.ts"

/** `list` */
export const list = Command.make("list", { json }, (options) =>
  Effect.gen(function* () {
    const { listBottles, live } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const bottles = yield* Effect.provide(listBottles(), live)
    if (options.json) return yield* printJson(Schema.encodeSync(Schema.Array(BottleStatus))(bottles))
    if (bottles.length === 0) return yield* note(`no bottles: "bot-bottle start AGENT" makes one`)
    const now = yield* Clock.currentTimeMillis
    yield* printLine(
      table(
        ["SLUG", "AGENT", "BACKEND", "STATE", "RUN", "DONE", "STARTED"],
        bottles.map((bottle) => [
          bottle.slug,
          bottle.agent,
          bottle.backend,
          stateText(bottle),
          String(bottle.run),
          doneText(bottle),
          ago(bottle.createdAt, now),
        ]),
      ),
    )
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Show every bottle and what it is now"))

/** What an agent signalled, cut for a table. */
export const doneText = ({ done }: Pick<BottleStatus, "done">): string =>
  Option.match(done, {
    onNone: () => "-",
    onSome: ({ status, summary }) => `${status}: ${summary.slice(0, 60)}`,
  })

/** What a bottle is, with how its agent ended. */
export const stateText = (bottle: { readonly state: string; readonly exit: BottleStatus["exit"] }): string =>
  bottle.state === "exited" && Option.isSome(bottle.exit)
    ? `exited (${bottle.exit.value.signal ?? bottle.exit.value.code})`
    : bottle.state
