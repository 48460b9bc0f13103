/** One engine: its command line and its transport. */
import { Effect, Option } from "effect"
import type { BackendError } from "../../services/Backends.ts"
import { once } from "../../services/once.ts"
import type { CommandLine } from "./commandLine.ts"
import { makeCommandLine } from "./commandLine.ts"
import { commandTransport } from "./commandTransport.ts"
import type { Dialect } from "./dialect.ts"
import { engineSocket } from "./engineSocket.ts"
import { socketTransport } from "./socketTransport.ts"
import type { Transport } from "./transport.ts"

export type { Purpose } from "./commandLine.ts"

/** An engine. */
export interface Engine extends CommandLine {
  /** Its socket where it has one on this machine, or else its command line. */
  readonly transport: Effect.Effect<Transport, BackendError>
}

const CHOICE = { operation: "check", target: "engine" }

/** How an engine may be reached. */
export type TransportName = "socket" | "command line"

/** The engine that the environment selects. */
export const makeEngine = Effect.fnUntraced(function* (
  dialect: Dialect,
  env: Readonly<Record<string, string | undefined>>,
  by: TransportName = "socket",
) {
  const commands = yield* makeCommandLine(dialect, env)
  const byCommands = commandTransport(commands)
  // A service that does not answer yet may answer later.
  const transport = yield* once(
    Effect.gen(function* () {
      const found = by === "socket" ? yield* engineSocket(commands, env) : Option.none()
      if (Option.isNone(found)) return byCommands
      const { path, optional } = found.value
      const bySocket = yield* socketTransport(commands, path)
      const { otherEngine } = dialect
      if (otherEngine === undefined) return bySocket
      const both = Effect.all([bySocket.info(CHOICE), byCommands.info(CHOICE)], { concurrency: 2 })
      const isSame = Effect.filterOrFail(
        Effect.map(both, ([service, own]) => otherEngine(service, own)),
        Option.isNone,
        (why) => commands.unavailable(`the service at ${path} ${Option.getOrThrow(why)}`),
      )
      return yield* optional
        ? Effect.match(isSame, { onSuccess: () => bySocket, onFailure: () => byCommands })
        : Effect.as(isSame, bySocket)
    }),
  )
  const engine: Engine = { ...commands, transport }
  return engine
})
