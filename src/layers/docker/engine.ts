/** One engine: its command line and its transport. */
import { Effect, Option } from "effect"
import type { BackendError } from "../../services/Backends.ts"
import type { CommandLine } from "./commandLine.ts"
import { makeCommandLine } from "./commandLine.ts"
import { commandTransport } from "./commandTransport.ts"
import type { Dialect } from "./dialect.ts"
import { socketPath } from "./socketPath.ts"
import { socketTransport } from "./socketTransport.ts"
import type { Transport } from "./transport.ts"

export type { Purpose } from "./commandLine.ts"

/** An engine. */
export interface Engine extends CommandLine {
  /** Its socket where it has one on this machine, or else its command line. */
  readonly transport: Effect.Effect<Transport, BackendError>
}

/** How an engine may be reached. */
export type TransportName = "socket" | "command line"

/** The engine that the environment selects. */
export const makeEngine = Effect.fnUntraced(function* (
  dialect: Dialect,
  env: Readonly<Record<string, string | undefined>>,
  by: TransportName = "socket",
) {
  const commands = yield* makeCommandLine(dialect, env)
  const path = by === "socket" ? socketPath(commands, env) : Effect.succeedNone
  const transport = yield* Effect.cached(
    Effect.flatMap(
      path,
      Option.match({
        onNone: () => Effect.succeed(commandTransport(commands)),
        onSome: (found) => socketTransport(commands, found),
      }),
    ),
  )
  const engine: Engine = { ...commands, transport }
  return engine
})
