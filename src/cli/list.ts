/** `list`: shows every bottle and its current state. */
import { Command, Options } from "@effect/cli"
import { Clock, Effect, Option, Schema } from "effect"
import { BottleStatus } from "../domain/Bottle.ts"
import { InvalidInput } from "../domain/Errors.ts"
import { costText, shortCount, totalOf, type UseTotal } from "../domain/usage/RunMeter.ts"
import { ofBottle, ofState } from "./colours.ts"
import { reportFailures } from "./failure.ts"
import { type Cell, ago, note, painted, printJson, printLine, table } from "./output.ts"
import { json } from "./shared.ts"

type Show = (bottle: BottleStatus, now: number) => Cell

/** The available columns. */
export const COLUMNS = {
  slug: (bottle) => painted(bottle.slug, ofBottle(bottle.color)),
  label: (bottle) => painted(bottle.label, ofBottle(bottle.color)),
  agent: ({ agent }) => agent,
  bottles: ({ bottles }) => bottles.join(" + "),
  backend: ({ backend }) => backend,
  state: (bottle) => painted(stateText(bottle), ofState(bottle)),
  run: ({ run }) => String(run),
  done: (bottle) => doneText(bottle),
  calls: ({ use }) => cellOf(use, ({ calls }) => String(calls)),
  tokens: ({ use }) => tokensText(use),
  cost: ({ use }) => moneyCell(use),
  color: ({ color }) => Option.getOrElse(color, () => "-"),
  started: ({ createdAt }, now) => ago(createdAt, now),
} satisfies Readonly<Record<string, Show>>

type Column = keyof typeof COLUMNS

/** The default columns. */
const USUAL = "slug,agent,backend,state,run,done,tokens,cost,started"

const spec = {
  json,
  quiet: Options.boolean("quiet").pipe(Options.withAlias("q"), Options.withDescription("Print only slugs")),
  format: Options.text("format").pipe(
    Options.withPseudoName("COLUMNS"),
    Options.withDescription(`Columns to show, separated by commas: ${Object.keys(COLUMNS).join(", ")}`),
    Options.optional,
  ),
}

/** `list` */
export const list = Command.make("list", spec, (options) =>
  Effect.gen(function* () {
    const columns = yield* columnsOf(Option.getOrElse(options.format, () => USUAL))
    const { listBottles, live } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const bottles = yield* Effect.provide(listBottles(), live)
    if (options.json) return yield* printJson(Schema.encodeSync(Schema.Array(BottleStatus))(bottles))
    if (options.quiet) return yield* Effect.forEach(bottles, ({ slug }) => printLine(slug), { discard: true })
    if (bottles.length === 0) return yield* note(`no bottles: "bot-bottle start AGENT" makes one`)
    const now = yield* Clock.currentTimeMillis
    yield* printLine(
      table(
        columns.map((name) => name.toUpperCase()),
        bottles.map((bottle) => columns.map((name) => COLUMNS[name](bottle, now))),
      ),
    )
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("List bottles with their current state"))

/** The columns of `--format`, each once and in the given order. */
const columnsOf = (format: string): Effect.Effect<ReadonlyArray<Column>, InvalidInput> =>
  Effect.forEach(new Set(format.split(",").map((name) => name.trim().toLowerCase())), (name) =>
    isColumn(name)
      ? Effect.succeed(name)
      : new InvalidInput({
          field: "format",
          reason: `there is no column "${name}": ${Object.keys(COLUMNS).join(", ")}`,
        }),
  )

const cellOf = (use: BottleStatus["use"], show: (total: UseTotal) => string): string =>
  Option.match(use, {
    onNone: () => "-",
    onSome: (meter) => (meter.models.length === 0 ? "-" : show(totalOf(meter))),
  })

/** The tokens of a run; `~` before what is partly estimated. */
export const tokensText = (use: BottleStatus["use"]): string =>
  cellOf(use, ({ tokens, estimated }) => `${estimated > 0 ? "~" : ""}${shortCount(tokens)}`)

/** The money of a run. */
export const moneyCell = (use: BottleStatus["use"]): string =>
  Option.match(use, { onNone: () => "-", onSome: costText })

const isColumn = (name: string): name is Column => Object.hasOwn(COLUMNS, name)

/** The agent's signal, cut for a table. */
export const doneText = ({ done }: Pick<BottleStatus, "done">): string =>
  Option.match(done, {
    onNone: () => "-",
    onSome: ({ status, summary }) => `${status}: ${summary.slice(0, 60)}`,
  })

/** The state of a bottle, with how its agent ended. */
export const stateText = (bottle: { readonly state: string; readonly exit: BottleStatus["exit"] }): string =>
  bottle.state === "exited" && Option.isSome(bottle.exit)
    ? `exited (${bottle.exit.value.signal ?? bottle.exit.value.code})`
    : bottle.state
