/** `orchestrate pause|continue|retry`: an operator's requests to the service, whether or not one is running. */
import { Args, Command } from "@effect/cli"
import { Clock, Effect, Option } from "effect"
import { issueName } from "../domain/ForgeState.ts"
import { reportFailures } from "./failure.ts"
import { note, printJson } from "./output.ts"
import { json } from "./shared.ts"

const lazy = Effect.promise(() => import("./lazy/status.ts"))

/** `orchestrate pause` */
export const pause = Command.make("pause", { json }, (options) => turn(true, options)).pipe(
  Command.withDescription("Start nothing new; running agents continue"),
)

/** `orchestrate continue` */
export const goOn = Command.make("continue", { json }, (options) => turn(false, options)).pipe(
  Command.withDescription("Let agents start again"),
)

const turn = (on: boolean, options: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const { ServiceState, stores } = yield* lazy
    const { pausedAt, health } = yield* Effect.provide(
      Effect.gen(function* () {
        const state = yield* ServiceState
        yield* on ? state.pause(yield* Clock.currentTimeMillis) : state.resume
        return { pausedAt: yield* state.pausedAt, health: yield* state.health }
      }),
      stores,
    )
    const isServing = Option.exists(health, (it) => it.isServing)
    if (options.json) {
      const at = Option.map(pausedAt, (time) => new Date(time).toISOString())
      return yield* printJson({ pausedAt: Option.getOrNull(at), serving: isServing })
    }
    yield* note(
      on ? "paused: nothing starts; running agents continue" : "not paused: waiting issues may start",
    )
    if (!isServing) yield* note(NOBODY)
  }).pipe(reportFailures(options.json))

const issue = Args.text({ name: "issue" }).pipe(
  Args.withDescription("OWNER/REPO#NUMBER, or #NUMBER if it is unique"),
)

/** `orchestrate retry ISSUE` */
export const retry = Command.make("retry", { issue, json }, (options) =>
  Effect.gen(function* () {
    const { orchestrateRetry, stores } = yield* lazy
    const { issue, isPaused, isServing } = yield* Effect.provide(orchestrateRetry(options.issue), stores)
    if (options.json) {
      const { forge, owner, repo, issueNumber } = issue
      return yield* printJson({ forge, owner, repo, issueNumber, serving: isServing, paused: isPaused })
    }
    const before = issue.setAside ?? issue.failures?.problem
    if (before !== undefined) yield* note(`cleared: ${before}`)
    yield* note(
      `${issueName(issue)} is looked at ${isServing ? "now" : "when a service runs"}${isPaused ? ', and paused: nothing starts before "bot-bottle orchestrate continue"' : ""}`,
    )
    if (!isServing) yield* note(NOBODY)
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Retry an issue that was given up, was set aside, or waits after failures"))

const NOBODY = `no service runs: "bot-bottle orchestrate serve" starts one`
