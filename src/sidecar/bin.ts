/** The sidecar process: a bin of its own, because it must start fast and stay small. */
import { runMain } from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit, Logger, Option } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import { main } from "./main.ts"

const WRONG_USAGE = 2
const OWN_FAILURE = 125

const reported = main.pipe(
  Effect.tapError((error) => Effect.sync(() => process.stderr.write(`sidecar: ${error.message}\n`))),
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
)

runMain(reported, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => {
    if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return onExit(0)
    const failure = Cause.failureOption(exit.cause)
    onExit(Option.isSome(failure) && failure.value instanceof InvalidInput ? WRONG_USAGE : OWN_FAILURE)
  },
})
