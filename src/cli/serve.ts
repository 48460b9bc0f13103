/** `orchestrate serve`: runs the orchestrator until it is interrupted. */
import { Command, Options } from "@effect/cli"
import { Effect, Match } from "effect"
import { issueName } from "../domain/ForgeState.ts"
import type { ServiceEvent } from "../domain/orchestrator/ServiceEvent.ts"
import { reportFailures } from "./failure.ts"
import { note, printJson } from "./output.ts"

/** `--config FILE` */
export const config = Options.text("config").pipe(
  Options.withDescription("The configuration; orchestrator.yaml of the home unless given"),
  Options.optional,
)

const json = Options.boolean("json").pipe(
  Options.withDescription("Print what happens on stdout, a line of JSON for each event"),
)

/** `orchestrate serve` */
export const serve = Command.make("serve", { config, json }, (options) =>
  Effect.gen(function* () {
    const program = yield* Effect.promise(() => import("./lazy/serve.ts"))
    const observe = (event: ServiceEvent) => (options.json ? printJson(asJson(event)) : tell(event))
    return yield* program.serve({ config: options.config, observe })
  }).pipe(endsInOrder, reportFailures(options.json)),
).pipe(Command.withDescription("Carry issues from their label to a merged pull request, until interrupted"))

/** A service that a supervisor ends with TERM has not failed. Ctrl-C exits with 130 as usual. */
const endsInOrder = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const ended = () => void (process.exitCode = 0)
      process.once("SIGTERM", ended)
      return ended
    }),
    () =>
      Effect.onInterrupt(effect, () =>
        note("stopped; agents keep running, and the next service takes over their issues"),
      ),
    (ended) => Effect.sync(() => process.off("SIGTERM", ended)),
  )

const asJson = ({ _tag, ...event }: ServiceEvent) => ({
  event: _tag.toLowerCase(),
  at: new Date().toISOString(),
  ...event,
})

const tell = Match.type<ServiceEvent>().pipe(
  Match.tag("Serving", ({ listening, paused }) =>
    Effect.zipRight(
      listening === null
        ? note(
            "warning: webhook.secret is not configured, so no webhook is accepted: only sweeps detect changes",
          )
        : note(`webhooks: http://${listening}/webhook`),
      note(
        paused
          ? `serving, but paused since "bot-bottle orchestrate pause": nothing starts before "continue"`
          : "serving",
      ),
    ),
  ),
  Match.tag("Began", ({ issue, operation, reason }) =>
    note(`${issueName(issue)}: ${operation.toLowerCase()}: ${reason}`),
  ),
  Match.tag("Ended", ({ issue, operation, slug, run, problem }) =>
    note(
      problem !== undefined
        ? `${issueName(issue)}: ${operation.toLowerCase()} failed: ${problem}`
        : `${issueName(issue)}: ${DONE[operation]}${slug === undefined ? "" : ` bottle ${slug}, run ${run}`}`,
    ),
  ),
  Match.tag("Waits", ({ issue, reason, until }) =>
    note(
      `${issueName(issue)}: waits: ${reason}${until === undefined ? "" : ` (until ${new Date(until).toISOString()})`}`,
    ),
  ),
  Match.tag("Paused", ({ paused }) =>
    note(paused ? "paused: nothing starts" : "continued: agents start again"),
  ),
  // The sweep's own warning reports its problem.
  Match.tag("Sweep", ({ problem }) =>
    problem === null ? note("the forge answers sweeps again") : Effect.void,
  ),
  Match.exhaustive,
)

const DONE = {
  Launch: "launched",
  Resume: "resumed",
  Stop: "stopped",
  Freeze: "frozen",
  Destroy: "destroyed",
} as const
