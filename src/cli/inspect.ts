/** `inspect SLUG`: everything that is known about a bottle. */
import { Command } from "@effect/cli"
import { Effect, Option, Schema } from "effect"
import { BottleMetadata } from "../domain/Bottle.ts"
import { ForgeState, issueName } from "../domain/ForgeState.ts"
import { Home } from "../layers/home/Home.ts"
import type { Inspected } from "../programs/inspectBottle.ts"
import { costText, type RunMeter, useText } from "../domain/usage/RunMeter.ts"
import { ofBottle, ofState } from "./colours.ts"
import { reportFailures } from "./failure.ts"
import { stateText } from "./list.ts"
import { type Cell, painted, printJson, printLine, table } from "./output.ts"
import { json, slug } from "./shared.ts"

/** `inspect SLUG` */
export const inspect = Command.make("inspect", { slug, json }, (options) =>
  Effect.gen(function* () {
    const { bottleNamed, inspectBottle, live } = yield* Effect.promise(() => import("./lazy/run.ts"))
    const found = yield* Effect.provide(Effect.flatMap(bottleNamed(options.slug), inspectBottle), live)
    const { state, operations, output } = (yield* Home).of(found.bottle.slug)
    const outputs = Array.from({ length: found.bottle.run }, (_, at) => output(at + 1))
    const files = { state, operations, outputs }
    yield* options.json ? printJson(asJson(found, files)) : printLine(asTable(found, files))
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Show everything known about a bottle"))

interface Files {
  readonly state: string
  readonly operations: string
  readonly outputs: ReadonlyArray<string>
}

const asJson = (
  { bottle, state, leases, lastCheckinAt, use, limits, issues }: Inspected,
  files: Files,
): unknown => ({
  ...Schema.encodeSync(BottleMetadata)(bottle),
  use: Option.getOrNull(use),
  state,
  leases,
  lastCheckinAt,
  limits,
  issues: Schema.encodeSync(Schema.Array(ForgeState))(issues),
  files,
})

/** A line for each model, and for each host of the egress. */
const useRows = ({ models, hosts }: RunMeter): ReadonlyArray<readonly [string, Cell]> => [
  ...models.map(
    (use) =>
      [
        "model",
        `${use.model || "(not named)"} by route ${use.route}: ${use.calls} calls, ${use.input} in (${use.cached} cached), ${use.output} out (${use.reasoning} reasoning), ${costText({ models: [use], hosts: [] })}${use.estimated > 0 ? `, ${use.estimated} estimated` : ""}`,
      ] as const,
  ),
  ...hosts.map(
    (use) =>
      [
        "egress",
        `${use.host}: ${use.connections} connections, ${use.up} bytes up, ${use.down} bytes down, ${Math.round(use.milliseconds / 1000)} s`,
      ] as const,
  ),
]

const asTable = ({ bottle, state, leases, lastCheckinAt, use, limits, issues }: Inspected, files: Files) => {
  const { spec, trouble } = bottle
  const or = (value: Option.Option<string>, otherwise = "-") => Option.getOrElse(value, () => otherwise)
  const rows: ReadonlyArray<readonly [string, Cell]> = [
    ["slug", painted(bottle.slug, ofBottle(spec.color))],
    ["label", spec.label],
    ["agent", `${spec.agent}, with bottle ${spec.bottles.join(" + ")}`],
    [
      "backend",
      `${spec.backend}${Option.match(bottle.engine, { onNone: () => "", onSome: (it) => `, engine ${it}` })}`,
    ],
    ["state", painted(stateText({ state, exit: bottle.exit }), ofState({ state, exit: bottle.exit }))],
    [
      "run",
      `${bottle.run}, ${spec.headless ? "headless" : "on a terminal"}${spec.forgeTargeted ? ", with a forge" : ""}`,
    ],
    ["created", bottle.createdAt],
    ["started", or(bottle.startedAt)],
    ["ended", or(Option.map(bottle.exit, ({ at, code, signal }) => `${at} with ${signal ?? code}`))],
    ["frozen", or(bottle.frozenAt)],
    ["last call", lastCheckinAt || "-"],
    ["done", or(Option.map(bottle.done, ({ status, summary }) => `${status}: ${summary}`))],
    ["trouble", Object.keys(trouble).length === 0 ? "-" : JSON.stringify(trouble)],
    [
      "limits",
      [
        `timeout ${limits.timeout ?? "none"}`,
        `idleTimeout ${limits.idleTimeout ?? "none"}`,
        ...(["tokens", "cost", "calls"] as const).flatMap((limit) =>
          limits[limit] === undefined ? [] : [`${limit} ${limits[limit]}`],
        ),
      ].join(", "),
    ],
    ["used", or(Option.map(use, useText)) || "-"],
    ...Option.match(use, { onNone: () => [], onSome: useRows }),
    ["user", or(bottle.user)],
    ["image", or(bottle.imageDigest)],
    ["artifact", or(bottle.artifact)],
    ...(spec.missing.length === 0
      ? []
      : [["repository", `uses ${spec.missing.join(" and ")}, which is not in the clone`] as const]),
    ["directory", `${spec.cwd}${spec.copyCwd ? " (copied)" : ""}`],
    [
      "operation",
      leases.operation === undefined ? "-" : `${leases.operation.name}, process ${leases.operation.pid}`,
    ],
    ["watcher", leases.watcher === undefined ? "-" : `process ${leases.watcher}`],
    ...issues.map((issue) => ["issue", `${issueName(issue)} (${issue.status})`] as const),
    ["state in", files.state],
    ["operations", files.operations],
    ["output", files.outputs.at(-1) ?? "-"],
    ["version", bottle.version],
  ]
  // Without a header: each line names its value.
  return table(["", ""], rows).slice(1)
}
